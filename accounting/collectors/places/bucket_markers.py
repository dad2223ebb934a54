"""Listings of a bucket by two markers, page by page: of unfinished uploads, and of versions."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from accounting.collectors.places.bucket_page import CHECK_SERVER
from accounting.errors import AcctError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

Page = dict[str, Any]
# Calls boto3 and changes its errors into AcctError; the text is where it is, for errors.
Answer = Callable[[str, Callable[[], Page | None]], Page | None]


class MarkerListing:
    """What a bucket lists below a prefix by KeyMarker and a second marker."""

    def __init__(self, place: str, client: "S3Client", bucket: str, prefix: str, answer: Answer) -> None:
        self._place = place
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._answer = answer

    def _pages(
        self, what: str, second_marker: str, ask: Callable[[str, Page], Page | None]
    ) -> Iterator[tuple[str, Page | None]]:
        """Where each page is, and the page, which the caller checks before it takes the next.

        The last is None if it may not be listed. Raises AcctError for a page that leads nowhere new.
        """
        request: Page = {"Bucket": self._bucket, "Prefix": self._prefix}
        markers: set[tuple[str, str]] = set()
        more = True
        while more:
            where = f"{self._place}, {what}, page {len(markers) + 1}"
            page = ask(where, request)
            yield where, page
            if page is None:
                return
            marker = (page.get("NextKeyMarker", ""), page.get(f"Next{second_marker}", ""))
            more = page["IsTruncated"]
            if more and (not any(marker) or marker in markers):
                raise AcctError(where, "says that more pages follow, but has no new marker", CHECK_SERVER)
            markers.add(marker)
            request |= {"KeyMarker": marker[0], second_marker: marker[1]}
