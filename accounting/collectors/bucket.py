"""A bucket as a place of objects, on any S3-compatible server.

boto3 takes an empty answer or a login page for an empty bucket, and a listing that breaks off for a complete one;
so every page is checked for what the S3 API reference (ListObjectsV2) promises before a listing counts.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import polars as pl
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session, get_session

from accounting.collectors.bucket_listing import WORKERS, SideBySide
from accounting.collectors.bucket_page import (
    CHECK_SERVER,
    Answer,
    Asked,
    Page,
    page_of,
    parsed,
    refuse_dtd,
    take_body,
    timestamp,
)
from accounting.collectors.bucket_read import ShortWay
from accounting.collectors.bucket_uploads import Uploads
from accounting.collectors.store import GoneError, Listing, Progress
from accounting.errors import AcctError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ATTEMPTS = 8
CONNECT_SECONDS, READ_SECONDS = 10, 60
# All attempts at one page or object together: a server that sends a byte a second never meets READ_SECONDS.
REQUEST_SECONDS = 180
SHORT_SECONDS = 10
LISTING_SECONDS = 6 * 3600
PAGE_BYTES = 64 * 1024 * 1024  # a thousand keys of 1,024 letters, each of them encoded, and more
# The members of a request to list, and what stands for them in a URL (S3 API reference, ListObjectsV2).
_LISTED = {"list-type": "2", "encoding-type": "url"}
_QUERY = {"Prefix": "prefix", "Delimiter": "delimiter", "ContinuationToken": "continuation-token"}

T = TypeVar("T")

_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to credentials that may read it"
_URL = "mend the url of the source"
_REGION = "set AWS_REGION to the bucket's region"
# By error code: what is wrong, and what to do. An answer without a code has its HTTP status for one.
_REFUSALS = {
    "NoSuchBucket": ("there is no such bucket", _URL),
    "InvalidBucketName": ("this is no name of a bucket", _URL),
    "NoSuchKey": ("the object is gone since it was listed", "collect again"),
    "404": ("there is no such bucket", _URL),
    "AccessDenied": ("these credentials may not read it", "grant them s3:ListBucket and s3:GetObject"),
    "403": ("these credentials may not read it", "grant them s3:ListBucket and s3:GetObject"),
    "InvalidAccessKeyId": ("the server does not know the access key", _CREDENTIALS),
    "SignatureDoesNotMatch": ("the secret key is wrong", _CREDENTIALS),
    "ExpiredToken": ("the credentials have expired", "sign in again"),
    "500": ("the server fails, or what it sends is no XML", CHECK_SERVER),  # botocore makes a 500 of broken XML
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it"),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", _REGION),
}
# Of an object; not every server says more of it than the status.
_GONE = ("NoSuchKey", "404")


class Bucket:
    """The objects of a bucket below a prefix, by their key below it; see collectors.store.Store.

    Credentials and region come from where every AWS client finds them, and so does the endpoint unless it is given.
    """

    def __init__(self, source: str, bucket: str, prefix: str, endpoint_url: str | None) -> None:
        """Raises AcctError where no client can be made: an endpoint that is no URL, a profile that is not there."""
        self._source = source
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._where = f"source {source}, bucket {bucket}"
        self._plain_pages = True
        self._session = get_session()
        self.client = _refusing(self._where, lambda: _client(self._where, self._session, endpoint_url))

    def listing(self, progress: Progress) -> Listing:
        """Raises AcctError, naming page or key, for a page that is not what the S3 API promises, and for a clock
        that is more than CLOCK_SECONDS off the server's.
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
            raise AcctError(where, "comes without a Content-Length, so that a part looks like the whole", CHECK_SERVER)
        if length > limit_bytes:
            raise AcctError(where, f"is larger than {limit_bytes:,} bytes", "remove it from the registry")
        if length != len(content):
            raise AcctError(where, f"broke off after {len(content):,} of {length:,} bytes", "collect again")
        return content

    def unfinished_uploads(self, progress: Progress) -> pl.DataFrame:
        uploads = Uploads(self._where, self.client, self._bucket, self._prefix, self._answer)
        return uploads.frame(self._source, progress)

    @cached_property
    def _short_way(self) -> ShortWay | None:
        try:
            return ShortWay(self._session, self.client, self._bucket)
        except (BotoCoreError, ValueError, OSError):  # boto3 says better what is wrong
            return None

    def _ask(self, where: str, prefix: str, folders: bool, token: str) -> Future[Page]:
        # botocore asks for EncodingType=url itself.
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        if folders:
            request["Delimiter"] = "/"
        if token:
            request["ContinuationToken"] = token
        asked = Asked(self._bucket, self._prefix, prefix, folders)

        def page() -> Page:
            short = self._short_page(request)
            if short:
                return page_of(where, *short, asked)
            answer: dict[str, Any] = _refusing(where, lambda: dict(self.client.list_objects_v2(**request)))
            return page_of(where, answer.get("Page"), answer["ResponseMetadata"]["HTTPHeaders"].get("date"), asked)

        return _begun(page)

    def _short_page(self, request: Mapping[str, Any]) -> tuple[Answer, str] | None:
        """None for ever from the first answer that is not plain: then boto3 need not ask a second time."""
        if not self._short_way or not self._plain_pages:
            return None
        query = {_QUERY[member]: value for member, value in request.items() if member in _QUERY}
        plain = self._short_way.page(_LISTED | query, PAGE_BYTES, min(SHORT_SECONDS, REQUEST_SECONDS))
        answer = parsed(plain.body) if plain else None
        self._plain_pages = answer is not None
        return (answer, plain.date) if answer and plain else None

    def _answer(self, where: str, call: Callable[[], T]) -> T:
        return _refusing(where, lambda: _within(REQUEST_SECONDS, where, call))


def _refusing(where: str, call: Callable[[], T]) -> T:
    """The result of a call to boto3, whose errors become refusals; what they quote may hold secrets and is left out."""
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _GONE:
            raise GoneError(where, *_REFUSALS[code]) from None
        answered = (f"the server answered {code or 'an error'}", "see what ails it, then collect again")
        said, todo = _REFUSALS.get(code, answered)
    except ParamValidationError:
        said, todo = _REFUSALS["InvalidBucketName"]
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError):
        said, todo = "there are no credentials", _CREDENTIALS
    except (ProfileNotFound, ConfigParseError):
        said, todo = "AWS_PROFILE or the configuration file of AWS cannot be read", "mend it"
    except (ConnectionError, HTTPClientError) as error:
        said = f"the endpoint does not answer as it should ({type(error).__name__})"
        todo = "check endpoint_url and the network, then collect again"
    except RecursionError:
        said, todo = "the server redirects in circles", "check endpoint_url and AWS_REGION"
    except (ResponseParserError, BotoCoreError, KeyError, ValueError) as error:
        said, todo = f"the answer cannot be read ({type(error).__name__})", CHECK_SERVER
    raise AcctError(where, said, todo)


def _client(where: str, session: Session, endpoint_url: str | None) -> "S3Client":
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=WORKERS,
        s3={"addressing_style": "path"} if endpoint_url else None,  # few other servers have a host name per bucket
    )
    # dateutil takes two thirds of the time of a listing.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=timestamp)
    aws = boto3.Session(botocore_session=session)
    try:
        client: S3Client = aws.client("s3", endpoint_url=endpoint_url, config=config)
    except ValueError as error:
        raise AcctError(where, "endpoint_url is no URL", "write it as https://host:port") from error
    # With a star for the service it comes before botocore's own hook, which parses the body to find an error in it.
    client.meta.events.register("before-parse.*.ListObjectsV2", take_body)
    client.meta.events.register("before-parse.*.ListMultipartUploads", refuse_dtd)
    client.meta.events.register("before-parse.*.ListParts", refuse_dtd)
    return client


def _begun(call: Callable[[], T]) -> Future[T]:
    """A call in a thread of its own; one that still waits when nobody waits for it ends with the process."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # handed on to who waits for it
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    return result


def _within(seconds: float, where: str, call: Callable[[], T]) -> T:
    """The result of a call, or AcctError where it takes longer."""
    try:
        return _begun(call).result(timeout=seconds)
    except TimeoutError as error:
        raise AcctError(where, f"the answer takes more than {seconds:,.0f} seconds", CHECK_SERVER) from error
