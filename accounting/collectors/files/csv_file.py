"""A CSV file with named columns, all text, read by DuckDB's own reader as strictly as RFC 4180 demands."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from accounting.errors import CHECK_PATH, AcctError
from accounting.paths import glob_of

# Python's own limit is lower than that of DuckDB, which reads the rows after the header.
csv.field_size_limit(sys.maxsize)


def reader(file: Path, columns: Sequence[str], kind: str) -> str:
    """The `read_csv(…)` that returns these columns of a file, which may have others; `kind` says what the file is.

    Raises AcctError if the file cannot be read, or if its header lacks a column or has one twice.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AcctError(str(file), f"cannot be read: {reason}", CHECK_PATH) from error
    require(file, header, columns, kind)
    named = (name if name in columns else f"column {i}" for i, name in enumerate(header))
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in named)
    path = glob_of(file).replace("'", "''")
    return (
        f"read_csv('{path}', columns = {{{types}}}, header = true, auto_detect = false,"
        " delim = ',', quote = '\"', escape = '\"', strict_mode = true)"
    )


def require(file: Path, header: Sequence[str], columns: Sequence[str], kind: str) -> None:
    """AcctError unless a header names each of the columns once."""
    missing = [name for name in columns if name not in header]
    separator = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
    if missing and separator:
        named = {";": "semicolons", "\t": "tabs", "|": "bars"}[separator]
        raise AcctError(str(file), f"its columns are separated by {named}", "save it as CSV with commas")
    if missing:
        raise AcctError(
            str(file), f"has no column {', '.join(missing)}", f"{kind} has the columns {', '.join(columns)}"
        )
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise AcctError(str(file), f"has the column {', '.join(twice)} twice", "keep one of them")
