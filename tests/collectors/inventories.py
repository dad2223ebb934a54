"""Writes inventories of buckets as Amazon S3 does: a manifest.json in a dated folder, and files of rows beside."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
from mypy_boto3_s3.client import S3Client

# A row by the names of the columns in CSV; what is absent is null.
Row = dict[str, Any]
CURRENT = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass")
ALL_VERSIONS = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", *CURRENT[2:])
PARQUET = {
    "Bucket": ("bucket", pa.string(), "required binary bucket (STRING)"),
    "Key": ("key", pa.string(), "required binary key (STRING)"),
    "VersionId": ("version_id", pa.string(), "optional binary version_id (STRING)"),
    "IsLatest": ("is_latest", pa.bool_(), "optional boolean is_latest"),
    "IsDeleteMarker": ("is_delete_marker", pa.bool_(), "optional boolean is_delete_marker"),
    "Size": ("size", pa.int64(), "optional int64 size"),
    "LastModifiedDate": (
        "last_modified_date",
        pa.timestamp("ms", "UTC"),
        "optional int64 last_modified_date (TIMESTAMP(MILLIS,true))",
    ),
    "ETag": ("e_tag", pa.string(), "optional binary e_tag (STRING)"),
    "StorageClass": ("storage_class", pa.string(), "optional binary storage_class (STRING)"),
}


@dataclass(frozen=True)
class Inventory:
    """An inventory to be written; `created_at` in epoch seconds, `prefix` that of its keys in the destination."""

    rows: Sequence[Row]
    file_format: str = "CSV"
    created_at: int = 1_790_812_800
    columns: Sequence[str] = CURRENT
    bucket: str = "images"
    destination: str = "reports"
    prefix: str = "images/daily"
    files: int = 1
    members: dict[str, object] = field(default_factory=dict)  # instead of those of a right manifest; None: left out

    def write(self, folder: Path) -> Path:
        """Into a folder that stands for the prefix; gives the dated folder."""
        dated = folder / datetime.fromtimestamp(self.created_at, UTC).strftime("%Y-%m-%dT%H-%MZ")
        dated.mkdir(parents=True)
        (folder / "data").mkdir(exist_ok=True)
        entries = []
        for number in range(self.files):
            content = self.content(self.rows[number :: self.files])
            name = f"data/{hashlib.sha256(f'{self.created_at} {number}'.encode()).hexdigest()[:32]}{self.ending}"
            (folder / name).write_bytes(content)
            entries.append({"key": f"{self.prefix}/{name}", "size": len(content), "MD5checksum": md5(content)})
        manifest = self.manifest(entries) | self.members
        body = json.dumps({name: value for name, value in manifest.items() if value is not None}, indent=2).encode()
        (dated / "manifest.json").write_bytes(body)
        (dated / "manifest.checksum").write_text(md5(body) + "\n")
        return dated

    def manifest(self, entries: list[dict[str, object]]) -> dict[str, object]:
        return {
            "sourceBucket": self.bucket,
            "destinationBucket": f"arn:aws:s3:::{self.destination}",
            "version": "2016-11-30",
            "creationTimestamp": str(self.created_at * 1000),
            "fileFormat": self.file_format,
            "fileSchema": self.schema,
            "files": entries,
        }

    @property
    def ending(self) -> str:
        return ".csv.gz" if self.file_format == "CSV" else ".parquet"

    @property
    def schema(self) -> str:
        if self.file_format == "CSV":
            return ", ".join(self.columns)
        return "message s3.inventory {  " + ";  ".join(PARQUET[name][2] for name in self.columns) + ";}"

    def content(self, rows: Sequence[Row]) -> bytes:
        """One file of rows."""
        if self.file_format == "CSV":
            return gzip.compress("".join(csv_line([text(name, row) for name in self.columns]) for row in rows).encode())
        names = {PARQUET[name][0]: name for name in self.columns}
        schema = pa.schema([(PARQUET[name][0], PARQUET[name][1]) for name in self.columns])
        columns = {column: [parquet_value(name, row) for row in rows] for column, name in names.items()}
        written = io.BytesIO()
        pq.write_table(pa.table(columns, schema), written)
        return written.getvalue()


def entry(key: str, size: object = 1, modified_at: object = 1_700_000_000, **more: object) -> Row:
    """A row of the bucket `images`; a date that is given as text stands as it is in a CSV."""
    row = {"Bucket": "images", "Key": key, "Size": size, "LastModifiedDate": modified_at, "ETag": f"tag of {key}"}
    return row | {"StorageClass": "STANDARD"} | more


def entries_of(client: S3Client, bucket: str, prefix: str) -> list[Row]:
    """A row for each object below a prefix of a real bucket, as it is listed."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [
        entry(
            found["Key"], found["Size"], found["LastModified"].timestamp(), ETag=found["ETag"].strip('"'), Bucket=bucket
        )
        for page in pages
        for found in page.get("Contents", [])
    ]


def upload(folder: Path, client: S3Client, bucket: str, prefix: str) -> None:
    """Every file of a folder, below a prefix."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            client.upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder)}")


def reread(dated: Path, part: int = 0, **members: object) -> None:
    """Make the manifest agree with what its file now holds, and with members that are given."""
    manifest = json.loads((dated / "manifest.json").read_text())
    file = manifest["files"][part]
    content = (dated.parent / "data" / Path(file["key"]).name).read_bytes()
    file |= {"size": len(content), "MD5checksum": md5(content)}
    body = json.dumps(manifest | members).encode()
    (dated / "manifest.json").write_bytes(body)
    (dated / "manifest.checksum").write_text(md5(body))


def part_of(dated: Path, number: int = 0) -> Path:
    """The file of that number of a written inventory."""
    manifest = json.loads((dated / "manifest.json").read_text())
    return dated.parent / "data" / Path(manifest["files"][number]["key"]).name


def csv_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(values)
    return line.getvalue()


def text(name: str, row: Row) -> str:
    """A value in CSV."""
    value = row.get(name)
    if value is None:
        return ""
    if name == "Key":
        return quote_plus(value, safe="/*")
    if name == "LastModifiedDate" and not isinstance(value, str):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(value % 1 * 1000):03}Z"
    return str(value).lower() if isinstance(value, bool) else str(value)


def parquet_value(name: str, row: Row) -> object:
    value = row.get(name)
    return int(value * 1000) if name == "LastModifiedDate" and value is not None else value


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def of_versions(rows: Sequence[Row], **more: Any) -> Inventory:
    """An inventory that lists versions; a row that does not say is of an object's only version."""
    usual = {"VersionId": "v1", "IsLatest": True, "IsDeleteMarker": False}
    return replace(Inventory([usual | row for row in rows], columns=ALL_VERSIONS), **more)
