"""One page of a bucket's listing: from the XML of ListObjectsV2 to columns that are what the S3 API promises.

botocore signs, sends and retries. But it takes ten times as long to parse the XML, and treats an empty answer or a
login page as an empty bucket. So the body is taken from the answer before botocore parses it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError, XMLParser

import polars as pl
from botocore.utils import parse_timestamp

from accounting.collectors.places.store import OBJECTS
from accounting.errors import AcctError
from accounting.instants import FIRST, LAST
from accounting.text import counted

CHECK_SERVER = "check that the endpoint is an S3 server and not a proxy or a login page, then collect again"
NO_NUMBER = "has a key without a valid LastModified or size"
NO_LISTING = "is not an S3 listing: the endpoint is not an S3 server, or something else answers in its place"
ROOT = "ListBucketResult"
MEMBERS = ("Key", "Size", "LastModified", "ETag")

# Python's own parser accepts any digits as an instant, and botocore's reads a time of day as today's.
_ISO_8601 = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T")

# An object in the form that servers write: flat, without attributes, with nothing escaped but the quotes of the ETag.
# Nothing in it can be matched in two ways (`*+` does not backtrack), so that no text takes long.
PLAIN = re.compile(
    r"""<Contents>\s*+(?:
        <Key>([^<&]*+)</Key>\s*+ | <Size>([^<&]*+)</Size>\s*+ | <LastModified>([^<&]*+)</LastModified>\s*+
        | <ETag>(?:"|&quot;|&\#34;)?([^<&"]*+)(?:"|&quot;|&\#34;)?</ETag>\s*+
        | <(?!Key>|Size>|LastModified>|ETag>)(\w++)>[^<]*+</\5>\s*+
    )*+</Contents>""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Answer:
    """The body of a page: `root` without the objects in plain form, whose members are `plain`, column by column.

    `root` is None for a body with a DTD, and for a body that does not begin like XML.
    """

    root: Element | None
    plain: list[list[str | None]]


@dataclass(frozen=True)
class Page:
    """`objects` are as OBJECTS, their keys below the source's prefix; `folders` are whole prefixes, which end with a
    slash; `token` requests the next page and is empty on the last one; `date` is the server's Date header.
    """

    objects: pl.DataFrame
    folders: list[str]
    token: str
    date: str | None


@dataclass(frozen=True)
class PageRequest:
    """A request: everything below a prefix or, with `folders`, one level. `source_prefix` is removed from keys."""

    bucket: str
    source_prefix: str
    prefix: str
    folders: bool


def take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """A hook before botocore parses a listing: it puts the parsed body, as Answer, into the member `Page`.

    Errors and broken XML are left to botocore, which retries.
    """
    if response_dict["status_code"] == 200 and (answer := parsed(response_dict["body"])):
        customized_response_dict["Page"] = answer
        response_dict["body"] = b""


def parsed(body: bytes) -> Answer | None:
    """A page's body; None for an error and for broken XML, where a retry may help."""
    try:
        answer = _parsed(body)
    except (ParseError, UnicodeDecodeError):
        start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
        return None if start.startswith((b"<?xml", b"<ListBucketResult", b"<Error")) else Answer(None, [])
    return None if answer.root is not None and answer.root.tag.rpartition("}")[2] == "Error" else answer


def refuse_dtd(response_dict: dict[str, Any], **_: object) -> None:
    """A hook before botocore parses any other answer: one with a DTD, which may define entities, becomes empty."""
    if b"<!DOCTYPE" in response_dict["body"]:
        response_dict["body"] = b""


def page_of(where: str, page: Answer | None, date: str | None, request: PageRequest) -> Page:
    """Raises AcctError, naming page or key, for a page that is not what the S3 API promises."""
    root = page.root if page else None
    if page is None or root is None or root.tag.rpartition("}")[2] != ROOT:
        raise AcctError(where, NO_LISTING, CHECK_SERVER)
    space = root.tag.removesuffix(ROOT)
    name, truncated = root.findtext(f"{space}Name"), root.findtext(f"{space}IsTruncated")
    if name is None or truncated not in {"true", "false"}:
        raise AcctError(where, NO_LISTING, CHECK_SERVER)
    if name != request.bucket:
        raise AcctError(where, f"is a listing of the bucket {name!r}", CHECK_SERVER)
    token = root.findtext(f"{space}NextContinuationToken") or ""
    if truncated == "true" and not token:
        raise AcctError(where, "says that more pages follow, but has no token", CHECK_SERVER)
    if token and truncated == "false":
        raise AcctError(where, "has a token, but says that no more pages follow", CHECK_SERVER)
    encoded = root.findtext(f"{space}EncodingType") == "url"
    folders = _folders(where, root, space, encoded, request)
    rare = _members(root, space)
    keys, *others = [[*plain, *other] for plain, other in zip(page.plain, rare, strict=True)]
    count = root.findtext(f"{space}KeyCount")
    # Some servers count folders as keys, others do not.
    if count is not None and count not in {str(len(keys)), str(len(keys) + len(folders))}:
        raise AcctError(where, f"has {counted(len(keys), 'key')}, but its KeyCount is {count}", CHECK_SERVER)
    objects = _objects(where, [_decoded(keys, encoded), *others], request)
    return Page(objects, folders, token, date)


def timestamp(value: Any) -> datetime:
    """A fast parser for the ISO 8601 of listings; other forms go to botocore's. ValueError if it is not an instant.

    >>> timestamp("2026-10-01T02:00:00+02:00") == timestamp("Thu, 01 Oct 2026 00:00:00 GMT")
    True
    """
    try:
        iso = isinstance(value, str) and _ISO_8601.match(value)
        instant = datetime.fromisoformat(value) if iso else parse_timestamp(value)
    except RuntimeError as error:  # for "infinity", and for numbers that are too large
        raise ValueError(value) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _parsed(body: bytes) -> Answer:
    """Building elements takes most of the time. So the plain objects are cut out of the body first, unless a comment or
    the like could hide one; the rest is parsed as XML.
    """
    text = body.decode()
    plain: list[list[str | None]] = [[] for _ in MEMBERS]
    if "<!" not in text and text.find("<?", 1) < 0:
        # In turn: the text before an object, its members, another member; the text before the next object …
        parts = PLAIN.split(text)
        rest, *columns, _ = (parts[number :: PLAIN.groups + 1] for number in range(PLAIN.groups + 1))
        text, plain = "".join(rest), columns
    return Answer(_element(text), plain)


def _element(text: str) -> Element | None:
    if "<!DOCTYPE" in text:  # without a DTD there are no entities
        return None
    parser = XMLParser()
    parser.feed(text)
    return parser.close()


def _members(root: Element, space: str) -> list[list[str | None]]:
    """A column for each of MEMBERS, None where an object lacks it."""
    columns: list[list[str | None]] = [[] for _ in MEMBERS]
    named = [(column.append, space + member) for column, member in zip(columns, MEMBERS, strict=True)]
    for entry in root.iterfind(f"{space}Contents"):
        members = {member.tag: member.text for member in entry}
        for append, name in named:
            append(members.get(name))
    return columns


def _folders(where: str, root: Element, space: str, encoded: bool, request: PageRequest) -> list[str]:
    texts = [entry.findtext(f"{space}Prefix") for entry in root.iterfind(f"{space}CommonPrefixes")]
    folders = _decoded(texts, encoded)
    if folders and not request.folders:  # keys would be hidden in them
        raise AcctError(where, "has common prefixes, which were not requested", CHECK_SERVER)
    for folder in folders:
        if (
            not folder
            or len(folder) <= len(request.prefix)
            or not folder.startswith(request.prefix)
            or folder[-1] != "/"
        ):
            what = f"has the common prefix {folder!r}, which is not a folder below {request.prefix!r}"
            raise AcctError(where, what, CHECK_SERVER)
    return [folder for folder in folders if folder]


def _decoded(keys: list[str | None], encoded: bool) -> list[str | None]:
    if not encoded:
        return keys
    # Many servers encode slashes, and most keys have nothing else to decode.
    slashed = [key and key.replace("%2F", "/") for key in keys]
    return [unquote_plus(key) if key and ("%" in key or "+" in key) else key for key in slashed]


def _objects(where: str, columns: list[list[str | None]], request: PageRequest) -> pl.DataFrame:
    texts = pl.DataFrame(dict(zip(MEMBERS, columns, strict=True)), schema=dict.fromkeys(MEMBERS, pl.String()))
    objects = _typed(texts, request)
    if objects["sound"].all():
        return objects.select(list(OBJECTS))
    dated = zip(texts["LastModified"], objects["modified_at"], strict=True)  # some texts have another form
    modified = [_instant(where, text) if modified_at is None else text for text, modified_at in dated]
    objects = _typed(texts.with_columns(LastModified=pl.Series(modified, dtype=pl.String)), request)
    for key, of_request, size, size_bytes in (
        objects.with_columns(texts["Size"])
        .filter(~pl.col("sound"))
        .select("full_key", "of_request", "Size", "size_bytes")
        .iter_rows()
    ):
        if not key:
            raise AcctError(where, "has an object without a key", CHECK_SERVER)
        if not of_request:
            raise AcctError(f"{where}, key {key}", f"does not start with {request.prefix}", CHECK_SERVER)
        if size is not None and size_bytes is None:
            raise AcctError(where, NO_NUMBER, CHECK_SERVER)
        raise AcctError(f"{where}, key {key}", "has no valid size", CHECK_SERVER)
    return objects.select(list(OBJECTS))


def _typed(texts: pl.DataFrame, request: PageRequest) -> pl.DataFrame:
    """As OBJECTS, with `sound` (nothing is wrong), `full_key`, and `of_request` (below the requested prefix)."""
    key = pl.col("Key")
    size_bytes = pl.col("Size").cast(pl.Int64, strict=False)
    modified = pl.col("LastModified").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
    modified_at = modified.dt.epoch("s")
    modified_at = pl.when(modified_at.is_between(FIRST, LAST)).then(modified_at)
    of_request = key.str.starts_with(request.prefix)
    sound = (key != "") & of_request & (size_bytes >= 0) & modified_at.is_not_null()
    return texts.select(
        key=key.str.strip_prefix(request.source_prefix),
        size_bytes=size_bytes,
        modified_at=modified_at,
        content_tag=pl.col("ETag").fill_null("").str.strip_chars('"'),
        sound=sound.fill_null(False),
        full_key=key,
        of_request=of_request,
    )


def _instant(where: str, text: str | None) -> str:
    """A LastModified in another form of ISO 8601, or in that of HTTP, converted to the usual form."""
    try:
        instant = _iso_or_http(text or "")
        return (
            (instant if instant.tzinfo else instant.replace(tzinfo=UTC))
            .astimezone(UTC)
            .isoformat()
            .replace("+00:00", "Z")
        )
    except (ValueError, OverflowError) as error:
        raise AcctError(where, NO_NUMBER, CHECK_SERVER) from error


def _iso_or_http(text: str) -> datetime:
    return datetime.fromisoformat(text) if _ISO_8601.match(text) else parsedate_to_datetime(text)
