"""Container images in the storage layout of the CNCF distribution registry, whatever the place.

What is billed is what the registry serves and its own garbage collection keeps: tags and untagged manifests, and the
blobs that these reach. `_layers` links stay after the last use of a blob and prove nothing; `_uploads` are no blobs.
Keys that do not fit the layout are ignored.
"""

import polars as pl

from accounting.collectors.collected import (
    FOLDER_MARKER,
    GARBAGE,
    MANIFESTS,
    METADATA,
    REACHABLE,
    REFERENCES,
    UNKNOWN,
    UPLOAD,
    Collected,
    Manifests,
)
from accounting.collectors.manifest_reader import DIGEST, Reader
from accounting.collectors.store import Progress, Store
from accounting.errors import AcctError
from accounting.model import Source

TOP = "docker/registry/v2/"
# What a pull-through cache keeps of what expires when (distribution, registry/proxy/scheduler); GitLab's registry says
# by one of two files whether a database or the links here have its metadata.
IN_DATABASE = "docker/registry/lockfiles/database-in-use"
OF_THE_REGISTRY = ("scheduler-state.json", IN_DATABASE, "docker/registry/lockfiles/filesystem-in-use")

# OCI distribution-spec, "Pulling manifests": names and tags.
NAME = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$"
TAG = r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"


def collect(store: Store, source: Source, manifests: Manifests, progress: Progress) -> Collected:
    """List a registry and read the manifests that are not known yet.

    Raises AcctError, naming the key, for a listing, tag or manifest that cannot be trusted, and for an image whose
    name holds no workspace where the source sets none.
    """
    listing = store.listing(progress)
    objects = listing.objects.with_row_index("number")
    keys = objects.filter(pl.col("key").str.starts_with(TOP))
    keys = keys.with_columns(path=pl.col("key").str.strip_prefix(TOP))
    blobs, below_manifests = _blobs(keys), _below_manifests(keys)
    links = _manifest_links(below_manifests)
    revisions = _named(_revisions(links), source)
    reader = Reader(store, source, progress, manifests.keep)
    tag_keys = _tag_keys(links)
    # What is read tells of now.
    told = _told_tags(tag_keys, below_manifests if listing.historic else below_manifests.clear())
    untold = tag_keys.join(told, on=["image", "version"], how="anti")
    tags = pl.concat([told, reader.tags(untold)])
    read = reader.manifests(_unread(revisions, blobs, manifests.known, source))
    known = pl.concat([manifests.known.join(revisions, on="digest", how="semi").select(list(MANIFESTS)), read])
    versions = _versions(revisions, tags, known)
    contents = _contents(versions, revisions, known)
    references = _references(versions, contents, blobs)
    return Collected(
        taken_at=listing.taken_at,
        references=references,
        parts=_parts(objects, blobs, contents),
        has_marker=not keys.filter(~FOLDER_MARKER).is_empty(),
        in_database=links.is_empty() or objects["key"].is_in([IN_DATABASE]).any(),
        missing_blobs=contents.join(blobs, on="digest", how="anti")["digest"].n_unique(),
        manifests=read,
    )


def _blobs(keys: pl.DataFrame) -> pl.DataFrame:
    """The stored blobs: digest, size_bytes, key, number."""
    parts = pl.col("path").str.split_exact("/", 5)
    names = ["top", "algorithm", "two", "hex", "data", "more"]
    digest = pl.concat_str("algorithm", "hex", separator=":")
    return (
        keys.filter(pl.col("path").str.starts_with("blobs/"))
        .select("number", "key", "size_bytes", parts.struct.rename_fields(names).alias("parts"))
        .unnest("parts")
        .filter((pl.col("data") == "data") & pl.col("more").is_null() & (pl.col("hex").str.head(2) == pl.col("two")))
        .select(digest.alias("digest"), "size_bytes", "key", "number")
        .filter(pl.col("digest").str.contains(DIGEST))
    )


def _below_manifests(keys: pl.DataFrame) -> pl.DataFrame:
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
    """The links of revisions and of what tags point at, with the five parts of the rest of their path."""
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
    reached = contents.select("digest", reached=True).unique()
    of_blob = pl.when("reached").then(pl.lit(REACHABLE)).otherwise(pl.lit(GARBAGE))
    of_blobs = blobs.join(reached, on="digest", how="left").select("number", of_blob=of_blob)
    inside = pl.col("key").str.starts_with(f"{TOP}repositories/")
    of_others = (
        pl.when(inside & pl.col("key").str.contains("/_uploads/", literal=True))
        .then(pl.lit(UPLOAD))
        .when(inside & pl.col("key").str.ends_with("/link") | pl.col("key").is_in(OF_THE_REGISTRY) | FOLDER_MARKER)
        .then(pl.lit(METADATA))
        .otherwise(pl.lit(UNKNOWN))
    )
    # By number, for keys are long.
    return objects.join(of_blobs, on="number", how="left").select(
        "key", "size_bytes", part=pl.coalesce("of_blob", of_others)
    )
