"""What a collector gives of a registry, whatever its layout."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

REFERENCES = ("workspace", "format", "package", "version", "digest", "size_bytes", "uploaded_at")
PARTS = {"key": pl.String(), "size_bytes": pl.Int64(), "part": pl.String()}
MANIFESTS = {
    "digest": pl.String(),
    "blobs": pl.List(pl.String()),
    "children": pl.List(pl.String()),
    "subject": pl.String(),
}

# What an object of a registry is: content of what is served; content that nothing served reaches; an upload that was
# begun and not finished; what the registry keeps for itself; and what does not fit the layout.
REACHABLE, GARBAGE, UPLOAD, METADATA, UNKNOWN = "reachable", "garbage", "upload", "metadata", "unknown"
PART_NAMES = (REACHABLE, GARBAGE, UPLOAD, METADATA, UNKNOWN)

# An empty object that stands for a folder of the bucket: consoles and file system gateways make them.
FOLDER_MARKER = (pl.col("size_bytes") == 0) & pl.col("key").str.contains(r"(^|/|_\$folder\$)$")


def _no_manifests() -> pl.DataFrame:
    return pl.DataFrame(schema=MANIFESTS)


@dataclass(frozen=True)
class Manifests:
    """Manifests are immutable, and each is read once: those `known`, as MANIFESTS, are not read again.

    `keep` is given those that are read now, batch by batch, so that interrupted work need not read them again.
    """

    known: pl.DataFrame = field(default_factory=_no_manifests)
    keep: Callable[[pl.DataFrame], None] = lambda read: None


@dataclass(frozen=True)
class Collected:
    """What a registry held at `taken_at` (epoch seconds).

    `references` has the columns of REFERENCES (text, then two Int64: bytes, epoch seconds), sorted, each row once, and
    `content_tag` (collectors.store) where blobs are not named by their content.
    `parts`, as PARTS, says of each object listed what it is. `manifests`, as MANIFESTS, are those that were read now;
    `blobs` are the configs and layers that each names, `children` the manifests that an index lists, `subject` the one
    that it hangs on; a layout without manifests has none. Missing blobs are named by what is served, and are not
    stored (layers kept elsewhere).
    `has_marker` tells a registry from a place that never was one, or a wrong prefix; `in_database` tells one that seems
    to keep its metadata in a database.
    """

    taken_at: int
    references: pl.DataFrame
    parts: pl.DataFrame
    has_marker: bool
    in_database: bool = False
    missing_blobs: int = 0
    manifests: pl.DataFrame = field(default_factory=_no_manifests)

    @property
    def garbage(self) -> pl.DataFrame:
        """The objects that nothing served reaches; they are stored and not billed."""
        return self.parts.filter(pl.col("part") == GARBAGE)
