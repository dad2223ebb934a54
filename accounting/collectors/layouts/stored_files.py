"""What layouts that store files by path have in common: packages do not share files, so one stored object is one blob.

A blob is identified by its place and its size: the same object seen by two sources is one blob, and an object that was
rewritten with another size is another blob. Nothing else distinguishes blobs: a restored backup changes time stamps, an
upload in parts or another encryption key changes the ETag, although the stored bytes are the same. So the content tag
is an attribute and not part of the identity.
"""

import polars as pl

from accounting.collectors.layouts.collected import REFERENCES
from accounting.model import WORKSPACE, Source


def files_of(objects: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The objects of a listing that belong to the source, as OBJECTS with `workspace`, `path` and `digest`.

    `path` is the key below the registry's top. The workspace is the source's or, if the url has `{workspace}`, that
    segment of the key; then a key whose next segments are not those of the url does not belong to the source.
    """
    before, _, behind = source.url.rstrip("/").partition(WORKSPACE)
    if source.workspace is not None:
        files = objects.with_columns(workspace=pl.lit(source.workspace), path="key")
        place = pl.concat_str(pl.lit(f"{before}/"), "path")
    else:
        top = f"{behind.removeprefix('/')}/" if behind else ""
        halves = pl.col("key").str.splitn("/", 2).struct.rename_fields(["workspace", "path"])
        files = (
            objects.with_columns(halves.alias("halves"))
            .unnest("halves")
            .filter((pl.col("workspace") != "") & pl.col("path").str.starts_with(top))
            .with_columns(pl.col("path").str.strip_prefix(top))
        )
        place = pl.concat_str(pl.lit(before), "workspace", pl.lit(f"{behind}/"), "path")
    return files.with_columns(digest=pl.concat_str(place, "size_bytes", separator="#"))


def references_of(held: pl.DataFrame, format_name: str) -> pl.DataFrame:
    """Files with `package` and `version`, one row per package that holds the file, as REFERENCES and `content_tag`."""
    columns = [*REFERENCES, "content_tag"]
    return (
        held.rename({"modified_at": "uploaded_at"})
        .with_columns(format=pl.lit(format_name))
        .select(columns)
        .sort(columns)
    )
