"""JSON Lines, read by DuckDB's own reader, line by line, so that every complaint can name its line."""

from pathlib import Path

from accounting.errors import CHECK_PATH, AcctError
from accounting.paths import glob_of

_LONGEST_LINE_BYTES = 16 * 2**20


def objects(file: Path) -> str:
    """SELECT line_number, object: one row per line that is not blank; `object` is null where it is no JSON object.

    Raises AcctError where the file cannot be opened.
    """
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", CHECK_PATH) from error
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
