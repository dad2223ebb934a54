"""A table of packages and the repositories that they are linked to, from a CSV file."""

from pathlib import Path

from accounting.collectors.files.csv_file import reader
from accounting.model import FORMATS

COLUMNS = ("workspace", "format", "package", "repository")


def relation(file: Path) -> str:
    """SELECT row, workspace, format, package, repository, problem: one row per row of the file, from 1.

    `problem` is null if the row is valid. Raises AcctError if the file cannot be read or lacks a column.
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
               WHEN format NOT IN ({formats}) THEN 'the format ''' || format || ''' is not one of {", ".join(FORMATS)}'
               WHEN contains(workspace, '/') THEN 'the workspace ''' || workspace || ''' contains a slash'
               WHEN contains(repository, '/') THEN 'the repository ''' || repository || ''' contains a slash'
               WHEN repository <> first_value(repository) OVER (PARTITION BY workspace, format, package ORDER BY row)
                   THEN 'links ' || package || ' to ' || repository || ', but another row links it elsewhere'
           END AS problem
    FROM filled"""
