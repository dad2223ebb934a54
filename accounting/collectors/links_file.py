"""A table of packages and the repositories that they are linked to, from a CSV file, read by DuckDB's own reader."""

import csv
from pathlib import Path

from accounting.errors import AcctError
from accounting.model import FORMATS
from accounting.paths import glob_of

COLUMNS = ("workspace", "format", "package", "repository")


def relation(file: Path) -> str:
    """SELECT row, workspace, format, package, repository, problem: one row per row of the file, from 1.

    `problem` is null where the row can be taken. Raises AcctError where the file cannot be read or lacks a column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AcctError(str(file), f"cannot be read: {reason}") from error
    for name in COLUMNS:
        if header.count(name) != 1:
            what = f"has the column {name} twice" if name in header else f"has no column {name}"
            raise AcctError(str(file), what, f"a table of links has the columns {', '.join(COLUMNS)}")
    names = [name if name in COLUMNS else f"column {i}" for i, name in enumerate(header)]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    path = glob_of(file).replace("'", "''")
    empty = " ".join(f"WHEN {name} = '' THEN 'the {name} is empty'" for name in COLUMNS)
    formats = ", ".join(f"'{name}'" for name in FORMATS)
    return f"""
    WITH filled AS (
        SELECT row_number() OVER () AS row, {", ".join(f"coalesce({name}, '') AS {name}" for name in COLUMNS)}
        FROM read_csv('{path}', columns = {{{columns}}}, header = true, auto_detect = false, delim = ',',
                      quote = '"', escape = '"', strict_mode = true)
    )
    SELECT row, {", ".join(COLUMNS)},
           CASE {empty}
               WHEN format NOT IN ({formats}) THEN 'the format ''' || format || ''' is none of {", ".join(FORMATS)}'
               WHEN contains(workspace, '/') THEN 'the workspace ''' || workspace || ''' holds a /'
               WHEN contains(repository, '/') THEN 'the repository ''' || repository || ''' holds a /'
               WHEN repository <> first_value(repository) OVER (PARTITION BY workspace, format, package ORDER BY row)
                   THEN 'links ' || package || ' to ' || repository || ', another row to another repository'
           END AS problem
    FROM filled"""
