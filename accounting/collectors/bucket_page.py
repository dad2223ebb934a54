"""One page of a bucket's listing: from the XML of ListObjectsV2 to columns that are what the S3 API promises.

botocore signs, sends and tries again; but it takes ten times as long over the XML, and an empty answer or a login
page for an empty bucket. So the body is taken out of its hands before it parses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError, XMLParser

import polars as pl
from botocore.utils import parse_timestamp

from accounting.collectors.store import OBJECTS
from accounting.errors import AcctError

CHECK_SERVER = "check that the endpoint is an S3 server and not a proxy or a login page, then collect again"
ROOT = "ListBucketResult"
MEMBERS = ("Key", "Size", "LastModified", "ETag")


@dataclass(frozen=True)
class Page:
    """`objects` are as OBJECTS, their keys below the source's prefix; `folders` are whole prefixes, which end with a
    slash; `token` asks for the page that follows, and is empty on the last one; `date` is the server's Date header.
    """

    objects: pl.DataFrame
    folders: list[str]
    token: str
    date: str | None


@dataclass(frozen=True)
class Asked:
    """What is asked for: all below a prefix, or with `folders` one level of it. `source_prefix` is left off keys."""

    bucket: str
    source_prefix: str
    prefix: str
    folders: bool


def take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """A hook before botocore parses a listing: the answer's member `Root` is then the parsed body, None for a DTD.

    Errors, and what is no XML, are left to botocore, which asks again.
    """
    body = response_dict["body"]
    if response_dict["status_code"] != 200:
        return
    root = None
    # As the parser takes the bytes for UTF-8 whatever they declare, a DTD, and with it any entity, begins like this.
    if b"<!DOCTYPE" not in body:
        try:
            root = _parsed(body)
        except ParseError:
            return
        if root.tag.rpartition("}")[2] == "Error":
            return
    customized_response_dict["Root"] = root
    response_dict["body"] = b""


def page_of(where: str, answer: Mapping[str, Any], asked: Asked) -> Page:
    """Raises AcctError, naming page or key, for a page that is not what the S3 API promises."""
    root = answer.get("Root")
    if root is None or root.tag.rpartition("}")[2] != ROOT:
        raise AcctError(where, "is no S3 listing", CHECK_SERVER)
    space = root.tag.removesuffix(ROOT)
    name, truncated = root.findtext(f"{space}Name"), root.findtext(f"{space}IsTruncated")
    if name is None or truncated not in {"true", "false"}:
        raise AcctError(where, "is no S3 listing", CHECK_SERVER)
    if name != asked.bucket:
        raise AcctError(where, f"is a listing of the bucket {name!r}", CHECK_SERVER)
    token = root.findtext(f"{space}NextContinuationToken") or ""
    if truncated == "true" and not token:
        raise AcctError(where, "says that more follows, without a token", CHECK_SERVER)
    if token and truncated == "false":
        raise AcctError(where, "has a token, and says that no more follows", CHECK_SERVER)
    encoded = root.findtext(f"{space}EncodingType") == "url"
    folders = _folders(where, root, space, encoded, asked)
    keys, *others = _members(root, space)
    count = root.findtext(f"{space}KeyCount")
    # Servers differ in whether folders count as keys.
    if count is not None and count not in {str(len(keys)), str(len(keys) + len(folders))}:
        raise AcctError(where, f"has {len(keys):,} keys and counts {count}", CHECK_SERVER)
    objects = _objects(where, [_decoded(keys, encoded), *others], asked)
    return Page(objects, folders, token, answer["ResponseMetadata"]["HTTPHeaders"].get("date"))


def timestamp(value: Any) -> datetime:
    """Fast for the ISO 8601 of listings; headers and other services have other forms."""
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = parse_timestamp(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _parsed(body: bytes) -> Element:
    parser = XMLParser(encoding="utf-8")
    parser.feed(body)
    return parser.close()


def _members(root: Element, space: str) -> list[list[str | None]]:
    """The column of each of MEMBERS, None where an object lacks it."""
    columns: list[list[str | None]] = [[] for _ in MEMBERS]
    named = [(column.append, space + member) for column, member in zip(columns, MEMBERS, strict=True)]
    for entry in root.iterfind(f"{space}Contents"):
        members = {member.tag: member.text for member in entry}
        for append, name in named:
            append(members.get(name))
    return columns


def _folders(where: str, root: Element, space: str, encoded: bool, asked: Asked) -> list[str]:
    texts = [entry.findtext(f"{space}Prefix") for entry in root.iterfind(f"{space}CommonPrefixes")]
    folders = _decoded(texts, encoded)
    if folders and not asked.folders:  # keys would be hidden in them
        raise AcctError(where, "has common prefixes, which were not asked for", CHECK_SERVER)
    for folder in folders:
        if not folder or len(folder) <= len(asked.prefix) or not folder.startswith(asked.prefix) or folder[-1] != "/":
            raise AcctError(where, f"has the common prefix {folder!r}, which is none of {asked.prefix!r}", CHECK_SERVER)
    return [folder for folder in folders if folder]


def _decoded(keys: list[str | None], encoded: bool) -> list[str | None]:
    if not encoded:
        return keys
    return [unquote_plus(key) if key and ("%" in key or "+" in key) else key for key in keys]


def _objects(where: str, columns: list[list[str | None]], asked: Asked) -> pl.DataFrame:
    texts = pl.DataFrame(dict(zip(MEMBERS, columns, strict=True)), schema=dict.fromkeys(MEMBERS, pl.String()))
    objects = texts.select(
        pl.col("Key").alias("key"),
        pl.col("Size").cast(pl.Int64, strict=False).alias("size_bytes"),
        _seconds(where, texts["LastModified"]).alias("modified_at"),
        pl.col("ETag").fill_null("").str.strip_chars('"').alias("content_tag"),
    )
    if objects["size_bytes"].null_count() > texts["Size"].null_count():
        raise AcctError(where, "has a key without its LastModified, or a size that is no size", CHECK_SERVER)
    if objects["key"].null_count():
        raise AcctError(where, "has an object without its key", CHECK_SERVER)
    strange = objects.filter(~pl.col("key").str.starts_with(asked.prefix))
    if not strange.is_empty():
        raise AcctError(f"{where}, key {strange['key'][0]}", f"does not start with {asked.prefix}", CHECK_SERVER)
    unsized = objects.filter(pl.col("size_bytes").is_null() | (pl.col("size_bytes") < 0))
    if not unsized.is_empty():
        raise AcctError(f"{where}, key {unsized['key'][0]}", "has no size of 0 bytes or more", CHECK_SERVER)
    return objects.with_columns(pl.col("key").str.strip_prefix(asked.source_prefix)).select(list(OBJECTS))


def _seconds(where: str, texts: pl.Series) -> pl.Series:
    """Epoch seconds, cut to whole ones."""
    seconds = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False).dt.epoch("s")
    if not seconds.null_count():
        return seconds
    try:  # another form of ISO 8601
        return pl.Series([int(timestamp(text).timestamp()) for text in texts], dtype=pl.Int64)
    except (TypeError, ValueError, OverflowError) as error:
        said = "has a key without its LastModified, or a size that is no size"
        raise AcctError(where, said, CHECK_SERVER) from error
