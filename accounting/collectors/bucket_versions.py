"""Noncurrent versions of a bucket with versioning: what was overwritten or deleted, and is stored all the same.

No listing of objects shows them, and no tool of a registry knows of them. A delete marker is what stands for a key that
was deleted; it takes no bytes.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from accounting.collectors.bucket_page import CHECK_SERVER
from accounting.collectors.store import Noncurrent, Progress
from accounting.errors import AcctError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# What a server answers that does not let these credentials list versions, or that keeps none.
_REFUSED = ("AccessDenied", "403", "NotImplemented", "501", "MethodNotAllowed", "405")

# Calls boto3, told where to say that it is, and changes its errors into refusals.
Answer = Callable[[str, Callable[[], dict[str, Any] | None]], dict[str, Any] | None]


class Versions:
    """The noncurrent versions of a bucket below a prefix."""

    def __init__(self, place: str, client: "S3Client", bucket: str, prefix: str, answer: Answer) -> None:
        self._place = place
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._answer = answer

    def noncurrent(self, source: str, progress: Progress) -> Noncurrent | None:
        """How many, and their bytes; None where they may not be listed.

        Raises AcctError for an answer that cannot be trusted.
        """
        state = self._allowed(f"{self._place}, versioning", self._versioning)
        if state is not None and "Status" not in state:  # no versioning ever was
            return Noncurrent(0, 0)
        objects, size_bytes, seen = 0, 0, 0
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix}
        markers: set[tuple[str, str]] = set()
        more = True
        while more:
            where = f"{self._place}, versions, page {len(markers) + 1}"
            page = self._allowed(where, partial(self._page, request))
            if page is None:
                return None
            sizes = self._sizes(where, page)
            objects, size_bytes = objects + len(sizes), size_bytes + sum(sizes)
            seen += len(page.get("Versions", []))
            progress(f"{source}: {seen:,} versions looked at")
            marker = (page.get("NextKeyMarker", ""), page.get("NextVersionIdMarker", ""))
            more = page["IsTruncated"]
            if more and (not any(marker) or marker in markers):
                raise AcctError(where, "says that more follows, without a marker that leads there", CHECK_SERVER)
            markers.add(marker)
            request |= {"KeyMarker": marker[0], "VersionIdMarker": marker[1]}
        return Noncurrent(objects, size_bytes)

    def _allowed(self, where: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """An answer; None where the server refuses to give it."""

        def asked() -> dict[str, Any] | None:
            try:
                return call()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _REFUSED:
                    return None
                raise

        return self._answer(where, asked)

    def _versioning(self) -> dict[str, Any]:
        return dict(self._client.get_bucket_versioning(Bucket=self._bucket))

    def _page(self, request: dict[str, Any]) -> dict[str, Any]:
        return dict(self._client.list_object_versions(**request))

    def _sizes(self, where: str, page: dict[str, Any]) -> list[int]:
        """Of each noncurrent version and delete marker of a page."""
        if page.get("Name") != self._bucket or "IsTruncated" not in page:
            raise AcctError(where, "is no list of this bucket's versions", CHECK_SERVER)
        markers = page.get("DeleteMarkers", [])
        for entry in (*page.get("Versions", []), *markers):
            if not entry.get("Key", "").startswith(self._prefix):
                raise AcctError(f"{where}, key {entry.get('Key')}", f"does not start with {self._prefix}", CHECK_SERVER)
        noncurrent = [version for version in page.get("Versions", []) if version.get("IsLatest") is not True]
        sizes = [version.get("Size", -1) for version in noncurrent]
        if min(sizes, default=0) < 0:
            raise AcctError(where, "has a version that has no size of 0 bytes or more", CHECK_SERVER)
        return sizes + [0] * len(markers)
