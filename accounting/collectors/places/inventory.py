"""S3 Inventory as the listing of a bucket, so that a large bucket need not be listed key by key.

Amazon S3 User Guide, "Locating your inventory list": an inventory is written into folders named by the instant that
each describes. In each is a manifest.json, which names the files of that inventory by their keys in the destination
bucket, and a manifest.checksum.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from accounting.collectors.places.inventory_rows import COLUMNS, NEEDED, VERSIONS, objects_of
from accounting.collectors.places.store import OBJECTS, Listing, Noncurrent, Progress, Store, listed
from accounting.errors import AcctError
from accounting.instants import format_instant
from accounting.model import Source
from accounting.text import counted

MANIFEST_BYTES = 64 * 2**20  # some 200 bytes per file, and one file per some million keys
CHECKSUM_BYTES = 64
FUTURE_SECONDS = 300

_DATED = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}Z/manifest\.json"
_NAMED = re.compile(rf"(?P<place>file:|.*?/)(?P<manifest>{_DATED}|manifest\.json)", re.DOTALL)
_TEXTS = ("sourceBucket", "destinationBucket", "version", "creationTimestamp", "fileFormat", "fileSchema")

_NEXT = "collect again with the next inventory"
_COPY = "if this is a copy of the inventory, copy it again; else collect again with the next inventory"


@dataclass(frozen=True)
class File:
    """A file of an inventory as its manifest names it; `md5` in hexadecimal digits."""

    key: str
    size_bytes: int
    md5: str


@dataclass(frozen=True)
class Manifest:
    """The content of a manifest.json; `columns` have the names of inventory_rows.COLUMNS if they are in it."""

    source_bucket: str
    destination_bucket: str
    taken_at: int
    file_format: str
    columns: tuple[str, ...]
    files: tuple[File, ...]


class Inventory:
    """The objects of a bucket below a prefix as its newest inventory lists them; see collectors.store.Store.

    Objects are read from the bucket itself, as it is now.
    """

    def __init__(self, source: Source, bucket: str, prefix: str, objects: Store, place: Store) -> None:
        """`objects` is the bucket below the prefix; `place` is that of `folder_of(source.inventory)`."""
        self._source = source
        self._url = source.inventory or ""
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._objects = objects
        self._place = place

    def listing(self, progress: Progress) -> Listing:
        """Raises AcctError, naming the file of the inventory, unless it is complete and every row is well formed."""
        progress(f"{self._source.name}: looking for the newest inventory")
        stored = dict(self._place.listing(lambda line: None).objects.select("key", "size_bytes").iter_rows())
        key, manifest = self._newest(stored)
        frames, keys = [pl.DataFrame(schema=OBJECTS)], 0
        for file in manifest.files:
            for objects in self._rows(manifest, file, stored):
                inside = objects.filter(pl.col("key").str.starts_with(self._prefix))
                frames.append(inside.with_columns(pl.col("key").str.strip_prefix(self._prefix)))
                keys += inside.height
            progress(f"{self._source.name}: {counted(keys, 'key')} listed")
        objects = pl.concat(frames)
        if objects["key"].n_unique() < objects.height:
            twice = objects.filter(pl.col("key").is_duplicated())["key"][0]
            raise AcctError(f"{self._where(key)}, key {self._prefix}{twice}", "is listed twice", _NEXT)
        return replace(listed(manifest.taken_at, objects), historic=True)

    def read(self, key: str, limit_bytes: int) -> bytes:
        try:
            return self._objects.read(key, limit_bytes)
        except AcctError as error:
            # Without s3:ListBucket, a deleted object looks like one that may not be read.
            hint = f"{error.hint}; if it was deleted after the inventory was taken, {_NEXT}"
            raise AcctError(error.where, error.what, hint) from error

    def unfinished_uploads(self, progress: Progress) -> pl.DataFrame:
        """The current ones of the bucket: an inventory does not list them."""
        return self._objects.unfinished_uploads(progress)

    def noncurrent_versions(self, progress: Progress) -> Noncurrent | None:
        """The current ones of the bucket."""
        return self._objects.noncurrent_versions(progress)

    def _newest(self, stored: dict[str, int]) -> tuple[str, Manifest]:
        """The manifest that the url names, or else the latest, with its key below the place."""
        named = _NAMED.fullmatch(self._url)
        wanted = re.compile(re.escape(named["manifest"]) if named else _DATED)
        # The names of the folders sort by their instants.
        key = max((key for key in stored if wanted.fullmatch(key)), default=None)
        if key is None:
            raise AcctError(
                f"source {self._source.name}, inventory {self._url}",
                "has no manifest.json in a folder with a name such as 2026-11-01T00-00Z",
                "name the folder that contains these folders, or wait for the first inventory",
            )
        where = self._where(key)
        body = self._place.read(key, MANIFEST_BYTES)
        checksum = f"{key.removesuffix('.json')}.checksum"
        if checksum in stored and self._place.read(checksum, CHECKSUM_BYTES).strip() != _md5(body).encode():
            raise AcctError(where, f"does not have the MD5 in {checksum}", _COPY)
        try:
            manifest = parse_manifest(body)
        except ValueError as error:
            raise AcctError(where, str(error), _NEXT) from error
        self._check(where, manifest)
        return key, manifest

    def _check(self, where: str, manifest: Manifest) -> None:
        if manifest.source_bucket != self._bucket:
            said = f"is an inventory of the bucket {manifest.source_bucket}, not of {self._bucket}"
            raise AcctError(where, said, "correct the url or the inventory of the source")
        scheme, _, place = self._url.partition("://")
        destination = re.sub("^arn:[^:]*:s3:::", "", manifest.destination_bucket)
        if scheme == "s3" and destination != place.split("/")[0]:
            said = f"was written to the bucket {destination}"
            raise AcctError(where, said, "name that bucket as the inventory of the source, or copy it to a folder")
        if manifest.file_format == "ORC":
            hint = "set the output format of the inventory to Parquet or CSV"
            raise AcctError(where, "has the format ORC, which is not supported", hint)
        if manifest.taken_at > time.time() + FUTURE_SECONDS:
            said = f"is of {format_instant(manifest.taken_at)}, which is in the future"
            raise AcctError(where, said, "check this machine's clock")

    def _rows(self, manifest: Manifest, file: File, stored: dict[str, int]) -> Iterator[pl.DataFrame]:
        """The current objects that a file lists, in batches, as OBJECTS with their whole keys."""
        where = self._where(file.key)
        key = _found(file.key, stored)
        if key is None:
            raise AcctError(where, "is missing", _COPY)
        if stored[key] != file.size_bytes:
            has = counted(stored[key], "byte")
            raise AcctError(where, f"has {has}, but its manifest says {file.size_bytes:,}", _COPY)
        content = self._place.read(key, file.size_bytes)
        if _md5(content) != file.md5:
            raise AcctError(where, "does not have the MD5 that its manifest says", _COPY)
        yield from objects_of(where, content, manifest.file_format, manifest.columns, self._bucket)

    def _where(self, key: str) -> str:
        return f"source {self._source.name}, inventory file {key}"


def folder_of(url: str) -> str:
    """The url of the folder with an inventory's dated folders; `url` may name a manifest.json in one of them.

    >>> folder_of("s3://reports/images/daily/2026-11-01T00-00Z/manifest.json")
    's3://reports/images/daily/'
    >>> folder_of("s3://reports/images/daily"), folder_of("file:manifest.json")
    ('s3://reports/images/daily', 'file:.')
    """
    named = _NAMED.fullmatch(url)
    place = named["place"] if named else url
    return f"{place}." if place == "file:" else place


def parse_manifest(body: bytes) -> Manifest:
    """A manifest.json, parsed. Raises ValueError, which says what is wrong, for anything else."""
    try:
        content = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError("is not valid JSON") from error
    if not isinstance(content, dict):
        raise ValueError("is not the manifest of an inventory: it is not a JSON object")
    for name in _TEXTS:
        if not isinstance(content.get(name), str):
            raise ValueError(f"is not the manifest of an inventory: it has no string {name}")
    if not re.fullmatch("[0-9]{1,15}", content["creationTimestamp"]):
        raise ValueError("has a creationTimestamp that is not a number of milliseconds")
    if content["fileFormat"] not in ("CSV", "Parquet", "ORC"):
        raise ValueError(f"has the unknown format {content['fileFormat']!r}")
    if not isinstance(content.get("files"), list):
        raise ValueError("is not the manifest of an inventory: it has no list of files")
    return Manifest(
        content["sourceBucket"],
        content["destinationBucket"],
        int(content["creationTimestamp"]) // 1000,
        content["fileFormat"],
        _columns(content["fileFormat"], content["fileSchema"]),
        tuple(_file(entry) for entry in content["files"]),
    )


def _columns(file_format: str, schema: str) -> tuple[str, ...]:
    """The columns in their order: from a list of names for CSV, from a message type for Parquet."""
    if file_format == "ORC":
        return ()
    if file_format == "CSV":
        names = [name.strip() for name in schema.split(",")]
        columns = [COLUMNS.get(name, name) for name in names]
    else:
        columns = re.findall(r"(?:required|optional)\s+\w+\s+(\w+)", schema)
    spelled = {column: name for name, column in COLUMNS.items()}
    versions = VERSIONS if set(VERSIONS) & set(columns) else ()
    for column in (*NEEDED, *versions):
        if column not in columns:
            raise ValueError(f"does not list the {spelled[column]} of objects, which the inventory must include")
    for column in columns:
        if columns.count(column) > 1:
            raise ValueError(f"lists the column {spelled.get(column, column)} twice")
    return tuple(columns)


def _file(entry: object) -> File:
    if not isinstance(entry, dict):
        raise ValueError("names a file that is not a JSON object")
    key, size, md5 = (entry.get(name) for name in ("key", "size", "MD5checksum"))
    if not isinstance(key, str) or not key:
        raise ValueError("names a file without a key")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"names the file {key} without a valid size")
    if not isinstance(md5, str) or not re.fullmatch("[0-9a-f]{32}", md5):
        raise ValueError(f"names the file {key} without a valid MD5checksum")
    return File(key, size, md5)


def _found(key: str, stored: dict[str, int]) -> str | None:
    """A file's key below the place: the longest end of its key in the destination bucket that exists there.

    >>> _found("images/daily/data/1.csv.gz", {"data/1.csv.gz": 9, "1.csv.gz": 9})
    'data/1.csv.gz'
    """
    segments = key.split("/")
    ends = ("/".join(segments[start:]) for start in range(len(segments)))
    return next((end for end in ends if end in stored), None)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
