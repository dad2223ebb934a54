"""Small objects by the shortest way: a signed GET over a connection that stays open, a fifth of boto3's time.

It gives an object only where the answer is the plain one, whole and in time; everything else is asked again through
boto3, which knows retries, redirects and what an error means.
"""

import io
import socket
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
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
        self._idle: list[tuple[HTTPConnection, _Timed]] = []

    def read(self, key: str, limit_bytes: int, seconds: float) -> bytes | None:
        """The whole object, or None: for want of a plain answer within so many seconds, or with more bytes."""
        deadline = time.monotonic() + seconds
        try:
            request = self._signed(key)
            try:
                connection, timed = self._idle.pop()
            except IndexError:
                connection, timed = self._connected(seconds)
        except (OSError, BotoCoreError, ValueError):
            return None
        timed.deadline = deadline
        body, whole = None, False
        try:
            connection.request("GET", request.url[self._path_at :], headers=dict(request.headers.items()))
            answer = connection.getresponse()
            # Without a length, a part looks like the whole.
            if answer.status == 200 and answer.length is not None and answer.length <= limit_bytes:
                body = answer.read()
                whole = not answer.will_close
        except (OSError, HTTPException, ValueError):
            body, whole = None, False
        if whole:
            self._idle.append((connection, timed))
        else:
            connection.close()
        return body

    def _signed(self, key: str) -> Any:
        request: Any = AWSRequest("GET", self._base + quote(key, safe="/~"), headers=self._headers)
        S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        return request

    def _connected(self, seconds: float) -> "tuple[HTTPConnection, _Timed]":
        host, port = self._place.hostname or "", self._place.port
        if self._tls:
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=seconds, context=self._tls)
        else:
            connection = HTTPConnection(host, port, timeout=seconds)
        connection.connect()
        timed = _Timed(connection.sock)
        connection.sock = timed
        return connection, timed


class _Timed:
    """A socket that sends and receives until a deadline: a timeout alone begins anew with each byte."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self._wait_until_deadline()
        self._socket.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def receive_into(self, buffer: "WriteableBuffer") -> int:
        self._wait_until_deadline()
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        self._socket.close()

    def _wait_until_deadline(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


class _Incoming(io.RawIOBase):
    """What comes in; closing it, as is done after each answer, leaves the connection open."""

    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        return self._timed.receive_into(buffer)
