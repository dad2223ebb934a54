"""From a source's url to the bucket or folder that it names."""

from dataclasses import replace
from pathlib import Path

from accounting.collectors.places.folder import Folder
from accounting.collectors.places.inventory import Inventory, folder_of
from accounting.collectors.places.store import Store
from accounting.errors import AcctError
from accounting.model import Source


def open_store(source: Source, base: Path) -> Store:
    """The place that a source's url names: `s3://bucket/prefix`, or `file:path` with a path relative to `base`.

    For a url with `{workspace}`, it is the place of all workspaces. A bucket with an inventory is listed by that.

    Raises AcctError for any other url, and if no client can be made for a bucket. Nothing is read yet.
    """
    scheme, _, place = source.listed_url.partition(":")
    if scheme == "file" and source.url != "file:":
        return Folder(source.name, base / place)
    bucket, _, prefix = place.removeprefix("//").partition("/")
    if scheme == "s3" and place.startswith("//") and bucket:
        from accounting.collectors.places.bucket import Bucket  # late, because boto3 is slow to import

        objects = Bucket(source, bucket, prefix)
        if source.inventory is None:
            return objects
        reports = open_store(replace(source, url=folder_of(source.inventory), inventory=None), base)
        return Inventory(source, bucket, prefix, objects, reports)
    what = f"the url {source.url!r} names neither a bucket nor a folder"
    raise AcctError(f"source {source.name}", what, "write s3://bucket/prefix or file:folder")
