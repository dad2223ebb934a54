"""What the layouts that store files by path share: no two packages share a file, so one stored object is one blob.

A blob is named by its place and its content tag: the same object seen by two sources is one blob, and a change of its
content makes another one, so that no blob ever has two sizes.
"""

import polars as pl

from accounting.collectors.collected import REFERENCES
from accounting.model import WORKSPACE, Source


def files_of(objects: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Those of a listing's objects that are the source's, as OBJECTS with `workspace`, `path` and `digest`.

    `path` is the key below the registry's top. The workspace is the source's; or it is the segment of the key that
    stands at `{workspace}` in the url, and then a key that goes on otherwise than the url is no object of the source.
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
    # Where a server gives no tag, the size keeps two writes within a second apart.
    instead = pl.concat_str("modified_at", "size_bytes", separator="-")
    tag = pl.when(pl.col("content_tag") == "").then(instead).otherwise("content_tag")
    return files.with_columns(digest=pl.concat_str(place, tag, separator="#"))


def references_of(held: pl.DataFrame, format_name: str) -> pl.DataFrame:
    """Files with `package` and `version`, one row for each package that holds one, as REFERENCES."""
    return (
        held.rename({"modified_at": "uploaded_at"})
        .with_columns(format=pl.lit(format_name))
        .select(REFERENCES)
        .sort(REFERENCES)
    )
