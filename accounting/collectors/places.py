"""From a source's url to the bucket or folder that it names."""

from dataclasses import replace
from pathlib import Path

from accounting.collectors.folder import Folder
from accounting.collectors.inventory import Inventory, folder_of
from accounting.collectors.store import Store
from accounting.errors import AcctError
from accounting.model import Source


def open_store(source: Source, base: Path) -> Store:
    """The place that a source's url names: `s3://bucket/prefix`, or `file:path` with a path relative to `base`.

    Of a url with `{workspace}`, the place of all workspaces. A bucket with an inventory is listed by that.

    Raises AcctError for another url, and for a bucket that no client can be made for. Nothing is read yet.
    """
    scheme, _, place = source.listed_url.partition(":")
    if scheme == "file" and source.url != "file:":
        return Folder(source.name, base / place)
    bucket, _, prefix = place.removeprefix("//").partition("/")
    if scheme == "s3" and place.startswith("//") and bucket:
        from accounting.collectors.bucket import Bucket  # late, for boto3 takes its time to import

        objects = Bucket(source, bucket, prefix)
        if source.inventory is None:
            return objects
        reports = open_store(replace(source, url=folder_of(source.inventory), inventory=None), base)
        return Inventory(source, bucket, prefix, objects, reports)
    raise AcctError(
        f"source {source.name}", f"the url {source.url!r} is unknown", "write s3://bucket/prefix or file:folder"
    )
