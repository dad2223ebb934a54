"""Objects and pages of a listing by a direct, signed GET over a connection that stays open.

It takes a fifth of boto3's time. It returns only a plain answer that is complete and in time; everything else is
requested again with boto3, which handles retries, redirects and errors.
"""

import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.session import Session
    from mypy_boto3_s3.client import S3Client

LINE_BYTES, HEADERS, BUFFER_BYTES = 64 * 1024, 100, 256 * 1024


@dataclass(frozen=True)
class Plain:
    """A whole body, and the server's Date header."""

    body: bytes
    date: str


class ShortWay:
    """GETs with the address of a client and the credentials and certificates of its session. Thread-safe."""

    def __init__(self, session: "Session", client: "S3Client", bucket: str) -> None:
        """Raises BotoCoreError or ValueError if direct requests are not possible: no credentials, or a proxy."""
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}).partition("?")[0]
        if get_environ_proxies(url):
            raise ValueError("requests go through a proxy")
        self._base = url.removesuffix("k")
        self._path_at = url.index("/", len("https://"))
        self._place = urlsplit(url)
        self._headers = {"Host": self._place.netloc.rpartition("@")[2]}
        self._credentials: Any = session.get_credentials()
        self._region = client.meta.region_name
        self._tls = None
        if self._place.scheme == "https":
            own = session.get_config_variable("ca_bundle")
            self._tls = ssl.create_default_context(cafile=own or get_cert_path(True))
        self._idle: list[_Connection] = []

    def read(self, key: str, limit_bytes: int, seconds: float) -> bytes | None:
        """The whole object; None if there is no plain answer within so many seconds, or if it has more bytes."""
        answer = self._answer(self._base + quote(key, safe="/~"), limit_bytes, seconds)
        return answer.body if answer else None

    def page(self, query: Mapping[str, str], limit_bytes: int, seconds: float) -> Plain | None:
        """The bucket's answer to a query; None as in `read`."""
        bucket = self._base if self._path_at == len(self._base) - 1 else self._base.removesuffix("/")
        parameters = "&".join(f"{name}={quote(value, safe='~')}" for name, value in query.items())
        return self._answer(f"{bucket}?{parameters}", limit_bytes, seconds)

    def _answer(self, url: str, limit_bytes: int, seconds: float) -> Plain | None:
        deadline = time.monotonic() + seconds
        try:
            request: Any = AWSRequest("GET", url, headers=self._headers)
            S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
            lines = [f"GET {request.url[self._path_at :]} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers.items())]
            text = "\r\n".join([*lines, "", ""]).encode("latin-1")
            while True:
                try:
                    kept = self._idle.pop()
                except IndexError:
                    return self._asked(self._connected(seconds), text, limit_bytes, deadline)
                try:
                    return self._asked(kept, text, limit_bytes, deadline)
                except ConnectionError:  # the server has closed it in the meantime
                    continue
        except (OSError, BotoCoreError, ValueError):
            return None

    def _asked(self, connection: "_Connection", text: bytes, limit_bytes: int, deadline: float) -> Plain | None:
        """The answer on a connection; the connection is kept if the answer is plain."""
        connection.deadline = deadline
        answer = None
        try:
            connection.send(text)
            answer = connection.plain_answer(limit_bytes)
        finally:
            if answer is None:
                connection.close()
            else:
                self._idle.append(connection)
        return answer

    def _connected(self, seconds: float) -> "_Connection":
        port = self._place.port or (443 if self._tls else 80)
        connected = socket.create_connection((self._place.hostname or "", port), timeout=seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            connected = self._tls.wrap_socket(connected, server_hostname=self._place.hostname)
        return _Connection(connected)


class _Connection(io.RawIOBase):
    """A connection that sends and receives until a deadline; a timeout alone restarts with each byte.

    It accepts only one form of answer, for which http.client would take five times as long: status 200, a
    Content-Length or chunks, and a connection that stays open (RFC 9112, sections 4 to 7).
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._incoming = io.BufferedReader(self, BUFFER_BYTES)
        self.deadline = 0.0

    def send(self, data: bytes) -> None:
        self._wait_until_deadline()
        self._socket.sendall(data)

    def plain_answer(self, limit_bytes: int) -> Plain | None:
        """A complete plain answer of at most so many bytes; None for any other answer.

        Raises ConnectionError if the connection is closed instead.
        """
        status = self._incoming.readline(LINE_BYTES)
        if not status:
            raise ConnectionResetError
        if not status.startswith(b"HTTP/1.1 200 "):
            return None
        headers: dict[bytes, bytes] = {}
        while (line := self._incoming.readline(LINE_BYTES)) not in (b"\r\n", b""):
            name, colon, value = line.partition(b":")
            if not colon or not line.endswith(b"\n") or len(headers) == HEADERS or name.lower() in headers:
                return None
            headers[name.lower()] = value.strip()
        if headers.get(b"connection", b"keep-alive").lower() != b"keep-alive" or b"content-encoding" in headers:
            return None
        # Without a length and without chunks, a truncated body cannot be detected.
        length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
        if length is not None and coding is None and length.isdigit():
            body = self._exactly(int(length), limit_bytes)
        elif length is None and coding is not None and coding.lower() == b"chunked":
            body = self._chunks(limit_bytes)
        else:
            return None
        return body if body is None else Plain(body, headers.get(b"date", b"").decode("latin-1"))

    def _exactly(self, length: int, limit_bytes: int) -> bytes | None:
        if length > limit_bytes:
            return None
        body = self._incoming.read(length)
        return body if len(body) == length else None

    def _chunks(self, limit_bytes: int) -> bytes | None:
        """A body in chunks, of which the last is empty and has no trailer."""
        chunks: list[bytes] = []
        while size := int(self._incoming.readline(LINE_BYTES), 16):
            chunk = self._exactly(size, limit_bytes)
            if chunk is None or self._incoming.read(2) != b"\r\n":
                return None
            chunks.append(chunk)
            limit_bytes -= size
        return b"".join(chunks) if self._incoming.readline(LINE_BYTES) == b"\r\n" else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._wait_until_deadline()
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _wait_until_deadline(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
