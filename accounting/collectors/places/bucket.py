"""A bucket as a place of objects, on any S3-compatible server.

boto3 treats an empty answer or a login page as an empty bucket, and a truncated listing as a complete one. So every
page is checked for what the S3 API reference (ListObjectsV2) promises before a listing is used.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import boto3
import polars as pl
from botocore.config import Config
from botocore.exceptions import BotoCoreError, InvalidRegionError
from botocore.session import Session, get_session

from accounting.collectors.places.bucket_errors import refusing
from accounting.collectors.places.bucket_listing import WORKERS, SideBySide
from accounting.collectors.places.bucket_page import (
    CHECK_SERVER,
    Answer,
    Page,
    PageRequest,
    page_of,
    parsed,
    refuse_dtd,
    take_body,
    timestamp,
)
from accounting.collectors.places.bucket_read import ShortWay
from accounting.collectors.places.bucket_uploads import Uploads
from accounting.collectors.places.bucket_versions import Versions
from accounting.collectors.places.store import Listing, Noncurrent, Progress
from accounting.errors import AcctError
from accounting.model import Source
from accounting.text import counted

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ATTEMPTS = 8
CONNECT_SECONDS, READ_SECONDS = 10, 60
# All attempts at one page or object together: a server that sends a byte per second never exceeds READ_SECONDS.
REQUEST_SECONDS = 180
SHORT_SECONDS = 10
LISTING_SECONDS = 6 * 3600
PAGE_BYTES = 64 * 1024 * 1024  # more than a thousand keys of 1,024 letters, all of them encoded
# The members of a request to list, and their names in a URL (S3 API reference, ListObjectsV2).
_LISTED = {"list-type": "2", "encoding-type": "url"}
_QUERY = {"Prefix": "prefix", "Delimiter": "delimiter", "ContinuationToken": "continuation-token"}

T = TypeVar("T")


class Bucket:
    """The objects of a bucket below a prefix, by their key below it; see collectors.store.Store.

    Credentials, region and endpoint are found as by every AWS client, unless the source names them.
    """

    def __init__(self, source: Source, bucket: str, prefix: str) -> None:
        """Raises AcctError if no client can be made, such as for a malformed endpoint or a missing profile."""
        self._source = source.name
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._plain_pages = True
        self._session = get_session()
        if source.profile is not None:  # it overrides credentials in the environment
            self._session.set_config_variable("profile", source.profile)
        where = f"source {source.name}, bucket {bucket}"
        self.client = refusing(where, lambda: _client(where, self._session, source))
        self._where = f"{where} at {_shown(self.client.meta.endpoint_url)}"

    def listing(self, progress: Progress) -> Listing:
        """Raises AcctError, naming page or key, for a page that is not what the S3 API promises, and if this machine's
        clock is more than CLOCK_SECONDS off the server's.
        """
        listing = SideBySide(self._source, self._where, self._prefix, self._ask, progress)
        return listing.listing(REQUEST_SECONDS, LISTING_SECONDS)

    def read(self, key: str, limit_bytes: int) -> bytes:
        where = f"{self._where}, key {self._prefix}{key}"
        if self._short_way:
            seconds = min(SHORT_SECONDS, REQUEST_SECONDS)
            short = self._short_way.read(self._prefix + key, limit_bytes, seconds)
            if short is not None:
                return short

        def body() -> tuple[int | None, bytes]:
            answer = self.client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            return answer.get("ContentLength"), answer["Body"].read(limit_bytes + 1)

        length, content = self._answer(where, body)
        if length is None:
            what = "the answer has no Content-Length, so a truncated object cannot be detected"
            raise AcctError(where, what, CHECK_SERVER)
        if length > limit_bytes:
            raise AcctError(where, f"is larger than {counted(limit_bytes, 'byte')}", "find out what it is")
        if length != len(content):
            what = f"the answer ended after {len(content):,} of {counted(length, 'byte')}"
            raise AcctError(where, what, "collect again")
        return content

    def unfinished_uploads(self, progress: Progress) -> pl.DataFrame:
        uploads = Uploads(self._where, self.client, self._bucket, self._prefix, self._answer)
        return uploads.frame(self._source, progress)

    def noncurrent_versions(self, progress: Progress) -> Noncurrent | None:
        return Versions(self._where, self.client, self._bucket, self._prefix, self._answer).noncurrent(
            self._source, progress
        )

    @cached_property
    def _short_way(self) -> ShortWay | None:
        try:
            return ShortWay(self._session, self.client, self._bucket)
        except (BotoCoreError, ValueError, OSError):  # boto3 has the better error messages
            return None

    def _ask(self, where: str, prefix: str, folders: bool, token: str) -> Future[Page]:
        # botocore adds EncodingType=url.
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        if folders:
            request["Delimiter"] = "/"
        if token:
            request["ContinuationToken"] = token
        wanted = PageRequest(self._bucket, self._prefix, prefix, folders)

        def page() -> Page:
            short = self._short_page(request)
            if short:
                return page_of(where, *short, wanted)
            answer: dict[str, Any] = refusing(where, lambda: dict(self.client.list_objects_v2(**request)))
            return page_of(where, answer.get("Page"), answer["ResponseMetadata"]["HTTPHeaders"].get("date"), wanted)

        return _begun(page)

    def _short_page(self, request: Mapping[str, Any]) -> tuple[Answer, str] | None:
        """The next page by the direct connection; always None after an answer that is not plain, so that no later page
        is requested twice."""
        if not self._short_way or not self._plain_pages:
            return None
        query = {_QUERY[member]: value for member, value in request.items() if member in _QUERY}
        plain = self._short_way.page(_LISTED | query, PAGE_BYTES, min(SHORT_SECONDS, REQUEST_SECONDS))
        answer = parsed(plain.body) if plain else None
        self._plain_pages = answer is not None
        return (answer, plain.date) if answer and plain else None

    def _answer(self, where: str, call: Callable[[], T]) -> T:
        return refusing(where, lambda: _within(REQUEST_SECONDS, where, call))


def _client(where: str, session: Session, source: Source) -> "S3Client":
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=WORKERS,
        # Few servers other than Amazon's have a host name per bucket.
        s3={"addressing_style": "path"} if source.endpoint_url else None,
    )
    # botocore's own parser, dateutil, would take two thirds of the time of a listing.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=timestamp)
    aws = boto3.Session(botocore_session=session)
    try:
        client: S3Client = aws.client("s3", source.region, endpoint_url=source.endpoint_url, config=config)
    except InvalidRegionError:
        raise
    except ValueError as error:
        raise AcctError(where, "endpoint_url is not a URL", "write it as https://host:port") from error
    # With a star for the service it runs before botocore's own hook, which parses the body to find an error in it.
    client.meta.events.register("before-parse.*.ListObjectsV2", take_body)
    for operation in ("ListMultipartUploads", "ListParts", "ListObjectVersions", "GetBucketVersioning"):
        client.meta.events.register(f"before-parse.*.{operation}", refuse_dtd)
    return client


def _shown(endpoint_url: str) -> str:
    """An endpoint without the user and the password in it."""
    place = urlsplit(endpoint_url)
    return f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path.rstrip('/')}"


def _begun(call: Callable[[], T]) -> Future[T]:
    """Start a call in its own daemon thread, so that a call that hangs does not keep the process alive."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # raised in the thread that waits for the result
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    return result


def _within(seconds: float, where: str, call: Callable[[], T]) -> T:
    """The result of a call; AcctError if it takes longer."""
    try:
        return _begun(call).result(timeout=seconds)
    except TimeoutError as error:
        said = f"the answer took more than {counted(round(seconds), 'second')}"
        raise AcctError(where, said, CHECK_SERVER) from error
