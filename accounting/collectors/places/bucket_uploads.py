"""Unfinished multipart uploads: no listing shows their parts, although these are stored."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from accounting.collectors.places.bucket_markers import MarkerListing
from accounting.collectors.places.bucket_page import CHECK_SERVER
from accounting.collectors.places.store import UPLOADS, Progress
from accounting.errors import AcctError
from accounting.text import counted

READERS = 16
PROGRESS_UPLOADS = 100


@dataclass(frozen=True)
class Upload:
    """An upload of one key, started at `started_at` (epoch seconds)."""

    key: str
    upload_id: str
    started_at: int


class Uploads(MarkerListing):
    """The unfinished uploads of a bucket below a prefix."""

    def frame(self, source: str, progress: Progress) -> pl.DataFrame:
        """As UPLOADS, the keys below the prefix. Raises AcctError for an answer that cannot be trusted."""
        uploads = list(self._begun())
        rows = []
        pool = ThreadPoolExecutor(READERS)
        try:
            for number, (upload, size_bytes) in enumerate(zip(uploads, pool.map(self._size, uploads), strict=True), 1):
                if size_bytes is not None:
                    rows.append((upload.key.removeprefix(self._prefix), size_bytes, upload.started_at))
                if number % PROGRESS_UPLOADS == 0:
                    progress(f"{source}: {counted(number, 'unfinished upload')} read")
        finally:
            pool.shutdown(cancel_futures=True)
        return pl.DataFrame(rows, schema=UPLOADS, orient="row")

    def _begun(self) -> Iterator[Upload]:
        # Without EncodingType=url: some servers say that they have encoded the keys although they have not.
        for where, page in self._pages("uploads", "UploadIdMarker", self._page):
            if page is None or page.get("Bucket") != self._bucket or "IsTruncated" not in page:
                raise AcctError(where, "is not a list of this bucket's uploads", CHECK_SERVER)
            for entry in page.get("Uploads", []):
                yield self._upload(where, entry)

    def _page(self, where: str, request: dict[str, Any]) -> dict[str, Any] | None:
        return self._answer(where, lambda: dict(self._client.list_multipart_uploads(**request)))

    def _upload(self, where: str, entry: dict[str, Any]) -> Upload:
        try:
            upload = Upload(entry["Key"], entry["UploadId"], int(entry["Initiated"].timestamp()))
        except (KeyError, OverflowError) as error:
            raise AcctError(where, "has an upload without a key, an id or a start time", CHECK_SERVER) from error
        if not upload.key.startswith(self._prefix):
            raise AcctError(f"{where}, key {upload.key}", f"does not start with {self._prefix}", CHECK_SERVER)
        return upload

    def _size(self, upload: Upload) -> int | None:
        """Bytes of the parts uploaded so far; None if the upload has ended in the meantime."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": upload.key, "UploadId": upload.upload_id}
        size_bytes, marker, more = 0, 0, True
        while more:
            where = f"{self._place}, upload of {upload.key}"
            page = self._answer(where, partial(self._parts, request))
            if not page:
                return None
            if page.get("UploadId") != upload.upload_id or "IsTruncated" not in page:
                raise AcctError(where, "the answer is not a list of its parts", CHECK_SERVER)
            sizes = [part.get("Size", -1) for part in page.get("Parts", [])]
            if min(sizes, default=0) < 0:
                raise AcctError(where, "has a part without a valid size", CHECK_SERVER)
            size_bytes += sum(sizes)
            more, last = page["IsTruncated"], page.get("NextPartNumberMarker", 0)
            if more and last <= marker:
                raise AcctError(where, "says that more parts follow, but has no new marker", CHECK_SERVER)
            marker = last
            request["PartNumberMarker"] = marker
        return size_bytes

    def _parts(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(self._client.list_parts(**request))
        except self._client.exceptions.NoSuchUpload:
            return {}
