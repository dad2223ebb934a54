"""A stand-in for an S3 server that answers what a test gives it, faults included."""

import bisect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, quote_plus, unquote, urlsplit

LAST = chr(0x10FFFF)
PROTOCOL = "HTTP/1.1"


@dataclass(frozen=True)
class Answer:
    """One answer: `length` is the Content-Length that it announces (None: none), `clock` its Date's distance in
    seconds from now (None: no Date), `pause` the seconds between one byte of its body and the next; a server that
    `closes` the connection afterwards does not say so.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = -1
    clock: int | None = 0
    pause: float = 0
    closes: bool = False


def listing(*entries: str, name: str = "images", **members: str | None) -> Answer:
    """A page as S3 gives it; members replace those of a complete page, None leaves one out."""
    usual = {"Name": name, "IsTruncated": "false", "KeyCount": str(len(entries)), "EncodingType": "url"}
    shown = {member: value for member, value in (usual | members).items() if value is not None}
    inside = "".join(f"<{member}>{value}</{member}>" for member, value in shown.items()) + "".join(entries)
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return Answer(f'<?xml version="1.0"?><ListBucketResult xmlns="{namespace}">{inside}</ListBucketResult>'.encode())


def stored(keys: Sequence[str], page_keys: int) -> Callable[[dict[str, str]], Answer]:
    """What a server answers that has these keys, in the order of their bytes, so many to a page."""
    keys = sorted(keys)
    entries = [entry(quote_plus(key)) for key in keys]

    def answer(query: dict[str, str]) -> Answer:
        prefix = query.get("prefix", "")
        number, end = bisect.bisect_left(keys, prefix), bisect.bisect_left(keys, prefix + LAST)
        number = int(query.get("continuation-token", number))
        members: list[str] = []
        while number < end and len(members) < page_keys:
            folder, slash, _ = keys[number][len(prefix) :].partition("/")
            if "delimiter" in query and slash:
                members.append(common_prefix(quote_plus(f"{prefix}{folder}/")))
                number = bisect.bisect_left(keys, f"{prefix}{folder}/{LAST}")
            else:
                members.append(entries[number])
                number += 1
        token = str(number) if number < end else None
        return listing(*members, IsTruncated=str(token is not None).lower(), NextContinuationToken=token)

    return answer


def common_prefix(prefix: str) -> str:
    """One folder of a page."""
    return f"<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"


def entry(key: str | None = "a", size: str | None = "1", modified: str | None = "2026-01-02T03:04:05.678Z") -> str:
    """One object of a page; None leaves a member out."""
    members = {"Key": key, "Size": size, "LastModified": modified}
    inside = "".join(f"<{member}>{value}</{member}>" for member, value in members.items() if value is not None)
    return f"<Contents>{inside}</Contents>"


def error(code: str, status: int) -> Answer:
    """An error as S3 gives it."""
    return Answer(f"<Error><Code>{code}</Code><Message>acctsecret</Message></Error>".encode(), status)


@contextmanager
def serving(answer: Callable[[dict[str, str]], Answer]) -> Iterator[str]:
    """An endpoint that answers each GET by its query, with the decoded path as its member `path`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = PROTOCOL

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            said = answer(dict(parse_qsl(url.query, keep_blank_values=True)) | {"path": unquote(url.path)})
            self.send_response_only(said.status)
            if said.clock is not None:
                self.send_header("Date", self.date_time_string(time.time() + said.clock))
            if said.length is not None:
                self.send_header("Content-Length", str(len(said.body) if said.length < 0 else said.length))
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.closes:
                self.close_connection = True
            if (
                said.length != -1 and "Transfer-Encoding" not in said.headers
            ):  # the next answer would be taken for its rest
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "GET":
                with suppress(OSError):  # who asked may have gone
                    self._send(said)

        do_HEAD = do_GET

        def _send(self, said: Answer) -> None:
            if not said.pause:
                self.wfile.write(said.body)
            for i in range(len(said.body) if said.pause else 0):
                self.wfile.write(said.body[i : i + 1])
                time.sleep(said.pause)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
