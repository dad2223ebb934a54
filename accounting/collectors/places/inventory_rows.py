"""The rows of a file of an S3 Inventory, CSV or Parquet, as objects.

Amazon S3 User Guide, "Amazon S3 Inventory list": in a CSV file, which is compressed and has no header, the columns are
in the order of the manifest's fileSchema, and keys are URL-encoded, a space as `+`; in a Parquet file columns have
names, and keys are not encoded. If versions are listed, an object is the latest version of its key, unless that is a
delete marker, which has no size.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import polars as pl

from accounting.errors import AcctError
from accounting.instants import FIRST, LAST

if TYPE_CHECKING:
    import pyarrow as pa

# The columns that are read: their names in a CSV's schema, and in Parquet.
COLUMNS = {
    "Bucket": "bucket",
    "Key": "key",
    "VersionId": "version_id",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "ETag": "e_tag",
}
NEEDED = ("key", "size", "last_modified_date")
VERSIONS = ("version_id", "is_latest", "is_delete_marker")  # together, or none of them
ROWS, BLOCK_BYTES = 250_000, 16 * 2**20  # the parsed part of a file that is in memory at a time

_HINT = "collect again with the next inventory"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$"
# One pass decodes each escape once and no more: %2541 becomes %41, not A.
_ASCII = {form % code: chr(code) for code in range(128) for form in ("%%%02X", "%%%02x")} | {"+": " "}


def objects_of(
    where: str, content: bytes, file_format: str, columns: tuple[str, ...], bucket: str
) -> Iterator[pl.DataFrame]:
    """The objects that a file lists as current, in batches, as store.OBJECTS with their whole keys.

    `columns` are those of the manifest, by the names of COLUMNS. Raises AcctError if the file cannot be read and,
    naming the key, for a row that is malformed or of another bucket.
    """
    import pyarrow as pa

    read = [name for name in COLUMNS.values() if name in columns and name != "version_id"]
    try:
        if file_format == "CSV":
            for rows in _csv(where, content, columns, read):
                yield _objects(where, _typed(where, rows), bucket)
        else:
            for rows in _parquet(content, read):
                yield _objects(where, _cast(rows), bucket)
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise AcctError(where, f"cannot be read: {said}", _HINT) from error
    except pl.exceptions.PolarsError as error:
        raise AcctError(where, "cannot be read: a column has the wrong type", _HINT) from error


def _csv(where: str, content: bytes, columns: tuple[str, ...], read: list[str]) -> Iterator[pl.DataFrame]:
    """The columns to read of a compressed CSV file, as text."""
    import pyarrow as pa
    from pyarrow import csv

    # Arrow's reader refuses a row with the wrong number of columns; Polars' would fill it up.
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as text:
        if not text.peek(1):
            return
        batches = csv.open_csv(
            text,
            csv.ReadOptions(column_names=list(columns), block_size=BLOCK_BYTES),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(
                include_columns=read, column_types=dict.fromkeys(read, pa.string()), strings_can_be_null=False
            ),
        )
        for number, batch in enumerate(batches):
            rows = _frame(batch)
            if number == 0 and _is_header(rows["size"].first(), columns):
                hint = "write it without that line; the manifest names its columns"
                raise AcctError(where, "begins with a header line, which an S3 inventory does not have", hint)
            yield rows


def _is_header(size: object, columns: tuple[str, ...]) -> bool:
    """Whether the first row has the name of any column in place of its size.

    >>> [_is_header(size, ("key", "size", "StorageClass")) for size in ("Size", "storage_class", "100")]
    [True, True, False]
    """
    return str(size).strip().replace("_", "").lower() in {name.replace("_", "").lower() for name in columns}


def _parquet(content: bytes, read: list[str]) -> Iterator[pl.DataFrame]:
    import pyarrow as pa
    from pyarrow import parquet

    file = parquet.ParquetFile(pa.BufferReader(content))
    missing = [name for name in read if name not in file.schema_arrow.names]
    if missing:
        raise pa.ArrowInvalid(f"it has no column {missing[0]}")
    for batch in file.iter_batches(ROWS, columns=read):
        yield _frame(batch)


def _frame(batch: "pa.RecordBatch") -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _typed(where: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Text to types, null if malformed; a cast alone would accept `+5` as a number and ` 1-1-1` as a date."""
    flags = [name for name in ("is_latest", "is_delete_marker") if name in rows.columns]
    size, date = pl.col("size"), pl.col("last_modified_date")
    instant = date.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ms", strict=False)
    try:
        rows = rows.with_columns(decoded(rows["key"]))
    except ValueError as error:
        raise AcctError(where, f"has a key that is not URL-encoded: {error}", _HINT) from error
    return rows.with_columns(
        pl.when(size.str.contains("^[0-9]{1,19}$")).then(size).cast(pl.Int64, strict=False),
        pl.when(date.str.contains(_DATE)).then(instant),
        pl.col(flags).replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean),
    )


def decoded(keys: pl.Series) -> pl.Series:
    """URL-encoded keys, decoded. Raises ValueError, with the key, if one is not URL-encoded."""
    if not keys.str.contains("[%+]").any():
        return keys
    broken = keys.filter(keys.str.contains("%([^0-9A-Fa-f]|[0-9A-Fa-f]([^0-9A-Fa-f]|$)|$)"))
    if not broken.is_empty():
        raise ValueError(broken[0])
    plain = keys.str.replace_many(_ASCII)
    # A character of several bytes has several escapes; it is rare, and Python's decoder is slow.
    wide = keys.str.contains("%[89A-Fa-f]")
    if not wide.any():
        return plain
    try:
        characters = [unquote_plus(key, errors="strict") for key in keys.filter(wide)]
    except UnicodeDecodeError as error:
        raise ValueError("its bytes are not UTF-8") from error
    return plain.scatter(wide.arg_true(), characters)


def _cast(rows: pl.DataFrame) -> pl.DataFrame:
    """Parquet's columns as the types of `_typed`; text may be stored as bytes. Raises PolarsError for other types."""
    if not rows.schema["size"].is_integer() or not isinstance(rows.schema["last_modified_date"], pl.Datetime):
        raise pl.exceptions.SchemaError
    texts = [name for name in ("bucket", "key", "e_tag") if name in rows.columns]
    flags = [name for name in ("is_latest", "is_delete_marker") if name in rows.columns]
    return rows.cast({"size": pl.Int64, **dict.fromkeys(texts, pl.String), **dict.fromkeys(flags, pl.Boolean)})


def _objects(where: str, rows: pl.DataFrame, bucket: str) -> pl.DataFrame:
    """The current objects among typed rows, as OBJECTS. Raises AcctError for an invalid row."""
    unlisted = {"bucket": bucket, "is_latest": True, "is_delete_marker": False, "e_tag": ""}
    rows = rows.with_columns(pl.lit(value).alias(name) for name, value in unlisted.items() if name not in rows.columns)
    modified_at = pl.col("last_modified_date").dt.epoch("s")
    unsized = pl.col("size").is_null() | (pl.col("size") < 0)
    problem = (
        pl.when(pl.col("key").is_null() | (pl.col("key") == ""))
        .then(pl.lit("has no key"))
        .when(pl.col("bucket").ne_missing(bucket))
        .then(pl.lit("is of another bucket"))
        .when(pl.col("is_latest").is_null() | pl.col("is_delete_marker").is_null())
        .then(pl.lit("has an IsLatest or IsDeleteMarker that is neither true nor false"))
        .when(~pl.col("is_delete_marker") & unsized)
        .then(pl.lit("has no valid size"))
        .when(~modified_at.is_between(FIRST, LAST).fill_null(False))
        .then(pl.lit("has no valid LastModifiedDate"))
    )
    problems = rows.select("key", problem=problem).drop_nulls("problem")
    if not problems.is_empty():
        key, said = problems.row(0)
        raise AcctError(f"{where}, key {key or ''}", said, _HINT)
    return rows.filter(pl.col("is_latest") & ~pl.col("is_delete_marker")).select(
        "key",
        pl.col("size").alias("size_bytes"),
        modified_at.alias("modified_at"),
        pl.col("e_tag").fill_null("").alias("content_tag"),
    )
