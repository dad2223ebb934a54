"""JSON Lines and JSON arrays, read by DuckDB's own readers, so that complaints name a line or an element."""

import json
import os
from pathlib import Path

from accounting.errors import CHECK_PATH, AcctError
from accounting.paths import glob_of

_LONGEST_LINE_BYTES = 16 * 2**20
_BLANK = b" \t\r\n"
_END_BYTES = 64 * 1024  # of a file are looked at for what is not blank


def objects(file: Path) -> str:
    """SELECT line_number, object: one row per line that is not blank; `object` is null where it is no JSON object.

    Raises AcctError where the file cannot be opened.
    """
    _ends(file)
    path = glob_of(file).replace("'", "''")
    # A control character never stands raw in JSON, so each line is one column whatever it holds.
    return f"""
        SELECT line_number, CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN line END AS object
        FROM (
            SELECT row_number() OVER () AS line_number, line
            FROM read_csv('{path}', columns = {{line: 'VARCHAR'}}, delim = '\x01', quote = '', escape = '',
                          header = false, auto_detect = false, max_line_size = {_LONGEST_LINE_BYTES})
        )
        WHERE trim(line) <> ''"""


def is_array(file: Path) -> bool:
    """Whether a file holds one JSON array, and no lines of JSON. Raises AcctError where it cannot be opened."""
    return _ends(file)[0] == b"["


def elements(file: Path) -> str:
    """SELECT line_number, object as `objects` does: one row per element of a JSON array, by its number.

    Raises AcctError where the file cannot be opened, and where it has no end.
    """
    if _ends(file)[1] != b"]":  # DuckDB takes what ends behind a comma for the whole
        raise AcctError(str(file), "is cut short: its JSON array has no end", "write the file again")
    path = glob_of(file).replace("'", "''")
    return f"""
        SELECT row_number() OVER () AS line_number, CASE WHEN json_type(element) = 'OBJECT' THEN element END AS object
        FROM read_json('{path}', format = 'array', records = false, columns = {{element: 'JSON'}},
                       maximum_object_size = {_LONGEST_LINE_BYTES})"""


def broken_array(file: Path) -> AcctError | None:
    """What is wrong with a JSON array that DuckDB could not read, and in which line; None where it is sound."""
    what, hint = "is no JSON array", "correct the file and import it again"
    try:
        json.loads(file.read_bytes().decode("utf-8-sig"), parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            what = "something follows the end of the JSON array"
        else:
            what += f": {error.msg} (column {error.colno})"
        return AcctError(f"{file}, line {error.lineno}", what, hint)
    except UnicodeDecodeError:
        return AcctError(str(file), f"{what}: it is not written in UTF-8", hint)
    except RecursionError:
        return AcctError(str(file), f"{what}: it is nested too deeply", hint)
    return None


def _ends(file: Path) -> tuple[bytes, bytes]:
    """The first and the last byte of a file that are not blank; AcctError where it cannot be opened."""
    try:
        with file.open("rb") as content:
            start = content.read(_END_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
            content.seek(max(0, os.fstat(content.fileno()).st_size - _END_BYTES))
            return start[:1], content.read().rstrip(_BLANK)[-1:]
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", CHECK_PATH) from error
