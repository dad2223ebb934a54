"""Verdaccio itself, on a bucket and in a folder: what is collected is what npm published, file by file."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from accounting.collectors.layouts.collected import Collected
from accounting.ledger import reading
from accounting.model import Source
from tests.collectors import servers
from tests.collectors.laid_out import collected, held, parts
from tests.support.cli_runner import run_today
from tests.support.clock import PATIENCE_SECONDS

pytestmark = pytest.mark.servers

Files = dict[str, int]
GROUPS = {"@private/*": "private/deeper"}

DAY = 86_400


@dataclass(frozen=True)
class Npm:
    """An empty registry, its storage as a source, and npm's client with an account in it."""

    url: str
    source: Source
    folder: Path

    def publish(self, name: str, version: str, content: str) -> None:
        package = self.folder / "packages" / name / version
        package.mkdir(parents=True)
        (package / "package.json").write_text(json.dumps({"name": name, "version": version}))
        (package / "index.js").write_text(content)
        self.npm("publish", "--access", "public", "--tag", "latest", cwd=package)

    def npm(self, *arguments: str, cwd: Path | None = None) -> None:
        options = (
            "--userconfig",
            str(self.folder / "npmrc"),
            "--cache",
            str(self.folder / "cache"),
            "--loglevel=error",
        )
        servers.run([servers.program("npm"), *arguments, "--registry", self.url, *options], cwd or self.folder)

    def sign_in(self) -> None:
        """Make an account, and keep its token where the client finds it."""
        account = json.dumps({"name": "u", "password": "a-password"}).encode()
        answer = self.call("/-/user/org.couchdb.user:u", "PUT", account)
        host = self.url.removeprefix("http:")
        (self.folder / "npmrc").write_text(f"{host}/:_authToken={answer['token']}\nupdate-notifier=false\n")

    def call(self, path: str, method: str = "GET", body: bytes | None = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = Request(self.url + path, body, headers, method=method)
        with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)

    def publish_file(self, name: str, version: str, file: str, content: bytes) -> None:
        """Publish content under a file name that npm would not give it."""
        token = (self.folder / "npmrc").read_text().partition("_authToken=")[2].splitlines()[0]
        dist = {"tarball": f"{self.url}/{name}/-/{file}", "shasum": hashlib.sha1(content).hexdigest()}
        packument = {
            "name": name,
            "dist-tags": {"latest": version},
            "versions": {version: {"name": name, "version": version, "dist": dist}},
            "_attachments": {file: {"data": base64.b64encode(content).decode(), "length": len(content)}},
        }
        self.call(f"/{name}", "PUT", json.dumps(packument).encode(), token)

    def versions(self, name: str) -> dict[str, str]:
        """The path of each version's tarball, by the packument."""
        packument = self.call(f"/{name.replace('/', '%2F')}")
        files = {
            version: entry["dist"]["tarball"].rpartition("/")[2] for version, entry in packument["versions"].items()
        }
        return {version: f"{name}/{file}" for version, file in files.items()}

    def stored(self) -> Files:
        """The size of every file in the storage, asked from the storage itself."""
        if not self.source.endpoint_url:
            top = Path(self.source.url.removeprefix("file:"))
            files = [path for path in top.rglob("*") if path.is_file()]
            return {str(path.relative_to(top)): path.stat().st_size for path in files}
        prefix = self.source.url.removeprefix("s3://blobs/") + "/"
        answer = servers.client_of(self.source.endpoint_url).list_objects_v2(Bucket="blobs", Prefix=prefix)
        return {entry["Key"].removeprefix(prefix): entry["Size"] for entry in answer["Contents"]}

    def database(self) -> tuple[str, str]:
        """The name of the registry's database file, and the secret in it."""
        if not self.source.endpoint_url:
            name, place = ".verdaccio-db.json", Path(self.source.url.removeprefix("file:"))
            return name, json.loads((place / name).read_text())["secret"]
        name, prefix = "verdaccio-s3-db.json", self.source.url.removeprefix("s3://blobs/")
        client = servers.client_of(self.source.endpoint_url)
        body = client.get_object(Bucket="blobs", Key=f"{prefix}/{name}")["Body"].read()
        return name, json.loads(body)["secret"]


@pytest.fixture(params=["bucket", "folder"])
def npm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Npm]:
    """A registry that stores in a bucket, below a prefix, or in a folder."""
    (tmp_path / "server").mkdir()
    if request.param == "folder":
        storage: dict[str, object] = {"storage": str(tmp_path / "storage")}
        source = Source("npm", "verdaccio", f"file:{tmp_path}/storage", "acme")
    else:
        endpoint: str = request.getfixturevalue("endpoint")
        storage = servers.verdaccio_on_s3(endpoint, "blobs", f"npm/{tmp_path.name}")
        source = Source("npm", "verdaccio", f"s3://blobs/npm/{tmp_path.name}", "acme", endpoint)
    with servers.verdaccio(tmp_path / "server", storage, GROUPS) as url:
        registry = Npm(url, source, tmp_path)
        registry.sign_in()
        yield registry


def expected(npm: Npm, *names: str) -> dict[str, set[tuple[str, str, str]]]:
    """Package and version of each file, by the packuments."""
    files = {f"{name}/package.json": {("acme", name, "")} for name in names}
    for name in names:
        files |= {path: {("acme", name, version)} for version, path in npm.versions(name).items()}
    return files


def test_what_is_collected_is_what_is_published(npm: Npm, tmp_path: Path) -> None:
    npm.publish("web", "1.0.0", "the first")
    npm.publish("web", "1.1.0-beta.1", "the second, which is longer")
    npm.publish("@acme/ui", "2.0.0", "a scoped one")
    before, database = collected_and_compared(npm, "web", "@acme/ui")
    assert held(before, npm.source).keys() == {
        "web/package.json", "web/web-1.0.0.tgz", "web/web-1.1.0-beta.1.tgz",
        "@acme/ui/package.json", "@acme/ui/ui-2.0.0.tgz",
    }  # fmt: skip

    npm.npm("unpublish", "web@1.0.0", "--force")
    npm.npm("unpublish", "@acme/ui", "--force")
    after, _ = collected_and_compared(npm, "web")
    assert npm.versions("web").keys() == {"1.1.0-beta.1"}
    (kept,) = set(before.references["digest"]) & set(after.references["digest"])
    assert "web-1.1.0-beta.1.tgz" in kept  # the packument was rewritten: another blob
    assert_the_secret_stays_where_it_is(npm, database, tmp_path)


def test_what_is_served_of_groups_and_under_other_names_is_billed(npm: Npm) -> None:
    npm.publish("@private/ui", "1.0.0", "of the group")
    npm.publish("web", "1.0.0", "of none")
    npm.publish_file("web", "1.1.0", "web.zip", b"not even a tarball")
    with urlopen(f"{npm.url}/web/-/web.zip", timeout=10) as answer:
        assert answer.read() == b"not even a tarball"
    ours = {
        "@private/ui/package.json": {("acme", "@private/ui", "")},
        "@private/ui/ui-1.0.0.tgz": {("acme", "@private/ui", "1.0.0")},
    }
    found = collected(npm.source)
    database, _ = npm.database()
    assert held(found, npm.source) == {f"private/deeper/{path}": named for path, named in ours.items()} | {
        "web/package.json": {("acme", "web", "")},
        "web/web-1.0.0.tgz": {("acme", "web", "1.0.0")},
        "web/web.zip": {("acme", "web", "")},
    }
    assert dict(found.parts.select("key", "size_bytes").iter_rows()) == npm.stored()
    assert parts(found) == dict.fromkeys(held(found, npm.source), "reachable") | {database: "metadata"}
    # The group's folder as a source of its own has no database.
    of_group = replace(npm.source, url=f"{npm.source.url}/private/deeper")
    assert held(collected(of_group), of_group) == ours
    assert collected(of_group).has_marker


def collected_and_compared(npm: Npm, *names: str) -> tuple[Collected, str]:
    """What is collected, once it is what the packuments and the storage say, and the secret in the database file."""
    found = collected(npm.source)
    database, secret = npm.database()
    assert held(found, npm.source) == expected(npm, *names)
    sizes = dict(found.parts.select("key", "size_bytes").iter_rows())
    assert sizes == npm.stored()
    assert parts(found) == dict.fromkeys(held(found, npm.source), "reachable") | {database: "metadata"}
    assert found.references["size_bytes"].sum() == sum(sizes.values()) - sizes[database]
    assert found.references["uploaded_at"].is_between(found.taken_at - DAY, found.taken_at).all()
    assert found.has_marker
    return found, secret


def assert_the_secret_stays_where_it_is(npm: Npm, secret: str, folder: Path) -> None:
    """`acct collect` and what it records know nothing of what the registry signs tokens with."""
    assert len(secret) >= 32
    lines = ["[[source]]", 'name = "npm"', 'layout = "verdaccio"', f'url = "{npm.source.url}"', 'workspace = "acme"']
    if npm.source.endpoint_url:
        lines.append(f'endpoint_url = "{npm.source.endpoint_url}"')
    (folder / "acct.toml").write_text("\n".join(lines))
    done = run_today("collect", cwd=folder)
    assert "npm: 2 references, 2 new, 0 gone" in done.stderr
    status = run_today("status", "--format", "json", cwd=folder)
    assert secret not in done.stdout + done.stderr + status.stdout + status.stderr
    ledger = folder / "acct.duckdb"
    assert secret.encode() not in ledger.read_bytes()
    with reading(ledger) as opened:  # what is compressed is not found in the bytes
        for (table,) in opened.rows("SELECT table_name FROM duckdb_tables()"):
            assert secret not in repr(opened.rows(f'SELECT * FROM "{table}"'))
