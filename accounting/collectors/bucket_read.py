"""Small objects by the shortest way: a signed GET over a connection that stays open, a fifth of boto3's time.

It gives an object only where the answer is the plain one, whole and in time; everything else is asked again through
boto3, which knows retries, redirects and what an error means.
"""

import io
import socket
import ssl
import time
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

LINE_BYTES, HEADERS = 64 * 1024, 100
_UNUSUAL = {b"transfer-encoding", b"content-encoding"}  # the body is in another form


class ShortWay:
    """GETs with the address of a client and the credentials and certificates of its session. Safe in threads."""

    def __init__(self, session: "Session", client: "S3Client", bucket: str) -> None:
        """Raises BotoCoreError or ValueError where there is no short way: without credentials, or past a proxy."""
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}).partition("?")[0]
        if get_environ_proxies(url):
            raise ValueError("there is a proxy to talk to")
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
        """The whole object, or None: for want of a plain answer within so many seconds, or with more bytes."""
        deadline = time.monotonic() + seconds
        try:
            request = self._signed(key)
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connected(seconds)
        except (OSError, BotoCoreError, ValueError):
            return None
        connection.deadline = deadline
        body = None
        try:
            lines = [f"GET {request.url[self._path_at :]} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers.items())]
            connection.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
            body = connection.plain_body(limit_bytes)
        except (OSError, ValueError):
            body = None
        if body is None:
            connection.close()
        else:
            self._idle.append(connection)
        return body

    def _signed(self, key: str) -> Any:
        request: Any = AWSRequest("GET", self._base + quote(key, safe="/~"), headers=self._headers)
        S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        return request

    def _connected(self, seconds: float) -> "_Connection":
        port = self._place.port or (443 if self._tls else 80)
        connected = socket.create_connection((self._place.hostname or "", port), timeout=seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            connected = self._tls.wrap_socket(connected, server_hostname=self._place.hostname)
        return _Connection(connected)


class _Connection(io.RawIOBase):
    """A connection that sends and receives until a deadline: a timeout alone begins anew with each byte.

    It takes answers of one form only, which http.client would take five times as long over: status 200, a
    Content-Length, and a connection that stays open (RFC 9112, sections 4 to 6).
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._incoming = io.BufferedReader(self)
        self.deadline = 0.0

    def send(self, data: bytes) -> None:
        self._wait_until_deadline()
        self._socket.sendall(data)

    def plain_body(self, limit_bytes: int) -> bytes | None:
        """The body of a plain answer of at most so many bytes, all of it; None for any other answer."""
        if not self._incoming.readline(LINE_BYTES).startswith(b"HTTP/1.1 200 "):
            return None
        headers: dict[bytes, bytes] = {}
        while (line := self._incoming.readline(LINE_BYTES)) not in (b"\r\n", b""):
            name, colon, value = line.partition(b":")
            if not colon or not line.endswith(b"\n") or len(headers) == HEADERS or name.lower() in headers:
                return None
            headers[name.lower()] = value.strip()
        if headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
            return None
        length = headers.get(b"content-length", b"")
        # Without a length, a part looks like the whole.
        if not length.isdigit() or int(length) > limit_bytes or headers.keys() & _UNUSUAL:
            return None
        body = self._incoming.read(int(length))
        return body if len(body) == int(length) else None

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
