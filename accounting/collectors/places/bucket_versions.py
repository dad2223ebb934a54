"""Noncurrent versions in a bucket with versioning: objects that were overwritten or deleted, but are still stored.

No listing of objects shows them, and no tool of a registry knows of them. A delete marker stands for a deleted key and
takes no bytes.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from accounting.collectors.places.bucket_markers import MarkerListing
from accounting.collectors.places.bucket_page import CHECK_SERVER
from accounting.collectors.places.store import Noncurrent, Progress
from accounting.errors import AcctError

# The answers of a server that does not let these credentials list versions, or that has none.
_REFUSED = ("AccessDenied", "403", "NotImplemented", "501", "MethodNotAllowed", "405")


class Versions(MarkerListing):
    """The noncurrent versions of a bucket below a prefix."""

    def noncurrent(self, source: str, progress: Progress) -> Noncurrent | None:
        """Their number and bytes; None if they may not be listed.

        Raises AcctError for an answer that cannot be trusted.
        """
        state = self._allowed(f"{self._place}, versioning", self._versioning)
        if state is not None and "Status" not in state:  # versioning was never switched on
            return Noncurrent(0, 0)
        objects, size_bytes, seen = 0, 0, 0
        for where, page in self._pages("versions", "VersionIdMarker", self._page):
            if page is None:
                return None
            sizes = self._sizes(where, page)
            objects, size_bytes = objects + len(sizes), size_bytes + sum(sizes)
            seen += len(page.get("Versions", []))
            progress(f"{source}: {seen:,} versions listed")
        return Noncurrent(objects, size_bytes)

    def _allowed(self, where: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The answer of a call; None if the server does not allow it."""

        def answer_of() -> dict[str, Any] | None:
            try:
                return call()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _REFUSED:
                    return None
                raise

        return self._answer(where, answer_of)

    def _versioning(self) -> dict[str, Any]:
        return dict(self._client.get_bucket_versioning(Bucket=self._bucket))

    def _page(self, where: str, request: dict[str, Any]) -> dict[str, Any] | None:
        return self._allowed(where, lambda: dict(self._client.list_object_versions(**request)))

    def _sizes(self, where: str, page: dict[str, Any]) -> list[int]:
        """The size of each noncurrent version and delete marker of a page."""
        if page.get("Name") != self._bucket or "IsTruncated" not in page:
            raise AcctError(where, "is not a list of this bucket's versions", CHECK_SERVER)
        markers = page.get("DeleteMarkers", [])
        for entry in (*page.get("Versions", []), *markers):
            if not entry.get("Key", "").startswith(self._prefix):
                raise AcctError(f"{where}, key {entry.get('Key')}", f"does not start with {self._prefix}", CHECK_SERVER)
        noncurrent = [version for version in page.get("Versions", []) if version.get("IsLatest") is not True]
        sizes = [version.get("Size", -1) for version in noncurrent]
        if min(sizes, default=0) < 0:
            raise AcctError(where, "has a version without a valid size", CHECK_SERVER)
        return sizes + [0] * len(markers)
