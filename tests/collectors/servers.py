"""Real servers for the tests, on loopback ports that are free, and their clients.

SeaweedFS as S3; Debian's docker-registry and skopeo; Verdaccio and npm; Maven, which needs no server.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_s3.client import S3Client

from tests.support.clock import PATIENCE_SECONDS

ACCESS_KEY, SECRET_KEY = "acct", "acctsecret"
NPM = Path(__file__).with_name("npm")
INSTALL = {
    "weed": "uv sync",
    "docker-registry": "apt-get install docker-registry",
    "skopeo": "apt-get install skopeo",
    "npm": "apt-get install npm",
    "verdaccio": f"npm ci --ignore-scripts --prefix {NPM}",
    "mvn": "apt-get install maven libmaven-deploy-plugin-java maven-debian-helper",
}


@dataclass(frozen=True)
class Registry:
    """A registry that serves from a bucket (`s3_url` set) or from `folder`, with its configuration file."""

    address: str
    config: Path
    log: Path


def program(name: str) -> str:
    """The path of a program that the tests need; the run fails, and says how to install it, where it is missing."""
    installed = (Path(sys.executable).with_name(name), NPM / "node_modules/.bin" / name)
    found = next((str(path) for path in installed if path.exists()), None) or shutil.which(name)
    if not found:
        pytest.fail(f"{name} is missing; install it with: {INSTALL[name]}", pytrace=False)
    return found


def free_ports(number: int) -> list[int]:
    """Loopback ports that nobody listens on now."""
    with contextmanager(_bound)(number) as sockets:
        return [held.getsockname()[1] for held in sockets]


def _bound(number: int) -> Iterator[list[socket.socket]]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    yield sockets
    for held in sockets:
        held.close()


def client_of(endpoint: str) -> S3Client:
    """A client with the test credentials."""
    client: S3Client = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name="us-east-1").client(
        "s3",
        endpoint_url=endpoint,
        config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": 1}),
    )
    return client


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """SeaweedFS over an empty folder; gives the S3 endpoint once a PUT succeeds."""
    identity = {
        "name": "a",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    # Ports that are not named are derived from these by adding 10,000, which does not always fit.
    options = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
               "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc")  # fmt: skip
    ports = dict(zip(options, free_ports(len(options)), strict=True))
    command = [
        program("weed"), "-logtostderr=true", "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        f"-s3.config={folder / 's3.json'}", *(f"-{option}={port}" for option, port in ports.items()),
    ]  # fmt: skip
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    client = client_of(endpoint)

    def ready() -> None:
        with suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
            client.create_bucket(Bucket="ready")
        client.put_object(Bucket="ready", Key="ready", Body=b"ready")

    with running(command, folder / "weed.log", ready):
        yield endpoint


@contextmanager
def registry(folder: Path, storage: dict[str, object]) -> Iterator[Registry]:
    """docker-registry on a storage driver, with deletion on."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    config = folder / "registry.yml"
    everything = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {**storage, "delete": {"enabled": True}, "redirect": {"disable": True}},
        "http": {"addr": address},
    }
    config.write_text(json.dumps(everything))  # JSON is YAML

    def ready() -> None:
        with urlopen(f"http://{address}/v2/", timeout=2):
            pass

    with running([program("docker-registry"), "serve", str(config)], folder / "registry.log", ready):
        yield Registry(address, config, folder / "registry.log")


def on_s3(endpoint: str, bucket: str, root: str = "/") -> dict[str, object]:
    """docker-registry's storage in a bucket."""
    s3 = {
        "accesskey": ACCESS_KEY, "secretkey": SECRET_KEY, "region": "us-east-1", "regionendpoint": endpoint,
        "bucket": bucket, "secure": False, "v4auth": True, "chunksize": 5_242_880, "rootdirectory": root,
    }  # fmt: skip
    return {"s3": s3}


def collect_garbage(of: Registry) -> None:
    """docker-registry's own garbage collection; untagged manifests stay."""
    run([program("docker-registry"), "garbage-collect", str(of.config)])


def push(layout: Path, name: str, target: Registry, image: str, *options: str) -> None:
    """Copy an image from an OCI layout into a registry."""
    run([
        program("skopeo"), "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *options,
        f"oci:{layout}:{name}", f"docker://{target.address}/{image}",
    ])  # fmt: skip


@contextmanager
def verdaccio(folder: Path, storage: dict[str, object], groups: Mapping[str, str]) -> Iterator[str]:
    """Verdaccio on a storage, to which everybody who has an account may publish; gives its URL.

    `groups` are patterns of packages that have a folder of their own below the storage.
    """
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    rights = {"access": "$all", "publish": "$authenticated", "unpublish": "$authenticated"}
    everything = {
        **storage,
        "auth": {"htpasswd": {"file": str(folder / "htpasswd")}},
        "uplinks": {},
        "packages": {pattern: rights | {"storage": place} for pattern, place in groups.items()} | {"**": rights},
        "web": {"enable": False},
        "log": {"type": "stdout", "format": "json", "level": "warn"},
    }
    config = folder / "verdaccio.yml"
    config.write_text(json.dumps(everything))  # JSON is YAML

    def ready() -> None:
        with urlopen(f"{url}/-/ping", timeout=2):
            pass

    command = [program("verdaccio"), "--config", str(config), "--listen", url.removeprefix("http://")]
    with running(command, folder / "verdaccio.log", ready):
        yield url


def verdaccio_on_s3(endpoint: str, bucket: str, prefix: str) -> dict[str, object]:
    """Verdaccio's storage in a bucket."""
    s3 = {
        "bucket": bucket, "keyPrefix": prefix, "region": "us-east-1", "endpoint": endpoint, "s3ForcePathStyle": True,
        "accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY,
    }  # fmt: skip
    return {"store": {"aws-s3-storage": s3}}


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    """A command to its end; gives its output. The test fails with what it said where it fails."""
    done = subprocess.run(
        command, env=_environment(), cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def running(command: Sequence[str], log: Path, ready: Callable[[], None]) -> Iterator[None]:
    """A server in a process of its own, from the first `ready` that raises nothing until the end of the block."""
    with log.open("wb") as said:
        server = subprocess.Popen(
            command, env=_environment(), stdout=said, stderr=subprocess.STDOUT, cwd=log.parent, start_new_session=True
        )
    try:
        _wait(server, log, ready)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=1)
        except subprocess.TimeoutExpired:  # SeaweedFS takes its time, and nothing it holds is kept
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], log: Path, ready: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            ready()
        except (OSError, ClientError, BotoCoreError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{server.args!r} is not ready; it said:\n{log.read_text(errors='replace')[-2000:]}", pytrace=False)


def _environment() -> dict[str, str]:
    """Ours, without AWS_CA_BUNDLE: docker-registry panics where it is set."""
    return {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}


def digest_of(content: bytes) -> str:
    """As registries name content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
