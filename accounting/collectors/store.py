"""A place of objects, a bucket or a folder, that a registry keeps its blobs in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import polars as pl

from accounting.errors import AcctError

Progress = Callable[[str], None]

OBJECTS = {"key": pl.String(), "size_bytes": pl.Int64(), "modified_at": pl.Int64(), "content_tag": pl.String()}
UPLOADS = {"key": pl.String(), "size_bytes": pl.Int64(), "started_at": pl.Int64()}


GONE = "was listed, but it is not there"  # what is wrong with such an object


class GoneError(AcctError):
    """A key that was listed has no object: it was deleted since, or what serves the place is at odds with itself."""


@dataclass(frozen=True)
class Listing:
    """What a place held at `taken_at` (epoch seconds).

    `objects` has the columns of OBJECTS: `key` is relative to the source's prefix, `modified_at` epoch seconds,
    `content_tag` another one whenever the key's content is (an ETag in a bucket; it may be empty).
    What was modified after `taken_at` is not in it. A `historic` one tells of an earlier instant than now: what is
    read of its keys may have been written since.
    """

    taken_at: int
    objects: pl.DataFrame
    historic: bool = False


class Noncurrent(NamedTuple):
    """Versions of objects that are stored and not current, delete markers among them, and their bytes."""

    objects: int
    size_bytes: int


class Store(Protocol):
    """What a collector needs of a place of objects. Each method raises AcctError where an answer cannot be trusted."""

    def listing(self, progress: Progress) -> Listing:
        """Everything below the source's prefix; each key stands once."""
        ...

    def read(self, key: str, limit_bytes: int) -> bytes:
        """The whole object of a listed key; an object of more than `limit_bytes` is refused. Safe in threads.

        Raises GoneError where there is none.
        """
        ...

    def unfinished_uploads(self, progress: Progress) -> pl.DataFrame:
        """Uploads that were begun and not finished, as UPLOADS: no listing shows them, and yet they are stored."""
        ...

    def noncurrent_versions(self, progress: Progress) -> Noncurrent | None:
        """What no listing shows since it was overwritten or deleted; None where these may not be listed."""
        ...


def listed(taken_at: int, objects: pl.DataFrame) -> Listing:
    """A listing without what was modified after `taken_at`, which is left for the next one."""
    return Listing(taken_at, objects.filter(pl.col("modified_at") <= taken_at))
