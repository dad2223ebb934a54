"""What a collector returns for a registry of any layout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

REFERENCES = ("workspace", "format", "package", "version", "digest", "size_bytes", "uploaded_at")
PARTS = {"key": pl.String(), "size_bytes": pl.Int64(), "part": pl.String()}
MANIFESTS = {
    "digest": pl.String(),
    "size_bytes": pl.Int64(),
    "blobs": pl.List(pl.String()),
    "blob_sizes": pl.List(pl.Int64()),
    "children": pl.List(pl.String()),
    "child_sizes": pl.List(pl.Int64()),
    "subject": pl.String(),
    "unknown": pl.String(),
}
BROKEN = {
    "kind": pl.String(),
    "key": pl.String(),
    "workspace": pl.String(),
    "package": pl.String(),
    "problem": pl.String(),
}

# What an object of a registry is: content that is served; content that nothing served references; an unfinished upload;
# a file for the registry's own use; or a file that is not part of the layout.
REACHABLE, GARBAGE, UPLOAD, METADATA, UNKNOWN = "reachable", "garbage", "upload", "metadata", "unknown"
PART_NAMES = (REACHABLE, GARBAGE, UPLOAD, METADATA, UNKNOWN)

# An empty object that stands for a folder of the bucket: consoles and file system gateways create them.
FOLDER_MARKER = (pl.col("size_bytes") == 0) & pl.col("key").str.contains(r"(^|/|_\$folder\$)$")

# What can be broken. Not billed are a manifest that cannot be read, a tag that points to nothing readable or to a
# manifest that its image does not have, and an image whose name has no workspace. Still billed are a packument that
# cannot be read, a manifest whose content is not known, and a blob whose size is not the one that a manifest states. A
# metadata file that cannot be read is billed to the package that its path names, if any.
MANIFEST, TAG, PACKUMENT, METADATA_FILE = "manifest", "tag", "packument", "metadata file"
LOST_TAG, NAME, CONTENT, SIZE = "lost tag", "name", "content", "size"
KINDS = (MANIFEST, TAG, PACKUMENT, METADATA_FILE, NAME, CONTENT, SIZE, LOST_TAG)


def _no_manifests() -> pl.DataFrame:
    return pl.DataFrame(schema=MANIFESTS)


def nothing_broken() -> pl.DataFrame:
    """An empty frame, as BROKEN."""
    return pl.DataFrame(schema=BROKEN)


@dataclass(frozen=True)
class Manifests:
    """What earlier collections have read, so that it is not read again.

    Manifests are immutable: those `known`, as MANIFESTS, are read again only if they were written since the source's
    previous snapshot, taken at `since` (None: there is none), because then something may be wrong with them. Those
    `begun` were read by a collection that was interrupted. `broken` are the keys of objects that the previous snapshot
    found broken. `keep` is called with the manifests that are read now, batch by batch, so that a collection after an
    interruption need not read them again.
    """

    known: pl.DataFrame = field(default_factory=_no_manifests)
    keep: Callable[[pl.DataFrame], None] = lambda read: None
    begun: pl.DataFrame = field(default_factory=_no_manifests)
    since: int | None = None
    broken: frozenset[str] = frozenset()

    def doubtful(self) -> pl.Expr:
        """Whether an object (key, modified_at) may have changed since earlier collections read it."""
        written = pl.lit(False) if self.since is None else pl.col("modified_at") >= self.since
        return written | pl.col("key").is_in(pl.Series(sorted(self.broken), dtype=pl.String()).implode())


@dataclass(frozen=True)
class Collected:
    """What a registry held at `taken_at` (epoch seconds).

    `references` has the columns of REFERENCES (text, then two Int64: bytes, epoch seconds), sorted, each row once, and
    `content_tag` (collectors.store) where blobs are not named by their content.
    `parts`, as PARTS, says what each listed object is. `manifests`, as MANIFESTS, are those that were read now (none in
    a layout without manifests): `blobs` are the configs and layers that a manifest names, `children` the manifests that
    an index lists, with the sizes that it states for them, `subject` the manifest that it refers to, `unknown` says
    what is not known of its content. Missing blobs are named by something served, but not stored (foreign layers).
    `broken`, as BROKEN, are the objects that the registry itself cannot read, or that contradict each other, with the
    workspaces and packages concerned (null if unknown): `problem` is the end of a sentence that begins with the key.
    `examined` is the number of objects of those kinds of which only a few can be broken at once.
    `has_marker` distinguishes a registry from a place that was never one, or a wrong prefix; `in_database` is true if
    the registry seems to keep its metadata in a database.
    """

    taken_at: int
    references: pl.DataFrame
    parts: pl.DataFrame
    has_marker: bool
    in_database: bool = False
    missing_blobs: int = 0
    manifests: pl.DataFrame = field(default_factory=_no_manifests)
    broken: pl.DataFrame = field(default_factory=nothing_broken)
    examined: Mapping[str, int] = field(default_factory=dict)

    @property
    def garbage(self) -> pl.DataFrame:
        """The objects that nothing served references; they are stored but not billed."""
        return self.parts.filter(pl.col("part") == GARBAGE)
