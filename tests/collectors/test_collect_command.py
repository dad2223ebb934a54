"""`acct collect`, from a bucket on a real S3 server and from a folder to a bill."""

import hashlib
import json
import shutil
import time
from itertools import count
from pathlib import Path

import pytest

from accounting.collectors.layouts import manifest_reader
from accounting.collectors.places.folder import Folder
from accounting.errors import AcctError
from accounting.instants import Month, parse_instant
from tests.collectors import servers
from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import Result, run, run_today
from tests.support.clock import NOW, clock_at

SECONDS = count(NOW + 1)
BASE, WEB, API = b"base" * 10_000, b"web" * 1_000, b"api" * 2_000


@pytest.fixture
def registry(stored: Path) -> StoredRegistry:
    """Two images that share a base layer, and a blob that nothing reaches."""
    registry = StoredRegistry(stored)
    registry.push("web", registry.image(BASE, WEB), ["1.0", "latest"])
    registry.push("team/api", registry.image(BASE, API), ["2.0"])
    registry.blob(b"garbage")
    return registry


def configure(folder: Path, name: str, url: str, *more: str) -> None:
    lines = ["[[source]]", f'name = "{name}"', 'layout = "distribution"', f'url = "{url}"', 'workspace = "acme"', *more]
    with (folder / "acct.toml").open("a", encoding="utf-8") as config:
        config.write("\n".join(lines) + "\n\n")


def upload(folder: Path, endpoint: str, prefix: str) -> None:
    client = servers.client_of(endpoint)
    for file in folder.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), "blobs", f"{prefix}/{file.relative_to(folder)}")


def collect_later(*names: str, cwd: Path) -> Result:
    """Collect at a later second than any time before."""
    with clock_at(next(SECONDS)):
        return run_today("collect", *names, cwd=cwd)


def test_from_a_bucket_to_a_bill(registry: StoredRegistry, stored: Path, endpoint: str, tmp_path: Path) -> None:
    upload(stored, endpoint, "a-bill")
    configure(tmp_path, "images", "s3://blobs/a-bill", f'endpoint_url = "{endpoint}"')
    time.sleep(1.1)  # a snapshot and an upload are of a second
    first = run_today("collect", cwd=tmp_path)
    assert first.exit_code == 0, first.stderr
    # Two tags of one image with its manifest, config and two layers, and the other image.
    assert "images: 12 references, 12 new, 0 gone; blobs that nothing references: 1 (7 B, not billed)" in first.stderr
    began = latest(tmp_path)
    time.sleep(1.1)
    again = run_today("collect", cwd=tmp_path)
    assert "images: 12 references, 0 new, 0 gone" in again.stderr
    ended = parse_instant(latest(tmp_path))
    seconds = ended - max(parse_instant(began), Month.holding(ended - 1).start)
    shown = run("report", "--workspace", "acme", "--format", "json", cwd=tmp_path)
    lines = {line["package"]: int(line["byte_seconds"]) for line in json.loads(shown.stdout)["lines"]}
    blobs = {file.parent.name: file.stat().st_size for file in registry.top.glob("blobs/*/*/*/data")}
    reached = sum(blobs.values()) - len(b"garbage")
    assert sum(lines.values()) == reached * seconds
    assert lines["web"] - lines["team/api"] == (len(WEB) - len(API) + longer_config(blobs)) * seconds


def longer_config(blobs: dict[str, int]) -> int:
    """How much longer than the other image's the config of `web` is; their manifests are of one length."""
    configs = [hashlib.sha256(b"config of " + b", ".join((BASE, layer))).hexdigest() for layer in (WEB, API)]
    return blobs[configs[0]] - blobs[configs[1]]


def latest(folder: Path) -> str:
    (source,) = json.loads(run("status", "--format", "json", cwd=folder).stdout)["sources"]
    return str(source["latest_at"])


def test_a_source_that_fails_keeps_no_other_back(registry: StoredRegistry, endpoint: str, tmp_path: Path) -> None:
    configure(tmp_path, "lost", "s3://no-such-bucket/registry", f'endpoint_url = "{endpoint}"')
    configure(tmp_path, "images", "file:registry")
    ended = run_today("collect", cwd=tmp_path)
    assert ended.exit_code == 1
    assert "images: 12 references" in ended.stderr
    assert "bucket no-such-bucket" in ended.stderr.splitlines()[-1]
    assert "there is no such bucket" in ended.stderr.splitlines()[-1]


def test_no_access(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, "images", "s3://blobs/a-bill", f'endpoint_url = "{endpoint}"')
    for name, value in (("AWS_SECRET_ACCESS_KEY", "wrong-secret"), ("AWS_ACCESS_KEY_ID", "nobody")):
        monkeypatch.setenv(name, value)
        ended = run_today("collect", cwd=tmp_path)
        assert ended.exit_code == 1
        assert len(ended.stderr.splitlines()) == 1
        assert "source images, bucket blobs" in ended.stderr
        assert "wrong-secret" not in ended.stderr
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name)
    ended = run_today("collect", cwd=tmp_path)
    assert "there are no credentials" in ended.stderr
    assert not (tmp_path / "acct.duckdb").exists()


def test_a_place_that_fails_leaves_the_ledger_as_it_was(
    registry: StoredRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, "images", "file:registry")
    assert run("collect", cwd=tmp_path).exit_code == 0
    before = (tmp_path / "acct.duckdb").read_bytes()
    digest = registry.push("web", registry.image(BASE, b"another"), ["1.1"])
    failing_read(monkeypatch, registry.data(digest))
    ended = collect_later(cwd=tmp_path)
    assert ended.exit_code == 1
    assert registry.data(digest) in ended.stderr
    assert (tmp_path / "acct.duckdb").read_bytes() == before


def failing_read(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """From now on the file cannot be read, as with a disk that fails."""
    read = Folder.read

    def failing(self: Folder, key: str, limit_bytes: int) -> bytes:
        if key.endswith(path):
            raise AcctError(f"key {key}", "cannot be read: Input/output error")
        return read(self, key, limit_bytes)

    monkeypatch.setattr(Folder, "read", failing)


def test_interrupted_work_starts_again_where_it_was(
    registry: StoredRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_reader, "KEPT_MANIFESTS", 1)
    configure(tmp_path, "images", "file:registry")
    reads: list[str] = []
    read = Folder.read

    def counted_read(self: Folder, key: str, limit_bytes: int) -> bytes:
        if key.endswith("/data"):
            reads.append(key)
        return read(self, key, limit_bytes)

    monkeypatch.setattr(Folder, "read", counted_read)
    digests = [registry.push("web", registry.image(BASE, b"layer %d" % number), [f"2.{number}"]) for number in range(9)]
    with monkeypatch.context() as failing:
        failing_read(failing, registry.data(max(digests)))
        for _ in range(2):
            ended = run("collect", cwd=tmp_path)
            assert ended.exit_code == 1
            assert registry.data(max(digests)) in ended.stderr
            assert not (tmp_path / "acct.duckdb").exists()
    journal = tmp_path / "acct.duckdb.manifests"
    assert journal.stat().st_mode & 0o777 == 0o700
    (journal / "tmp12345").write_bytes(b"PAR1")  # as a killed process leaves it
    assert run("collect", cwd=tmp_path).exit_code == 0
    assert not journal.exists()
    assert reads.count(f"docker/registry/v2/{registry.data(min(digests))}") == 1
    reads.clear()
    assert "0 new, 0 gone" in collect_later(cwd=tmp_path).stderr
    assert reads == []


def test_a_registry_that_is_gone_is_no_empty_registry(registry: StoredRegistry, stored: Path, tmp_path: Path) -> None:
    configure(tmp_path, "images", "file:registry")
    assert run("collect", cwd=tmp_path).exit_code == 0
    stored.rename(tmp_path / "moved")
    stored.mkdir()
    ended = collect_later(cwd=tmp_path)
    assert ended.exit_code == 1
    assert "no longer has a registry" in ended.stderr


def test_a_loss_of_most_references_is_refused_until_it_is_accepted(stored: Path, tmp_path: Path) -> None:
    registry = StoredRegistry(stored)
    for number in range(34):  # three references each
        registry.push(f"image-{number:02}", registry.image(b"layer %d" % number), ["1.0"])
    configure(tmp_path, "images", "file:registry")
    assert "102 references" in run("collect", cwd=tmp_path).stderr
    before = (tmp_path / "acct.duckdb").read_bytes()
    for number in range(17):
        shutil.rmtree(registry.top / f"repositories/image-{number:02}")
    assert "51 references, 0 new, 51 gone" in collect_later(cwd=tmp_path).stderr  # half is not more than half
    (tmp_path / "acct.duckdb").write_bytes(before)
    shutil.rmtree(registry.top / "repositories/image-17")
    for arguments in ((), ("images",)):
        ended = collect_later(*arguments, cwd=tmp_path)
        assert ended.exit_code == 1
        assert "source images: 18 of 34 packages are gone since the previous snapshot" in ended.stderr
        assert (tmp_path / "acct.duckdb").read_bytes() == before
    assert "48 references, 0 new, 54 gone" in collect_later("--accept", "loss", cwd=tmp_path).stderr
    # Below a hundred references anything may be gone, and a place that is no registry any more may be one by word.
    shutil.rmtree(stored)
    stored.mkdir()
    assert "no longer has a registry" in collect_later(cwd=tmp_path).stderr
    assert "0 references, 0 new, 48 gone" in collect_later("--accept", "loss", cwd=tmp_path).stderr


def test_a_registry_that_was_never_used_is_empty(stored: Path, tmp_path: Path) -> None:
    stored.mkdir()
    configure(tmp_path, "images", "file:registry")
    ended = run("collect", cwd=tmp_path)
    assert ended.exit_code == 0
    assert "there is no registry yet" in ended.stderr


def test_one_object_is_one_object(stored: Path, tmp_path: Path) -> None:
    stored.mkdir()
    (stored / "else").write_text("else")
    configure(tmp_path, "images", f"file:{stored}")
    assert "source images: has 1 object below file:" in run("collect", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("layout", "below"), [("distribution", "/docker/registry/v2"), ("maven2", ""), ("verdaccio", "")]
)
def test_a_place_that_holds_something_else_is_refused(
    registry: StoredRegistry, tmp_path: Path, layout: str, below: str
) -> None:
    lines = ["[[source]]", 'name = "a"', f'layout = "{layout}"', f'url = "file:registry{below}"', 'workspace = "acme"']
    (tmp_path / "acct.toml").write_text("\n".join(lines))
    ended = run("collect", cwd=tmp_path)
    assert ended.exit_code == 1
    assert f"none belongs to the layout {layout}. Check the url, its prefix and the layout" in ended.stderr
    assert not (tmp_path / "acct.duckdb").exists()
