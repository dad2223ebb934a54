"""Manifests and tags of container images, read from a place several at a time, each checked."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NoReturn, TypeVar

import polars as pl

from accounting.collectors.collected import MANIFESTS
from accounting.collectors.store import Progress, Store
from accounting.errors import AcctError
from accounting.model import Source
from accounting.text import counted

MANIFEST_BYTES = 4 * 2**20  # what a registry has to take at most: OCI distribution-spec, "Pushing Manifests"
LINK_BYTES = len("sha512:") + 128
READERS = 8
PROGRESS_READS = 100
KEPT_MANIFESTS = 1_000

# OCI image-spec, "Digests": the registered algorithms.
DIGEST = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"

T = TypeVar("T")
U = TypeVar("U")


class Reader:
    """Reads tags and manifests from the place, several at a time."""

    def __init__(self, store: Store, source: Source, progress: Progress, keep: Callable[[pl.DataFrame], None]) -> None:
        """`keep` is given the manifests that are read, KEPT_MANIFESTS at a time."""
        self._store = store
        self._source = source
        self._progress = progress
        self._keep = keep

    def tags(self, keys: pl.DataFrame) -> pl.DataFrame:
        """What tags point at: image, version, digest."""
        digests = pl.Series("digest", list(self._each(self._tag, keys["key"], "tags")), dtype=pl.String)
        return keys.select("image", "version").with_columns(digests)

    def manifests(self, unread: pl.DataFrame) -> pl.DataFrame:
        """The manifests of these digests (with size_bytes and key), as MANIFESTS."""
        batches = [pl.DataFrame(schema=MANIFESTS)]
        rows = self._each(self._manifest, unread.iter_rows(), "manifests")
        while batch := list(islice(rows, KEPT_MANIFESTS)):
            batches.append(pl.DataFrame(batch, schema=MANIFESTS, orient="row"))
            self._keep(batches[-1])
        return pl.concat(batches)

    def _each(self, read: Callable[[T], U], items: Iterable[T], what: str) -> Iterator[U]:
        begun = time.monotonic()
        with ThreadPoolExecutor(READERS) as pool:
            for number, result in enumerate(pool.map(read, items), 1):
                if number % PROGRESS_READS == 0:
                    rate = number / max(time.monotonic() - begun, 1e-3)
                    self._progress(f"{self._source.name}: {number:,} {what} read, {rate:,.0f}/s")
                yield result

    def _tag(self, key: str) -> str:
        body = self._store.read(key, LINK_BYTES).decode(errors="replace")
        if not re.fullmatch(DIGEST, body):
            raise AcctError(self._where(key), "is a tag that points at no digest", "push the tag anew, or delete it")
        return body

    def _manifest(self, listed: tuple[str, int, str]) -> tuple[str, list[str], list[str], str | None]:
        digest, size_bytes, key = listed
        where = self._where(key)
        if size_bytes > MANIFEST_BYTES:
            raise AcctError(where, f"is a manifest of {counted(size_bytes, 'byte')}", f"the most is {MANIFEST_BYTES:,}")
        body = self._store.read(key, MANIFEST_BYTES)
        todo = "restore it, or delete the manifest in the registry"
        if len(body) != size_bytes:
            raise AcctError(where, f"has {counted(len(body), 'byte')} and is listed with {size_bytes:,}", todo)
        algorithm, _, expected = digest.partition(":")
        if hashlib.new(algorithm, body).hexdigest() != expected:
            raise AcctError(where, "holds other content than its digest says", todo)
        try:
            return digest, *parse_manifest(body)
        except ValueError as error:
            raise AcctError(where, str(error), todo) from error

    def _where(self, key: str) -> str:
        return f"source {self._source.name}, key {key}"


def parse_manifest(body: bytes) -> tuple[list[str], list[str], str | None]:
    """The digests of the blobs that a manifest names, of the manifests that an index lists, each once, and of the
    manifest that it hangs on.

    OCI image manifests, indexes and artifact manifests, Docker schema 2 manifests and lists. `mediaType` is optional,
    so the members tell: `config` and `layers`, or `blobs`, or `manifests`. A `subject` is a weak reference and is not
    followed (OCI image-spec, "Image Manifest"); one that is none is passed over, as registries that do not know it do.
    Raises ValueError, which says what is wrong, for anything else.
    """
    try:
        manifest = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("is no JSON that can be read: it is nested too deeply") from error
    except ValueError as error:
        raise ValueError("is no JSON that can be read") from error
    if not isinstance(manifest, dict):
        raise ValueError("is no manifest: it is no JSON object")
    if manifest.get("schemaVersion") == 1:
        raise ValueError("is a Docker schema 1 manifest, a kind that is not supported")
    if not manifest.keys() & {"config", "layers", "blobs", "manifests"}:
        raise ValueError("is no manifest: it has neither config, layers, blobs nor manifests")
    config = [] if manifest.get("config") is None else [manifest["config"]]
    blobs = [*_digests(config), *_digests(manifest.get("layers")), *_digests(manifest.get("blobs"))]
    children = _digests(manifest.get("manifests"))
    return list(dict.fromkeys(blobs)), list(dict.fromkeys(children)), _digest(manifest.get("subject"))


def _digests(descriptors: object) -> list[str]:
    """The digests of a list of descriptors; clients that are written in Go write an empty list as null."""
    if descriptors is None:
        return []
    if not isinstance(descriptors, list):
        raise ValueError("is no manifest: its descriptors are no list")
    digests = []
    for descriptor in descriptors:
        digest = _digest(descriptor)
        if digest is None:
            raise ValueError("has a descriptor without a sha256 or sha512 digest")
        digests.append(digest)
    return digests


def _digest(descriptor: object) -> str | None:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return digest if isinstance(digest, str) and re.fullmatch(DIGEST, digest) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
