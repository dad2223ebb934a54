"""JSON Lines and JSON arrays, read by DuckDB's own readers, so that errors name a line or an element."""

import json
import os
from pathlib import Path

from accounting.errors import CHECK_PATH, AcctError
from accounting.paths import glob_of

_LONGEST_LINE_BYTES = 16 * 2**20
_BLANK = b" \t\r\n"
_END_BYTES = 64 * 1024  # the part of a file at either end that is searched for its first and last character


def objects(file: Path) -> str:
    """SELECT line_number, object: one row per line that is not blank; `object` is null if it is not a JSON object.

    Raises AcctError if the file cannot be opened.
    """
    _ends(file)
    path = glob_of(file).replace("'", "''")
    # JSON never contains a raw control character, so with this delimiter each line is one column.
    return f"""
        SELECT line_number, CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN line END AS object
        FROM (
            SELECT row_number() OVER () AS line_number, line
            FROM read_csv('{path}', columns = {{line: 'VARCHAR'}}, delim = '\x01', quote = '', escape = '',
                          header = false, auto_detect = false, max_line_size = {_LONGEST_LINE_BYTES})
        )
        WHERE trim(line) <> ''"""


def is_array(file: Path) -> bool:
    """Whether a file is one JSON array instead of JSON Lines. Raises AcctError if it cannot be opened."""
    return _ends(file)[0] == b"["


def elements(file: Path) -> str:
    """SELECT line_number, object as in `objects`: one row per element of a JSON array, with its number.

    Raises AcctError if the file cannot be opened, or if the array has no end.
    """
    if _ends(file)[1] != b"]":  # DuckDB accepts an array that ends after a comma as complete
        raise AcctError(str(file), "is truncated: its JSON array has no end", "write the file again")
    path = glob_of(file).replace("'", "''")
    return f"""
        SELECT row_number() OVER () AS line_number, CASE WHEN json_type(element) = 'OBJECT' THEN element END AS object
        FROM read_json('{path}', format = 'array', records = false, columns = {{element: 'JSON'}},
                       maximum_object_size = {_LONGEST_LINE_BYTES})"""


def broken_array(file: Path) -> AcctError | None:
    """What is wrong, and in which line, with a JSON array that DuckDB could not read; None if nothing is wrong."""
    what, hint = "is not a JSON array", "correct the file and import it again"
    try:
        json.loads(file.read_bytes().decode("utf-8-sig"), parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            what = "there is more text after the end of the JSON array"
        else:
            what += f": {error.msg} (column {error.colno})"
        return AcctError(f"{file}, line {error.lineno}", what, hint)
    except UnicodeDecodeError:
        return AcctError(str(file), f"{what}: it is not encoded in UTF-8", hint)
    except RecursionError:
        return AcctError(str(file), f"{what}: it is nested too deeply", hint)
    return None


def _ends(file: Path) -> tuple[bytes, bytes]:
    """The first and the last byte of a file that are not blank; AcctError if it cannot be opened."""
    try:
        with file.open("rb") as content:
            start = content.read(_END_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
            content.seek(max(0, os.fstat(content.fileno()).st_size - _END_BYTES))
            return start[:1], content.read().rstrip(_BLANK)[-1:]
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", CHECK_PATH) from error
