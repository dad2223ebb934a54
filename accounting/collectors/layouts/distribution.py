"""Container images in the storage layout of the CNCF distribution registry, in a bucket or a folder.

Billed is what the registry serves and its own garbage collection keeps: tags and untagged manifests, and the blobs that
these reference. `_layers` links stay after the last use of a blob and prove nothing; `_uploads` are not blobs. Keys
that do not fit the layout are ignored. What the registry answers with an error is broken: reported, and not a version.
"""

import hashlib

import polars as pl

from accounting.collectors.layouts.collected import (
    BROKEN,
    CONTENT,
    FOLDER_MARKER,
    GARBAGE,
    LOST_TAG,
    MANIFEST,
    METADATA,
    NAME,
    REACHABLE,
    REFERENCES,
    SIZE,
    TAG,
    UNKNOWN,
    UPLOAD,
    Collected,
    Manifests,
    nothing_broken,
)
from accounting.collectors.layouts.manifest import DIGEST
from accounting.collectors.layouts.manifest_reader import Reader
from accounting.collectors.places.store import OBJECTS, Progress, Store
from accounting.model import Source

TOP = "docker/registry/v2/"
# Where a pull-through cache records what expires when (distribution, registry/proxy/scheduler). GitLab's registry has
# one of two files that say whether its metadata is in a database or in the links here.
IN_DATABASE = "docker/registry/lockfiles/database-in-use"
OF_THE_REGISTRY = ("scheduler-state.json", IN_DATABASE, "docker/registry/lockfiles/filesystem-in-use")

# OCI distribution-spec, "Pulling manifests": names and tags.
IMAGE = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$"
TAG_NAME = r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"


def collect(store: Store, source: Source, manifests: Manifests, progress: Progress) -> Collected:
    """List a registry and read the manifests that are not known yet.

    Raises AcctError, naming the place or the key, if a listing or an answer cannot be trusted.
    """
    listing = store.listing(progress)
    objects = listing.objects.with_row_index("number")
    keys = objects.filter(pl.col("key").str.starts_with(TOP))
    keys = keys.with_columns(path=pl.col("key").str.strip_prefix(TOP))
    blobs, below_manifests = _blobs(keys), _below_manifests(keys)
    links = _manifest_links(below_manifests)
    images, unnamed = _images(links, source)
    linked = _revisions(links).join(images, on="image")
    reader = Reader(store, source, progress, manifests.keep)
    tag_keys = _tag_keys(links).join(images, on="image")
    # The content of a link is read now, and so may be newer than an inventory.
    listed = _tags_of_listing(tag_keys, below_manifests if listing.historic else below_manifests.clear())
    unlisted = tag_keys.join(listed, on=["image", "version"], how="anti")
    tags = reader.links(unlisted, "tags")
    pointing = pl.concat([listed, tags.filter(pl.col("problem").is_null()).select(listed.columns)])
    trusted, unread, missing = _unread(linked, blobs, manifests)
    read, unreadable = reader.manifests(unread)
    known = pl.concat([trusted, read])
    bad_links = _bad_links(linked, manifests, reader)
    revisions = linked.join(bad_links, on="key", how="anti").join(known, on="digest", how="semi")
    versions = _versions(revisions, pointing, known)
    contents = _contents(versions, revisions, known)
    unserved = pl.concat([missing, unread.select("digest", "key").join(unreadable, on="key")])
    broken = [
        unnamed,
        _broken(MANIFEST, linked.join(bad_links, on="key")),
        _broken(MANIFEST, linked.drop("key").join(unserved, on="digest")),
        _broken(TAG, tags.filter(pl.col("problem").is_not_null())),
        _broken(LOST_TAG, _lost_tags(pointing, tag_keys, linked)),
        _broken(CONTENT, _unknown_contents(revisions, known, blobs)),
        _broken(SIZE, _other_sizes(revisions, known, blobs)),
    ]
    return Collected(
        taken_at=listing.taken_at,
        references=_references(versions, contents, blobs),
        parts=_parts(objects, blobs, contents),
        has_marker=not keys.filter(~FOLDER_MARKER).is_empty(),
        in_database=links.is_empty() or objects["key"].is_in([IN_DATABASE]).any(),
        missing_blobs=contents.join(blobs, on="digest", how="anti")["digest"].n_unique(),
        manifests=read,
        broken=pl.concat(broken).unique().sort(list(BROKEN)),
        examined={MANIFEST: linked["digest"].n_unique(), TAG: tag_keys.height},
    )


def _blobs(keys: pl.DataFrame) -> pl.DataFrame:
    """The stored blobs: digest, size_bytes, modified_at, key, number."""
    parts = pl.col("path").str.split_exact("/", 5)
    names = ["top", "algorithm", "two", "hex", "data", "more"]
    digest = pl.concat_str("algorithm", "hex", separator=":")
    return (
        keys.filter(pl.col("path").str.starts_with("blobs/"))
        .select("number", "key", "size_bytes", "modified_at", parts.struct.rename_fields(names).alias("parts"))
        .unnest("parts")
        .filter((pl.col("data") == "data") & pl.col("more").is_null() & (pl.col("hex").str.head(2) == pl.col("two")))
        .select(digest.alias("digest"), "size_bytes", "modified_at", "key", "number")
        .filter(pl.col("digest").str.contains(DIGEST))
    )


def _below_manifests(keys: pl.DataFrame) -> pl.DataFrame:
    """The links of an image's manifests, as OBJECTS, with image, and the rest below `_manifests`."""
    # No segment of an image's name starts with an underscore, but a tag may: the first `_manifests` ends the name.
    halves = pl.col("path").str.strip_prefix("repositories/").str.splitn("/_manifests/", 2)
    return (
        keys.filter(pl.col("path").str.starts_with("repositories/") & pl.col("path").str.ends_with("/link"))
        .filter(pl.col("path").str.contains("/_manifests/", literal=True))
        .select(*OBJECTS, halves.struct.rename_fields(["image", "rest"]).alias("halves"))
        .unnest("halves")
        .filter(pl.col("image").str.contains(IMAGE))
    )


def _manifest_links(links: pl.DataFrame) -> pl.DataFrame:
    """The links of revisions and of tags, with the five parts of the rest of their path."""
    parts = pl.col("rest").str.split_exact("/", 4).struct.rename_fields(["kind", "first", "second", "link", "more"])
    return (
        links.with_columns(parts.alias("parts"))
        .unnest("parts")
        .filter((pl.col("link") == "link") & pl.col("more").is_null())
    )


def _images(links: pl.DataFrame, source: Source) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The images whose workspace is known from their name or the source: image, workspace, package; and the others, as
    BROKEN."""
    images = links.select("image").unique()
    if source.workspace is not None:
        return images.with_columns(workspace=pl.lit(source.workspace), package="image"), nothing_broken()
    halves = pl.col("image").str.splitn("/", 2).struct.rename_fields(["workspace", "package"])
    named = images.with_columns(halves.alias("halves")).unnest("halves")
    at_top = named.filter(pl.col("package").is_null()).select("image", package="image")
    named = named.filter(pl.col("package").is_not_null())
    if source.top_level_workspace is not None:
        at_top = at_top.with_columns(workspace=pl.lit(source.top_level_workspace)).select(named.columns)
        return pl.concat([named, at_top]), nothing_broken()
    unnamed = at_top.with_columns(
        key=pl.concat_str(pl.lit(f"{TOP}repositories/"), "image"),
        workspace=pl.lit(None, pl.String()),
        problem=pl.lit("has no workspace in its name, so it is not billed"),
    )
    return named, _broken(NAME, unnamed)


def _revisions(links: pl.DataFrame) -> pl.DataFrame:
    """The manifests that are linked by digest: image, digest, uploaded_at, and the columns of OBJECTS for the link."""
    return (
        links.filter(pl.col("kind") == "revisions")
        .select("image", *OBJECTS, digest=pl.concat_str("first", "second", separator=":"), uploaded_at="modified_at")
        .filter(pl.col("digest").str.contains(DIGEST))
    )


def _tag_keys(links: pl.DataFrame) -> pl.DataFrame:
    """The links that say what a tag points to: image, version, key, size_bytes, content_tag."""
    return links.filter(
        (pl.col("kind") == "tags") & (pl.col("second") == "current") & pl.col("first").str.contains(TAG_NAME)
    ).select("image", "key", "size_bytes", "content_tag", version="first")


def _tags_of_listing(tag_keys: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """What tags point to, as far as the listing shows it: image, version, digest.

    Below a tag's `index` is a link for each digest that it ever had. That link is written again when the tag is moved
    to the digest, just before `current/link` (distribution, registry/storage/tagstore.go). The tag points to the one
    with the same content as `current/link`. If content tags do not show this (encrypted content has random ones), it
    is the latest, unless two links are of the same second.
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


def _unread(
    linked: pl.DataFrame, blobs: pl.DataFrame, manifests: Manifests
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The linked manifests in three groups: those that are known, as MANIFESTS; those to read: digest, size_bytes, key;
    and those that are not stored: digest, key, problem."""
    stored = linked.select("digest").unique().join(blobs, on="digest", how="left")
    names = pl.col("digest").str.splitn(":", 2).struct
    algorithm, name = names.field("field_0"), names.field("field_1")
    missing = stored.filter(pl.col("key").is_null()).select(
        "digest",
        key=pl.format(f"{TOP}blobs/{{}}/{{}}/{{}}/data", algorithm, name.str.head(2), name),
        problem=pl.lit("is missing"),
    )
    stored = stored.filter(pl.col("key").is_not_null())
    same = ["digest", "size_bytes"]
    known = pl.concat(
        [
            manifests.begun.join(stored, on=same, how="semi"),
            manifests.known.join(stored.filter(~manifests.doubtful()), on=same, how="semi"),
        ]
    ).unique("digest")
    unread = stored.join(known, on="digest", how="anti").select("digest", "size_bytes", "key").sort("digest")
    return known, unread, missing


def _bad_links(linked: pl.DataFrame, manifests: Manifests, reader: Reader) -> pl.DataFrame:
    """The revisions' links whose content is not their digest: key, problem.

    A link is read once, and only if neither its length nor its content tag (in most buckets an MD5) shows its content.
    """
    wrong_length = pl.col("size_bytes") != pl.col("digest").str.len_bytes()
    new = pl.lit(manifests.since is None) | manifests.doubtful()
    in_doubt = linked.filter(wrong_length | new)
    tags = [hashlib.md5(digest.encode(), usedforsecurity=False).hexdigest() for digest in in_doubt["digest"]]
    in_doubt = in_doubt.filter(pl.col("content_tag") != pl.Series(tags, dtype=pl.String()))
    read = reader.links(in_doubt.select("key", "size_bytes", expected="digest"), "links")
    other = pl.when(pl.col("digest") != pl.col("expected")).then(pl.lit("contains a digest other than its own"))
    return read.select("key", problem=pl.coalesce("problem", other)).drop_nulls()


def _lost_tags(pointing: pl.DataFrame, tag_keys: pl.DataFrame, linked: pl.DataFrame) -> pl.DataFrame:
    """Tags that point to a manifest that the image does not have, with the problem."""
    lost = pointing.join(linked, on=["image", "digest"], how="anti").join(tag_keys, on=["image", "version"])
    return lost.with_columns(problem=pl.format("points to {}, which the image does not have", "digest"))


def _unknown_contents(revisions: pl.DataFrame, manifests: pl.DataFrame, blobs: pl.DataFrame) -> pl.DataFrame:
    """Manifests whose content is not completely known, with the key and the problem."""
    unknown = manifests.select("digest", "unknown").drop_nulls().join(blobs.select("digest", "key"), on="digest")
    problem = pl.format("{}, so the content that it names is not billed", "unknown")
    return revisions.drop("key").join(unknown, on="digest").with_columns(problem=problem)


def _other_sizes(revisions: pl.DataFrame, manifests: pl.DataFrame, blobs: pl.DataFrame) -> pl.DataFrame:
    """Blobs whose stored size is not the one that a manifest states, with the key and the problem."""
    stated = pl.concat(
        [
            manifests.select("digest", child=names, stated_bytes=sizes).explode("child", "stated_bytes").drop_nulls()
            for names, sizes in (("blobs", "blob_sizes"), ("children", "child_sizes"))
        ]
    )
    other = (
        stated.join(blobs.select("key", child="digest", stored_bytes="size_bytes"), on="child")
        .filter(pl.col("stated_bytes") != pl.col("stored_bytes"))
        .join(revisions.select("digest", "workspace", "package"), on="digest")
    )
    found = other.group_by("key", "workspace", "package", "stated_bytes", "stored_bytes").agg(pl.col("digest").min())
    problems = [
        f"has {stored:,} bytes, but the manifest {digest} says {said:,}; the stored size is billed"
        for stored, said, digest in found.select("stored_bytes", "stated_bytes", "digest").iter_rows()
    ]
    return found.with_columns(problem=pl.Series(problems, dtype=pl.String()))


def _broken(kind: str, found: pl.DataFrame) -> pl.DataFrame:
    """Broken objects (key, workspace, package, problem) as BROKEN."""
    return found.with_columns(kind=pl.lit(kind)).select(list(BROKEN)).unique()


def _versions(revisions: pl.DataFrame, tags: pl.DataFrame, manifests: pl.DataFrame) -> pl.DataFrame:
    """The versions that the registry serves: version, root (the digest of its manifest), and image, workspace, package
    and uploaded_at of that manifest's revision.

    A tag without a revision of its digest is not a version: the registry answers 404. An untagged revision is a
    version, unless an index of the same image lists it.
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

    An index is followed into the children that its image has as revisions. Of any other child only the manifest counts:
    the registry's garbage collection keeps it, but nothing below it.
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
    """A row per holder and `child`, an entry of that member of the holder's manifest."""
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
    """What each object is, as PARTS: links and the like are metadata."""
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
    # Joined by number, because keys are long.
    return objects.join(of_blobs, on="number", how="left").select(
        "key", "size_bytes", part=pl.coalesce("of_blob", of_others)
    )
