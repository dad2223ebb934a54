"""Endpoints that are no S3 server are called that, by their address; sources have credentials of their own."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from accounting.collectors.places import bucket
from accounting.collectors.places.opening import open_store
from accounting.errors import AcctError
from accounting.model import Source
from tests.collectors import servers
from tests.collectors.stand_in import Answer, listing, serving
from tests.support.cli_runner import run, run_today

HTML = b"<!DOCTYPE html><html><br>Not here</html>"
XHTML = b"<html><body><p>Not here</p></body></html>"
JSON = b'{"error": "not here"}'
XML = b'<?xml version="1.0"?><problem><status>404</status></problem>'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "ATTEMPTS", 1)


def refusal(endpoint: str) -> str:
    """What a listing is refused with, without the place of it, which names the endpoint."""
    with pytest.raises(AcctError) as refused:
        open_store(Source("images", "distribution", "s3://images", endpoint_url=endpoint), Path()).listing(print)
    place, _, said = str(refused.value).partition(", page 1: ")
    assert place == f"source images, bucket images at {endpoint.replace('user:acctsecret@', '')}"
    assert "acctsecret" not in said
    return said


@contextmanager
def saying(greeting: bytes) -> Iterator[int]:
    """The port of a server that says so much at once, and hangs up."""

    def greet() -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), connection:
                    connection.sendall(greeting)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=greet, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("body", [HTML, XHTML, JSON, XML, b"hello", b""])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 405])
def test_answers_of_something_else(status: int, body: bytes) -> None:
    with serving(lambda _: Answer(body, status)) as endpoint:
        said = refusal(endpoint)
        if status == 200:
            assert said.startswith("is not an S3 listing: the endpoint is not an S3 server, or something else answers")
        else:
            assert said.startswith(f"the endpoint is not an S3 server: it answered {status} without an S3 error code.")


def test_a_refusal_without_a_code_may_come_from_either() -> None:
    with serving(lambda _: Answer(HTML, 403)) as endpoint:
        assert refusal(endpoint).startswith(
            "these credentials may not read it, or the endpoint is not an S3 server. Grant"
        )


def test_redirects_to_nowhere() -> None:
    with serving(lambda _: Answer(HTML, 302)) as endpoint:
        assert refusal(endpoint).startswith(
            "the server redirects in circles, or is not an S3 server. Check endpoint_url"
        )


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_fails_may_be_an_s3_server(status: int) -> None:
    with serving(lambda _: Answer(HTML, status)) as endpoint:
        assert refusal(endpoint).startswith(f"the server answered {status}. Check the server")


def test_no_server_and_other_servers() -> None:
    (port,) = servers.free_ports(1)
    assert refusal(f"http://127.0.0.1:{port}").startswith("no S3 server answers at the endpoint (Connection refused).")
    for greeting in (b"SSH-2.0-OpenSSH_9.2\r\n", b""):
        with saying(greeting) as port:
            assert "did not answer as an S3 server does (" in refusal(f"http://127.0.0.1:{port}")
    with serving(lambda _: Answer(HTML, 404)) as endpoint:
        assert "not an S3 server" in refusal(endpoint.replace("http://", "http://user:acctsecret@"))


def test_tls() -> None:
    with serving(lambda _: listing()) as endpoint:
        said = refusal(endpoint.replace("http:", "https:"))
        assert said.startswith("the endpoint is not an S3 server with TLS. Write http:// if it has no TLS")


def test_a_server_that_is_slow_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "READ_SECONDS", 0.3)
    monkeypatch.setattr(bucket, "SHORT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = refusal(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert said.startswith("the endpoint did not answer in time. Check endpoint_url")


def configure(folder: Path, **keys: str) -> None:
    lines = ["[[source]]", 'layout = "distribution"', *(f'{key} = "{value}"' for key, value in keys.items())]
    with (folder / "acct.toml").open("a", encoding="utf-8") as config:
        config.write("\n".join(lines) + "\n\n")


def test_each_source_has_its_own_credentials(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = {"good": (servers.ACCESS_KEY, servers.SECRET_KEY), "bad": (servers.ACCESS_KEY, "wrong")}
    text = "".join(f"[{name}]\naws_access_key_id={key}\naws_secret_access_key={secret}\n"
                   for name, (key, secret) in profiles.items())  # fmt: skip
    (tmp_path / "credentials").write_text(text)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrongtoo")  # in the environment, which a profile comes before
    place = {"url": "s3://blobs/profiles", "endpoint_url": endpoint}
    for name in ("good", "bad", "nobody"):
        configure(tmp_path, name=f"of-{name}", profile=name, **place)
    configure(tmp_path, name="of-the-environment", **place)
    ended = run_today("collect", cwd=tmp_path)
    assert ended.exit_code == 1
    good, bad, nobody, environment = ended.stderr.splitlines()
    assert good.startswith("of-good: 0 references")
    assert f"source of-bad, bucket blobs at {endpoint}" in bad
    assert "the secret key is wrong" in bad
    assert nobody.startswith("acct: source of-nobody, bucket blobs: there is no AWS profile 'nobody'. Add it to ~/.aws")
    assert "source of-the-environment" in environment
    assert "the secret key is wrong" in environment


def test_a_source_may_name_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for region in ("eu-central-1", None):
        store = open_store(Source("images", "distribution", "s3://images", region=region), Path())
        assert isinstance(store, bucket.Bucket)
        assert store.client.meta.region_name == (region or "us-east-1")
    with pytest.raises(AcctError, match=re.escape("'no region' is not a region. Set AWS_REGION, or the region")):
        open_store(Source("images", "distribution", "s3://images", region="no region"), Path())


@pytest.mark.parametrize("key", ["profile", "region"])
def test_a_folder_and_a_database_have_no_credentials(tmp_path: Path, key: str) -> None:
    configure(tmp_path, name="a", url="file:a", **{key: "x"})
    said = run("status", cwd=tmp_path).stderr
    assert (
        said == f"acct: acct.toml, [[source]] 1, {key}: is only for a bucket, but the url names a folder. Remove it.\n"
    )
    database = f'[[source]]\nname = "a"\nlayout = "database"\nurl = "postgresql://h/d"\nquery = "q"\n{key} = "x"\n'
    (tmp_path / "acct.toml").write_text(database)
    said = run("status", cwd=tmp_path).stderr
    assert said == f"acct: acct.toml, [[source]] 1, {key}: is not for the layout database. Remove it.\n"


def test_where_there_is_no_configuration(tmp_path: Path) -> None:
    for command in ("collect", "reconcile"):
        said = run(command, cwd=tmp_path).stderr
        assert said.startswith(f"acct: {tmp_path}: there is no acct.toml in this folder. Create one, ")
    (tmp_path / "acct.toml").write_text('ledger = "l.duckdb"\n')
    assert run("collect", cwd=tmp_path).stderr.startswith("acct: acct.toml: has no source. Add a [[source]]")
