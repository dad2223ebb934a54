"""A snapshot from a CSV, JSON Lines or Parquet file, read by DuckDB's own readers.

The file is not read here: `relation` returns the SELECT that reads it, with typed columns and, for an invalid row, the
problem with it.
"""

import csv
from pathlib import Path

from accounting.collectors.files import csv_file
from accounting.collectors.files.json_lines import objects
from accounting.errors import CHECK_PATH, AcctError
from accounting.instants import EPOCH_SECONDS, INSTANT
from accounting.model import FORMATS
from accounting.paths import glob_of

COLUMNS = ("workspace", "format", "package", "version", "digest", "size", "uploaded_at")
_KIND = "a snapshot"


def relation(file: Path) -> str:
    """SELECT workspace, format, package, version, digest, size_bytes, uploaded_at (epoch seconds), problem.

    One row per row of the file; `problem` is null if the row is well formed. Raises AcctError if the file cannot be
    opened, has an unknown suffix, or lacks a column.
    """
    readers = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".json": _json_lines, ".parquet": _parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise AcctError(str(file), "does not end in .csv, .jsonl or .parquet", "rename it to fit its content")
    return _checked(reader(file))


def position(file: Path, row: int) -> str:
    """The position of the row of that number (the first is 1), such as `images.csv, line 7`."""
    if file.suffix.lower() == ".parquet":
        return f"{file}, row {row}"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if file.suffix.lower() == ".csv":
            rows = csv.reader(lines)
            filled = (rows.line_num for fields in rows if fields)
            numbers = [0, *(number for number, _ in zip(filled, range(row + 1), strict=False))]
            return f"{file}, line {numbers[-2] + 1}"
        filled = (number for number, line in enumerate(lines, 1) if line.strip())
        return f"{file}, line {[number for number, _ in zip(filled, range(row), strict=False)][-1]}"


def _csv(file: Path) -> str:
    return f"SELECT {', '.join(COLUMNS)}, true AS readable FROM {csv_file.reader(file, COLUMNS, _KIND)}"


def _json_lines(file: Path) -> str:
    fields = ", ".join(f'"{name}": "VARCHAR"' for name in COLUMNS)
    return f"""
        SELECT {", ".join(f"row.{name}" for name in COLUMNS)}, object IS NOT NULL AS readable
        FROM (SELECT object, json_transform(object, '{{{fields}}}') AS row FROM ({objects(file)}))"""


def _parquet(file: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(file)
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror or error}", CHECK_PATH) from error
    except pa.ArrowException as error:
        raise AcctError(str(file), f"cannot be read: {error}", "export it again") from error
    csv_file.require(file, schema.names, COLUMNS, _KIND)
    size, uploaded_at = schema.field("size").type, schema.field("uploaded_at").type
    # Typed columns need no parsing; a timestamp without a zone becomes text, which is refused for want of an offset.
    as_text = {
        "size": not pa.types.is_integer(size),
        "uploaded_at": not (pa.types.is_timestamp(uploaded_at) and uploaded_at.tz),
    }
    columns = [f"CAST({name} AS VARCHAR) AS {name}" if as_text.get(name, True) else name for name in COLUMNS]
    return f"SELECT {', '.join(columns)}, true AS readable FROM read_parquet({_text(glob_of(file))})"


def _checked(source: str) -> str:
    """Types and problems of raw rows; text is matched first, because a cast alone accepts 2.7, 1e3 and 0x10 as whole
    numbers."""
    formats = ", ".join(_text(name) for name in FORMATS)
    return f"""
    WITH raw AS ({source}),
    typed AS (
        SELECT coalesce(workspace, '') AS workspace, coalesce(format, '') AS format,
               coalesce(package, '') AS package, coalesce(version, '') AS version,
               coalesce(digest, '') AS digest, size, uploaded_at AS uploaded, readable,
               CASE WHEN typeof(size) <> 'VARCHAR' OR regexp_full_match(size::VARCHAR, '[0-9]{{1,19}}')
                    THEN TRY_CAST(size AS BIGINT) END AS size_bytes,
               CASE WHEN typeof(uploaded_at) <> 'VARCHAR' THEN TRY_CAST(uploaded_at AS TIMESTAMPTZ)
                    WHEN regexp_full_match(uploaded_at::VARCHAR, {_text(INSTANT)})
                    THEN TRY_CAST(upper(uploaded_at::VARCHAR) AS TIMESTAMPTZ) END AS instant
        FROM raw
    )
    SELECT workspace, format, package, version, digest, size_bytes,
           {EPOCH_SECONDS} AS uploaded_at,
           CASE
               WHEN NOT readable THEN 'is not a JSON object'
               WHEN workspace = '' THEN 'the workspace is empty'
               WHEN format NOT IN ({formats}) THEN 'the format ''' || format || ''' is not one of {", ".join(FORMATS)}'
               WHEN package = '' THEN 'the package is empty'
               WHEN digest = '' THEN 'the digest is empty'
               WHEN size_bytes IS NULL OR size_bytes < 0
                   THEN 'the size ''' || coalesce(size::VARCHAR, '') || ''' is not a whole number '
                       || 'of bytes from 0 to 2^63-1'
               WHEN coalesce(NOT isfinite(instant), uploaded::VARCHAR <> '')
                   THEN 'uploaded_at ''' || uploaded || ''' is not an ISO 8601 instant with an offset'
           END AS problem
    FROM typed"""


def _text(value: str) -> str:
    """A string literal in SQL."""
    return "'" + value.replace("'", "''") + "'"
