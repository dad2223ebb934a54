"""A table of packages and the repositories that they are linked to, from a CSV file."""

from pathlib import Path

from accounting.collectors.csv_file import reader
from accounting.model import FORMATS

COLUMNS = ("workspace", "format", "package", "repository")


def relation(file: Path) -> str:
    """SELECT row, workspace, format, package, repository, problem: one row per row of the file, from 1.

    `problem` is null where the row can be taken. Raises AcctError where the file cannot be read or lacks a column.
    """
    empty = " ".join(f"WHEN {name} = '' THEN 'the {name} is empty'" for name in COLUMNS)
    formats = ", ".join(f"'{name}'" for name in FORMATS)
    return f"""
    WITH filled AS (
        SELECT row_number() OVER () AS row, {", ".join(f"coalesce({name}, '') AS {name}" for name in COLUMNS)}
        FROM {reader(file, COLUMNS, "a table of links")}
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
