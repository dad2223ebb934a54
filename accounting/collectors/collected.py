"""What a collector gives of a registry, whatever its layout."""

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

# What an object of a registry is: content of what is served; content that nothing served reaches; an upload that was
# begun and not finished; what the registry keeps for itself; and what does not fit the layout.
REACHABLE, GARBAGE, UPLOAD, METADATA, UNKNOWN = "reachable", "garbage", "upload", "metadata", "unknown"
PART_NAMES = (REACHABLE, GARBAGE, UPLOAD, METADATA, UNKNOWN)

# An empty object that stands for a folder of the bucket: consoles and file system gateways make them.
FOLDER_MARKER = (pl.col("size_bytes") == 0) & pl.col("key").str.contains(r"(^|/|_\$folder\$)$")

# What can be broken. Billed to nobody are a manifest that cannot be read, a tag that points at nothing readable or at a
# manifest that its image has not, and an image whose name tells no workspace. Billed all the same are a packument that
# cannot be read, a manifest whose content is not known, and what is stored with another size than a manifest states. Of
# a metadata file that cannot be read its place tells whose it is, or nothing does.
MANIFEST, TAG, PACKUMENT, METADATA_FILE = "manifest", "tag", "packument", "metadata file"
LOST_TAG, NAME, CONTENT, SIZE = "lost tag", "name", "content", "size"
KINDS = (MANIFEST, TAG, PACKUMENT, METADATA_FILE, NAME, CONTENT, SIZE, LOST_TAG)


def _no_manifests() -> pl.DataFrame:
    return pl.DataFrame(schema=MANIFESTS)


def nothing_broken() -> pl.DataFrame:
    """As BROKEN."""
    return pl.DataFrame(schema=BROKEN)


@dataclass(frozen=True)
class Manifests:
    """What earlier collections have read, so that it is not read again.

    Manifests are immutable: those `known`, as MANIFESTS, are not read again unless they were written since the source's
    snapshot before, of the instant `since` (None: there is none), for then something ails them. Those `begun` were read
    by a collection that has not ended. `broken` are the keys of objects that the snapshot before found broken.
    `keep` is given the manifests that are read now, batch by batch, so that interrupted work need not read them again.
    """

    known: pl.DataFrame = field(default_factory=_no_manifests)
    keep: Callable[[pl.DataFrame], None] = lambda read: None
    begun: pl.DataFrame = field(default_factory=_no_manifests)
    since: int | None = None
    broken: frozenset[str] = frozenset()

    def doubtful(self) -> pl.Expr:
        """Whether what earlier collections read of an object (key, modified_at) need not hold any more."""
        written = pl.lit(False) if self.since is None else pl.col("modified_at") >= self.since
        return written | pl.col("key").is_in(pl.Series(sorted(self.broken), dtype=pl.String()).implode())


@dataclass(frozen=True)
class Collected:
    """What a registry held at `taken_at` (epoch seconds).

    `references` has the columns of REFERENCES (text, then two Int64: bytes, epoch seconds), sorted, each row once, and
    `content_tag` (collectors.store) where blobs are not named by their content.
    `parts`, as PARTS, says of each object listed what it is. `manifests`, as MANIFESTS, are those that were read now;
    `blobs` are the configs and layers that each names, `children` the manifests that an index lists, beside them the
    sizes that it states of them, `subject` is the one that it hangs on, `unknown` what of its content is not known; a
    layout without manifests has none. Missing blobs are named by what is served, and are not stored (layers kept
    elsewhere).
    `broken`, as BROKEN, are the objects that the registry itself cannot read, or that contradict each other, by the
    workspaces and packages concerned (null where unknown): `problem` is the end of a sentence that begins with the key.
    `examined` is how many objects there are of those kinds of which only few can be broken at once.
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
    broken: pl.DataFrame = field(default_factory=nothing_broken)
    examined: Mapping[str, int] = field(default_factory=dict)

    @property
    def garbage(self) -> pl.DataFrame:
        """The objects that nothing served reaches; they are stored and not billed."""
        return self.parts.filter(pl.col("part") == GARBAGE)
