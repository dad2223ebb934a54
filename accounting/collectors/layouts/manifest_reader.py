"""Manifests and links of container images, read several at a time and checked.

A broken object is reported and does not stop the collection; an error of the place itself does.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import polars as pl

from accounting.collectors.layouts.collected import MANIFESTS
from accounting.collectors.layouts.manifest import DIGEST, parse_manifest
from accounting.collectors.places.store import GONE, GoneError, Progress, Store
from accounting.errors import AcctError
from accounting.model import Source
from accounting.text import counted

MANIFEST_BYTES = (
    4 * 2**20
)  # the size up to which a registry must accept one: OCI distribution-spec, "Pushing Manifests"
LINK_BYTES = len("sha512:") + 128
READERS = 8
PROGRESS_READS = 100
KEPT_MANIFESTS = 1_000

_PROBLEMS = {"key": pl.String(), "problem": pl.String()}

T = TypeVar("T")
U = TypeVar("U")


class Reader:
    """Reads links and manifests from the place, several at a time."""

    def __init__(self, store: Store, source: Source, progress: Progress, keep: Callable[[pl.DataFrame], None]) -> None:
        """`keep` is called with the manifests that were read, KEPT_MANIFESTS at a time."""
        self._store = store
        self._source = source
        self._progress = progress
        self._keep = keep

    def links(self, listed: pl.DataFrame, what: str) -> pl.DataFrame:
        """The listed links (key, size_bytes) with the columns digest (their content) and problem, one of which is
        null."""
        read = list(self._each(self._link, listed.select("key", "size_bytes").iter_rows(), what))
        digests = pl.DataFrame(read, schema={"digest": pl.String(), "problem": pl.String()}, orient="row")
        return listed.with_columns(digests["digest"], digests["problem"])

    def manifests(self, unread: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The manifests of these digests (with size_bytes and key), as MANIFESTS, and the problems of those that cannot
        be read: key, problem."""
        batches = [pl.DataFrame(schema=MANIFESTS)]
        problems: list[tuple[str, str]] = []
        rows = self._each(self._manifest, unread.select("digest", "size_bytes", "key").iter_rows(), "manifests")
        while batch := list(islice(rows, KEPT_MANIFESTS)):
            good = [row for row, _ in batch if row is not None]
            problems += [problem for _, problem in batch if problem is not None]
            batches.append(pl.DataFrame(good, schema=MANIFESTS, orient="row"))
            self._keep(batches[-1])
        return pl.concat(batches), pl.DataFrame(problems, schema=_PROBLEMS, orient="row")

    def _each(self, read: Callable[[T], U], items: Iterable[T], what: str) -> Iterator[U]:
        begun = time.monotonic()
        with ThreadPoolExecutor(READERS) as pool:
            for number, result in enumerate(pool.map(read, items), 1):
                if number % PROGRESS_READS == 0:
                    rate = number / max(time.monotonic() - begun, 1e-3)
                    self._progress(f"{self._source.name}: {number:,} {what} read, {rate:,.0f}/s")
                yield result

    def _link(self, listed: tuple[str, int]) -> tuple[str | None, str | None]:
        key, size_bytes = listed
        if not 0 < size_bytes <= LINK_BYTES:
            return None, "is empty" if size_bytes == 0 else "does not contain a digest"
        try:
            content = self._store.read(key, LINK_BYTES).decode(errors="replace")
        except GoneError:
            return None, GONE
        return (content, None) if re.fullmatch(DIGEST, content) else (None, "does not contain a digest")

    def _manifest(self, listed: tuple[str, int, str]) -> tuple[tuple[object, ...] | None, tuple[str, str] | None]:
        """The manifest as a row of MANIFESTS, or its key and its problem."""
        digest, size_bytes, key = listed
        try:
            content = parse_manifest(self._content(digest, size_bytes, key))
        except GoneError:
            return None, (key, GONE)
        except ValueError as error:
            return None, (key, str(error))
        blobs, blob_sizes = _columns(content.blobs)
        children, child_sizes = _columns(content.children)
        row = (digest, size_bytes, blobs, blob_sizes, children, child_sizes, content.subject, content.unknown)
        return row, None

    def _content(self, digest: str, size_bytes: int, key: str) -> bytes:
        """The bytes of a manifest. Raises ValueError, which says what is wrong, if they do not fit its digest."""
        if size_bytes == 0:
            raise ValueError("is empty")
        if size_bytes > MANIFEST_BYTES:
            raise ValueError(f"has {counted(size_bytes, 'byte')}, but a registry reads at most {MANIFEST_BYTES:,}")
        body = self._store.read(key, MANIFEST_BYTES)
        if len(body) != size_bytes:  # the place contradicts itself, so its other answers may be wrong too
            where = f"source {self._source.name}, key {key}"
            what = f"has {counted(len(body), 'byte')}, but is listed with {size_bytes:,}"
            raise AcctError(where, what, "collect again")
        algorithm, _, expected = digest.partition(":")
        if hashlib.new(algorithm, body).hexdigest() != expected:
            raise ValueError("does not have the content that its digest says")
        return body


def _columns(named: list[tuple[str, int | None]]) -> tuple[list[str], list[int | None]]:
    return [digest for digest, _ in named], [size_bytes for _, size_bytes in named]
