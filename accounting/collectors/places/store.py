"""A place of objects: a bucket or a folder in which a registry stores its blobs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import polars as pl

from accounting.errors import AcctError

Progress = Callable[[str], None]

OBJECTS = {"key": pl.String(), "size_bytes": pl.Int64(), "modified_at": pl.Int64(), "content_tag": pl.String()}
UPLOADS = {"key": pl.String(), "size_bytes": pl.Int64(), "started_at": pl.Int64()}


GONE = "was listed but does not exist"  # the problem of such an object


class GoneError(AcctError):
    """A listed key has no object: it was deleted in the meantime, or the server contradicts itself."""


@dataclass(frozen=True)
class Listing:
    """What a place contained at `taken_at` (epoch seconds).

    `objects` has the columns of OBJECTS: `key` is relative to the source's prefix, `modified_at` is in epoch seconds,
    `content_tag` changes whenever the key's content does (an ETag in a bucket; it may be empty).
    Objects modified after `taken_at` are not in it. A `historic` listing is of an earlier instant than now: the content
    that is read for its keys may be newer.
    """

    taken_at: int
    objects: pl.DataFrame
    historic: bool = False


class Noncurrent(NamedTuple):
    """How many stored versions of objects are not current, including delete markers, and their bytes."""

    objects: int
    size_bytes: int


class Store(Protocol):
    """What a collector needs of a place of objects. Each method raises AcctError if an answer cannot be trusted."""

    def listing(self, progress: Progress) -> Listing:
        """Everything below the source's prefix, each key once."""
        ...

    def read(self, key: str, limit_bytes: int) -> bytes:
        """The whole object of a listed key; an object of more than `limit_bytes` is refused. Thread-safe.

        Raises GoneError if it does not exist.
        """
        ...

    def unfinished_uploads(self, progress: Progress) -> pl.DataFrame:
        """Unfinished uploads, as UPLOADS: no listing shows them, although they are stored."""
        ...

    def noncurrent_versions(self, progress: Progress) -> Noncurrent | None:
        """Stored versions that no listing shows, because they were overwritten or deleted; None if the credentials may
        not list them."""
        ...


def listed(taken_at: int, objects: pl.DataFrame) -> Listing:
    """A listing without the objects modified after `taken_at`, which are left for the next one."""
    return Listing(taken_at, objects.filter(pl.col("modified_at") <= taken_at))
