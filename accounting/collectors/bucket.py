"""A bucket as a place of objects, on any S3-compatible server.

boto3 takes an empty answer or a login page for an empty bucket, and a listing that breaks off for a complete one;
so every page is checked for what the S3 API reference (ListObjectsV2) promises before a listing counts.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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
from botocore.session import get_session
from botocore.utils import parse_timestamp

from accounting.collectors.store import OBJECTS, Listing, Progress, listed
from accounting.errors import AcctError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ATTEMPTS = 8
CONNECT_SECONDS, READ_SECONDS = 10, 60
# All attempts at one page or object together: a server that sends a byte a second never meets READ_SECONDS.
REQUEST_SECONDS = 180
LISTING_SECONDS = 6 * 3600
CLOCK_SECONDS = 300

T = TypeVar("T")

_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to credentials that may read it"
_URL = "mend the url of the source"
_SERVER = "check that the endpoint is an S3 server and not a proxy or a login page, then collect again"
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
    "500": ("the server fails, or what it sends is no XML", _SERVER),  # botocore makes a 500 of broken XML
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it"),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", _REGION),
}


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
        self.client = _refusing(self._where, lambda: _client(self._where, endpoint_url))

    def listing(self, progress: Progress) -> Listing:
        """Raises AcctError, naming page or key, for a page that is not what the S3 API promises, and for a clock
        that is more than CLOCK_SECONDS off the server's.
        """
        deadline = time.monotonic() + LISTING_SECONDS
        tokens: set[str] = set()
        frames: list[pl.DataFrame] = []
        taken_at, keys, token = 0, 0, ""
        while token or not frames:
            where = f"{self._where}, page {len(frames) + 1}"
            if time.monotonic() > deadline:
                raise AcctError(where, f"the listing takes more than {LISTING_SECONDS // 3600} hours", _SERVER)
            page = self._page(where, token)
            taken_at = taken_at or _date(where, page)
            token = self._next_token(where, page, tokens)
            frames.append(self._objects(where, page))
            keys += frames[-1].height
            progress(f"{self._source}: {keys:,} keys listed")
        objects = pl.concat(frames)
        twice = objects.filter(pl.col("key").is_duplicated())
        if not twice.is_empty():
            raise AcctError(f"{self._where}, key {self._prefix}{twice['key'][0]}", "is listed twice", _SERVER)
        return listed(taken_at, objects)

    def read(self, key: str, limit_bytes: int) -> bytes:
        where = f"{self._where}, key {self._prefix}{key}"

        def body() -> tuple[int | None, bytes]:
            answer = self.client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            return answer.get("ContentLength"), answer["Body"].read(limit_bytes + 1)

        length, content = self._answer(where, body)
        if length is None:
            raise AcctError(where, "comes without a Content-Length, so that a part looks like the whole", _SERVER)
        if length > limit_bytes:
            raise AcctError(where, f"is larger than {limit_bytes:,} bytes", "remove it from the registry")
        if length != len(content):
            raise AcctError(where, f"broke off after {len(content):,} of {length:,} bytes", "collect again")
        return content

    def _page(self, where: str, token: str) -> dict[str, Any]:
        # botocore asks for EncodingType=url itself, and decodes the keys of a server that obeys it.
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix}
        if token:
            request["ContinuationToken"] = token
        page: dict[str, Any] = self._answer(where, lambda: dict(self.client.list_objects_v2(**request)))
        if "Name" not in page or "IsTruncated" not in page:
            raise AcctError(where, "is no S3 listing", _SERVER)
        if page["Name"] != self._bucket:
            raise AcctError(where, f"is a listing of the bucket {page['Name']!r}", _SERVER)
        return page

    def _next_token(self, where: str, page: dict[str, Any], seen: set[str]) -> str:
        """The token of the page that follows, or the empty string after the last one."""
        token: str = page.get("NextContinuationToken", "")
        # botocore reads any IsTruncated but `true` as false: the token must agree with it.
        if page["IsTruncated"] and not token:
            raise AcctError(where, "says that more follows, without a token", _SERVER)
        if token and not page["IsTruncated"]:
            raise AcctError(where, "has a token, and says that no more follows", _SERVER)
        if token in seen:
            raise AcctError(where, "repeats the token of an earlier page", _SERVER)
        if token:
            seen.add(token)
        return token

    def _objects(self, where: str, page: dict[str, Any]) -> pl.DataFrame:
        """The objects of one page, as OBJECTS."""
        contents = page.get("Contents", [])
        if page.get("KeyCount", len(contents)) != len(contents):
            raise AcctError(where, f"has {len(contents):,} keys and counts {page['KeyCount']:,}", _SERVER)
        try:
            columns = {
                "key": [entry["Key"] for entry in contents],
                "size_bytes": [entry.get("Size") for entry in contents],
                "modified_at": [int(entry["LastModified"].timestamp()) for entry in contents],
                "content_tag": [entry.get("ETag", "").strip('"') for entry in contents],
            }
            objects = pl.DataFrame(columns, schema=OBJECTS)
        except (KeyError, TypeError, OverflowError) as error:
            raise AcctError(where, "has a key without its LastModified, or a size that is no size", _SERVER) from error
        strange = objects.filter(~pl.col("key").str.starts_with(self._prefix))
        if not strange.is_empty():
            raise AcctError(f"{where}, key {strange['key'][0]}", f"does not start with {self._prefix}", _SERVER)
        unsized = objects.filter(pl.col("size_bytes").is_null() | (pl.col("size_bytes") < 0))
        if not unsized.is_empty():
            raise AcctError(f"{where}, key {unsized['key'][0]}", "has no size of 0 bytes or more", _SERVER)
        return objects.with_columns(pl.col("key").str.strip_prefix(self._prefix))

    def _answer(self, where: str, call: Callable[[], T]) -> T:
        return _refusing(where, lambda: _within(REQUEST_SECONDS, where, call))


def _refusing(where: str, call: Callable[[], T]) -> T:
    """The result of a call to boto3, whose errors become refusals; what they quote may hold secrets and is left out."""
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
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
        said, todo = f"the answer cannot be read ({type(error).__name__})", _SERVER
    raise AcctError(where, said, todo)


def _client(where: str, endpoint_url: str | None) -> "S3Client":
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        s3={"addressing_style": "path"} if endpoint_url else None,  # few other servers have a host name per bucket
    )
    session = get_session()
    # dateutil takes two thirds of the time of a listing.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    aws = boto3.Session(botocore_session=session)
    try:
        client: S3Client = aws.client("s3", endpoint_url=endpoint_url, config=config)
    except ValueError as error:
        raise AcctError(where, "endpoint_url is no URL", "write it as https://host:port") from error
    return client


def _timestamp(value: Any) -> datetime:
    """Fast for the ISO 8601 of listings; headers and other services have other forms."""
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = parse_timestamp(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _date(where: str, page: dict[str, Any]) -> int:
    """The server's clock in epoch seconds, refused where this machine's is far from it."""
    try:
        date = int(parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp())
    except (KeyError, ValueError) as error:
        raise AcctError(where, "has no Date header that can be read", _SERVER) from error
    if abs(date - time.time()) > CLOCK_SECONDS:
        said = f"the server's clock and this machine's are {abs(date - time.time()):,.0f} seconds apart"
        raise AcctError(where, said, "set the clock that is wrong, then collect again")
    return date


def _within(seconds: float, where: str, call: Callable[[], T]) -> T:
    """The result of a call, or AcctError where it takes longer; the thread that still waits ends with the process."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # handed on to who waits for it
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return result.result(timeout=seconds)
    except TimeoutError as error:
        raise AcctError(where, f"the answer takes more than {seconds:,.0f} seconds", _SERVER) from error
