"""Container images in the storage layout of the CNCF distribution registry, whatever the place.

What is billed is what the registry serves and its own garbage collection keeps: tags and untagged manifests, and the
blobs that these reach. `_layers` links stay after the last use of a blob and prove nothing; `_uploads` are no blobs.
Keys that do not fit the layout are ignored.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn, TypeVar

import polars as pl

from accounting.collectors.collected import (
    GARBAGE,
    MANIFESTS,
    METADATA,
    REACHABLE,
    REFERENCES,
    UNKNOWN,
    UPLOAD,
    Collected,
)
from accounting.collectors.store import Progress, Store
from accounting.errors import AcctError
from accounting.model import Source

TOP = "docker/registry/v2/"
MANIFEST_BYTES = 4 * 2**20  # what a registry has to take at most: OCI distribution-spec, "Pushing Manifests"
LINK_BYTES = len("sha512:") + 128
READERS = 8
PROGRESS_READS = 100

# OCI distribution-spec, "Pulling manifests": names and tags; OCI image-spec, "Digests": the registered algorithms.
NAME = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$"
TAG = r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"
DIGEST = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"

T = TypeVar("T")
U = TypeVar("U")


def collect(store: Store, source: Source, known: pl.DataFrame, progress: Progress) -> Collected:
    """List a registry and read the manifests that are not `known` yet (as MANIFESTS, by digest).

    Raises AcctError, naming the key, for a listing, tag or manifest that cannot be trusted, and for an image whose
    name holds no workspace where the source sets none.
    """
    listing = store.listing(progress)
    keys = listing.objects.filter(pl.col("key").str.starts_with(TOP))
    keys = keys.with_columns(path=pl.col("key").str.strip_prefix(TOP))
    blobs, all_links = _blobs(keys), _links(keys)
    links = _manifest_links(all_links)
    revisions = _named(_revisions(links), source)
    reader = _Reader(store, source, progress)
    tag_keys = _tag_keys(links)
    if listing.historic:  # links tell of now
        told = _told_tags(tag_keys, all_links)
        untold = tag_keys.join(told, on=["image", "version"], how="anti")
        tags = pl.concat([told, reader.tags(untold)])
    else:
        tags = reader.tags(tag_keys)
    read = reader.manifests(_unread(revisions, blobs, known, source))
    manifests = pl.concat([known.join(revisions, on="digest", how="semi").select(list(MANIFESTS)), read])
    versions = _versions(revisions, tags, manifests)
    contents = _contents(versions, revisions, manifests)
    references = _references(versions, contents, blobs)
    return Collected(
        taken_at=listing.taken_at,
        references=references,
        parts=_parts(listing.objects, blobs, contents),
        has_marker=not keys.is_empty(),
        missing_blobs=contents.join(blobs, on="digest", how="anti")["digest"].n_unique(),
        manifests=read,
    )


def parse_manifest(body: bytes) -> tuple[list[str], list[str]]:
    """The digests of the blobs that a manifest names, and of the manifests that an index lists, each once.

    OCI image manifests, indexes and artifact manifests, Docker schema 2 manifests and lists. `mediaType` is optional,
    so the members tell: `config` and `layers`, or `blobs`, or `manifests`. A `subject` is a weak reference and is not
    followed (OCI image-spec, "Image Manifest"). Raises ValueError, which says what is wrong, for anything else.
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
    return list(dict.fromkeys(blobs)), list(dict.fromkeys(_digests(manifest.get("manifests"))))


def _digests(descriptors: object) -> list[str]:
    """The digests of a list of descriptors; clients that are written in Go write an empty list as null."""
    if descriptors is None:
        return []
    if not isinstance(descriptors, list):
        raise ValueError("is no manifest: its descriptors are no list")
    digests = []
    for descriptor in descriptors:
        digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
        if not isinstance(digest, str) or not re.fullmatch(DIGEST, digest):
            raise ValueError("has a descriptor without a sha256 or sha512 digest")
        digests.append(digest)
    return digests


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _blobs(keys: pl.DataFrame) -> pl.DataFrame:
    """The stored blobs: digest, size_bytes, key."""
    parts = pl.col("path").str.split_exact("/", 5)
    names = ["top", "algorithm", "two", "hex", "data", "more"]
    digest = pl.concat_str("algorithm", "hex", separator=":")
    return (
        keys.filter(pl.col("path").str.starts_with("blobs/"))
        .select("key", "size_bytes", parts.struct.rename_fields(names).alias("parts"))
        .unnest("parts")
        .filter((pl.col("data") == "data") & pl.col("more").is_null() & (pl.col("hex").str.head(2) == pl.col("two")))
        .select(digest.alias("digest"), "size_bytes", "key")
        .filter(pl.col("digest").str.contains(DIGEST))
    )


def _links(keys: pl.DataFrame) -> pl.DataFrame:
    """The links of an image's manifests: key, image, modified_at, content_tag, and the rest below `_manifests`."""
    # No segment of an image's name starts with an underscore, but a tag may: the first `_manifests` ends the name.
    halves = pl.col("path").str.strip_prefix("repositories/").str.splitn("/_manifests/", 2)
    return (
        keys.filter(pl.col("path").str.starts_with("repositories/") & pl.col("path").str.ends_with("/link"))
        .filter(pl.col("path").str.contains("/_manifests/", literal=True))
        .select("key", "modified_at", "content_tag", halves.struct.rename_fields(["image", "rest"]).alias("halves"))
        .unnest("halves")
        .filter(pl.col("image").str.contains(NAME))
    )


def _manifest_links(links: pl.DataFrame) -> pl.DataFrame:
    """The links of revisions and tags, with the five parts of the path below `_manifests`."""
    parts = pl.col("rest").str.split_exact("/", 4).struct.rename_fields(["kind", "first", "second", "link", "more"])
    return (
        links.with_columns(parts.alias("parts"))
        .unnest("parts")
        .filter((pl.col("link") == "link") & pl.col("more").is_null())
    )


def _revisions(links: pl.DataFrame) -> pl.DataFrame:
    """The manifests that are served by digest: image, digest, uploaded_at."""
    return (
        links.filter(pl.col("kind") == "revisions")
        .select("image", digest=pl.concat_str("first", "second", separator=":"), uploaded_at="modified_at")
        .filter(pl.col("digest").str.contains(DIGEST))
    )


def _named(revisions: pl.DataFrame, source: Source) -> pl.DataFrame:
    """With the columns workspace and package; AcctError for an image whose name holds no workspace."""
    if source.workspace is not None:
        return revisions.with_columns(workspace=pl.lit(source.workspace), package="image")
    halves = pl.col("image").str.splitn("/", 2).struct.rename_fields(["workspace", "package"])
    named = revisions.with_columns(halves.alias("halves")).unnest("halves")
    unnamed = named.filter(pl.col("package").is_null()).sort("image")
    if not unnamed.is_empty():
        raise AcctError(
            f"source {source.name}, image {unnamed['image'][0]}",
            "has no workspace in its name",
            "set `workspace` for this source",
        )
    return named


def _tag_keys(links: pl.DataFrame) -> pl.DataFrame:
    """The links that say what a tag points at: image, version, key, content_tag."""
    return links.filter(
        (pl.col("kind") == "tags") & (pl.col("second") == "current") & pl.col("first").str.contains(TAG)
    ).select("image", "key", "content_tag", version="first")


def _told_tags(tag_keys: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """What tags point at where the listing alone tells it: image, version, digest.

    Below a tag's `index` is a link for each digest that it ever had, which is written anew when the tag is moved
    there, just before `current/link` (distribution, registry/storage/tagstore.go). What the tag points at is the one
    of the content of `current/link`; where content tags do not say (encrypted content has random ones), it is the
    latest, unless there are two of its second.
    """
    tag = ["image", "version"]
    names = ["kind", "version", "index", "algorithm", "hex", "link", "more"]
    moves = (
        links.with_columns(pl.col("rest").str.split_exact("/", 6).struct.rename_fields(names).alias("parts"))
        .unnest("parts")
        .filter((pl.col("kind") == "tags") & (pl.col("index") == "index"))
        .filter((pl.col("link") == "link") & pl.col("more").is_null())
        .with_columns(digest=pl.concat_str("algorithm", "hex", separator=":"))
        .filter(pl.col("digest").str.contains(DIGEST))
        .join(tag_keys.select(*tag, of_current="content_tag"), on=tag)
    )
    return (
        moves.with_columns(same=(pl.col("content_tag") == pl.col("of_current")) & (pl.col("content_tag") != ""))
        .filter(pl.col("same") == pl.col("same").max().over(tag))
        .filter(pl.col("modified_at") == pl.col("modified_at").max().over(tag))
        .filter(pl.len().over(tag) == 1)
        .select(*tag, "digest")
    )


def _unread(revisions: pl.DataFrame, blobs: pl.DataFrame, known: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The manifests to read: digest, size_bytes, key. Raises AcctError for one that is linked and not stored."""
    linked = revisions.join(blobs, on="digest", how="left")
    lost = linked.filter(pl.col("key").is_null()).sort("image", "digest")
    if not lost.is_empty():
        image, digest = lost.select("image", "digest").row(0)
        algorithm, _, name = digest.partition(":")
        key = f"{TOP}blobs/{algorithm}/{name[:2]}/{name}/data"
        raise AcctError(
            f"source {source.name}, key {key}",
            f"is missing, though {image} has this manifest",
            "delete it in the registry, or restore it, then collect again",
        )
    return linked.join(known, on="digest", how="anti").select("digest", "size_bytes", "key").unique().sort("digest")


class _Reader:
    """Reads tags and manifests from the place, several at a time."""

    def __init__(self, store: Store, source: Source, progress: Progress) -> None:
        self._store = store
        self._source = source
        self._progress = progress

    def tags(self, keys: pl.DataFrame) -> pl.DataFrame:
        """What tags point at: image, version, digest."""
        digests = pl.Series("digest", list(self._each(self._tag, keys["key"], "tags")), dtype=pl.String)
        return keys.select("image", "version").with_columns(digests)

    def manifests(self, unread: pl.DataFrame) -> pl.DataFrame:
        """The manifests of these digests, as MANIFESTS."""
        rows = self._each(self._manifest, unread.iter_rows(), "manifests")
        return pl.DataFrame(list(rows), schema=MANIFESTS, orient="row")

    def _each(self, read: Callable[[T], U], items: Iterable[T], what: str) -> Iterator[U]:
        with ThreadPoolExecutor(READERS) as pool:
            for number, result in enumerate(pool.map(read, items), 1):
                if number % PROGRESS_READS == 0:
                    self._progress(f"{self._source.name}: {number:,} {what} read")
                yield result

    def _tag(self, key: str) -> str:
        body = self._store.read(key, LINK_BYTES).decode(errors="replace")
        if not re.fullmatch(DIGEST, body):
            raise AcctError(self._where(key), "is a tag that points at no digest", "push the tag anew, or delete it")
        return body

    def _manifest(self, listed: tuple[str, int, str]) -> tuple[str, list[str], list[str]]:
        digest, size_bytes, key = listed
        where = self._where(key)
        if size_bytes > MANIFEST_BYTES:
            raise AcctError(where, f"is a manifest of {size_bytes:,} bytes", f"the most is {MANIFEST_BYTES:,}")
        body = self._store.read(key, MANIFEST_BYTES)
        todo = "restore it, or delete the manifest in the registry"
        if len(body) != size_bytes:
            raise AcctError(where, f"has {len(body):,} bytes and is listed with {size_bytes:,}", todo)
        algorithm, _, expected = digest.partition(":")
        if hashlib.new(algorithm, body).hexdigest() != expected:
            raise AcctError(where, "holds other content than its digest says", todo)
        try:
            return digest, *parse_manifest(body)
        except ValueError as error:
            raise AcctError(where, str(error), todo) from error

    def _where(self, key: str) -> str:
        return f"source {self._source.name}, key {key}"


def _versions(revisions: pl.DataFrame, tags: pl.DataFrame, manifests: pl.DataFrame) -> pl.DataFrame:
    """What the registry serves as a whole: version, root (the digest of its manifest), and image, workspace,
    package and uploaded_at of that manifest's revision.

    A tag without a revision of its digest is answered with 404, and no version. An untagged revision is one of its
    own, unless an index of the same image lists it.
    """
    tagged = tags.join(revisions, on=["image", "digest"])
    listed = _exploded(revisions.select("image", "digest"), manifests, "children")
    untagged = revisions.join(tagged, on=["image", "digest"], how="anti").join(
        listed, left_on=["image", "digest"], right_on=["image", "child"], how="anti"
    )
    columns = ["image", "workspace", "package", "version", "digest", "uploaded_at"]
    versions = pl.concat([tagged.select(columns), untagged.with_columns(version="digest").select(columns)])
    return versions.rename({"digest": "root"})


def _contents(versions: pl.DataFrame, revisions: pl.DataFrame, manifests: pl.DataFrame) -> pl.DataFrame:
    """The closure of each root: image, root, digest, each once.

    An index is followed into the children that its image has as revisions. Of another child only the manifest counts:
    the registry's garbage collection keeps that, and nothing below it.
    """
    served = revisions.select("image", "digest")
    members = versions.select("image", "root", digest="root").unique()
    frontier = members
    while not frontier.is_empty():
        children = _exploded(frontier, manifests, "children").select("image", "root", digest="child").unique()
        frontier = children.join(members, on=["image", "root", "digest"], how="anti")
        members = pl.concat([members, frontier])
        frontier = frontier.join(served, on=["image", "digest"], how="semi")
    followed = members.join(served, on=["image", "digest"], how="semi")
    named = _exploded(followed, manifests, "blobs").select("image", "root", digest="child")
    return pl.concat([members, named]).unique()


def _exploded(holders: pl.DataFrame, manifests: pl.DataFrame, member: str) -> pl.DataFrame:
    """A row per holder and `child` in that member of the holder's manifest."""
    named = manifests.select("digest", child=member).explode("child").drop_nulls()
    return holders.join(named, on="digest")


def _references(versions: pl.DataFrame, contents: pl.DataFrame, blobs: pl.DataFrame) -> pl.DataFrame:
    """A row per version and stored blob, as REFERENCES."""
    return (
        versions.join(contents, on=["image", "root"])
        .join(blobs.select("digest", "size_bytes"), on="digest")
        .with_columns(format=pl.lit("container"))
        .select(REFERENCES)
        .sort(REFERENCES)
    )


def _parts(objects: pl.DataFrame, blobs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
    """What each object is, as PARTS: links and the like are what the registry keeps for itself."""
    reached = blobs.join(contents, on="digest", how="semi").select("key", of_blob=pl.lit(REACHABLE))
    garbage = blobs.join(contents, on="digest", how="anti").select("key", of_blob=pl.lit(GARBAGE))
    inside = pl.col("key").str.starts_with(f"{TOP}repositories/")
    part = (
        pl.when(pl.col("of_blob").is_not_null())
        .then("of_blob")
        .when(inside & pl.col("key").str.contains("/_uploads/", literal=True))
        .then(pl.lit(UPLOAD))
        .when(inside & pl.col("key").str.ends_with("/link"))
        .then(pl.lit(METADATA))
        .otherwise(pl.lit(UNKNOWN))
    )
    of_blobs = pl.concat([reached, garbage])
    return objects.join(of_blobs, on="key", how="left").select("key", "size_bytes", part.alias("part"))
