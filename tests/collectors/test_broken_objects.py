"""Broken objects from a registry to what users see: collected, recorded, told, mended."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.collectors.laid_out import lay_out
from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import Result, run

Collect = Callable[..., Result]
EVIL = "application/\x00\x1b[31m<b>|`x`\u202e"


@pytest.fixture
def registry(stored: Path) -> StoredRegistry:
    registry = StoredRegistry(stored)
    registry.push("acme/good", registry.image(b"good" * 1_000), ["1.0"])
    return registry


@pytest.fixture
def collect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collect:
    """`acct collect` of the source `images` at the start of a day of October 2026, or of another month."""
    source = '[[source]]\nname = "images"\nlayout = "distribution"\nurl = "file:registry"\n'
    (tmp_path / "acct.toml").write_text(source, encoding="utf-8")

    def collected(day: int, *arguments: str, month: int = 10) -> Result:
        now = datetime(2026, month, day, tzinfo=UTC).timestamp()
        monkeypatch.setattr("accounting.collectors.places.folder.time", SimpleNamespace(time=lambda: now))
        return run("collect", *arguments, cwd=tmp_path)

    return collected


def lines(folder: Path, workspace: str, month: str = "2026-10") -> list[str]:
    shown = run("report", "--workspace", workspace, "--month", month, "--format", "json", cwd=folder)
    return [line["package"] for line in json.loads(shown.stdout)["lines"]]


def page(folder: Path, workspace: str, month: str = "2026-10", format_: str = "text") -> str:
    return run("report", "--workspace", workspace, "--month", month, "--format", format_, cwd=folder).stdout


def reported_broken(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run("status", "--format", "json", cwd=folder).stdout)["broken"]
    return found


def test_one_broken_image_is_told_and_all_others_are_billed(
    registry: StoredRegistry, collect: Collect, tmp_path: Path
) -> None:
    web = registry.push("beta/web", registry.image(b"web"), ["1.0"])
    whole = (registry.top / registry.data(web)).read_bytes()
    registry.write(registry.data(web), b"")
    first = collect(1)
    key = f"docker/registry/v2/{registry.data(web)}"
    assert first.exit_code == 0
    assert "broken objects: 1\n" in first.stderr
    assert first.stderr.splitlines()[-1] == f"  beta/web: {key} is empty"
    assert collect(2).exit_code == 0
    assert reported_broken(tmp_path) == [
        {
            "source": "images", "kind": "manifest", "key": key, "workspace": "beta", "package": "web",
            "problem": "is empty", "since": "2026-10-01T00:00:00Z",
        }
    ]  # fmt: skip
    status = run("status", cwd=tmp_path).stdout
    assert "Broken objects in the latest snapshot of each source:" in status
    assert f"{key} is empty" in status
    reconciled = run("reconcile", cwd=tmp_path).stdout
    assert f"{key} is empty" in reconciled
    assert (
        json.loads(run("reconcile", "--format", "json", cwd=tmp_path).stdout)["sources"][0]["broken"][0]["key"] == key
    )
    assert lines(tmp_path, "acme") == ["good"]
    assert lines(tmp_path, "beta") == []
    assert "BROKEN OBJECTS IN THE REGISTRY" in page(tmp_path, "beta")
    assert "BROKEN OBJECTS" not in page(tmp_path, "acme")
    registry.write(registry.data(web), whole)
    assert "broken" not in collect(3).stderr
    collect(4)
    assert reported_broken(tmp_path) == []
    assert "Broken objects" not in run("status", cwd=tmp_path).stdout
    assert lines(tmp_path, "beta") == ["web"]
    assert "BROKEN OBJECTS" not in page(tmp_path, "beta")


def test_a_month_tells_what_was_broken_at_its_end(registry: StoredRegistry, collect: Collect, tmp_path: Path) -> None:
    tag = registry.tag("acme/good", "2.0", "sha256:" + "0" * 64)
    path = str(tag.relative_to(registry.top))
    collect(30, month=9)
    collect(1)
    registry.write(path, b"")
    collect(15)
    tag.unlink()
    collect(2, month=11)
    assert "which the image does not have" in page(tmp_path, "acme", "2026-09")
    assert "is empty" in page(tmp_path, "acme", "2026-10")
    assert "BROKEN OBJECTS" not in page(tmp_path, "acme", "2026-11")


def test_a_retired_source_tells_of_its_own_time_alone(
    registry: StoredRegistry, collect: Collect, tmp_path: Path
) -> None:
    registry.push("nginx", registry.image(b"nginx"))
    registry.tag("acme/good", "2.0", "sha256:" + "0" * 64)
    collect(1)
    collect(31)
    assert len(reported_broken(tmp_path)) == 2
    assert run("source", "retire", "images", "--at", "2026-11-01T00:00:00Z", cwd=tmp_path).exit_code == 0
    config = tmp_path / "acct.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("images", "others"), encoding="utf-8")
    (registry.top / "repositories/acme/good/_manifests/tags/2.0/current/link").unlink()
    assert collect(15, month=11).exit_code == 0
    assert [each["kind"] for each in reported_broken(tmp_path)] == ["name"]
    assert "which the image does not have" in page(tmp_path, "acme", "2026-10")
    assert "BROKEN OBJECTS" not in page(tmp_path, "acme", "2026-11")


@pytest.mark.parametrize("format_", ["text", "html", "md", "pdf", "csv", "json"])
def test_what_a_manifest_says_is_shown_and_not_obeyed(
    registry: StoredRegistry, collect: Collect, tmp_path: Path, format_: str
) -> None:
    registry.push("acme/web", json.dumps({"schemaVersion": 2, "mediaType": EVIL}).encode(), ["1.0"])
    assert "\x1b" not in collect(1).stderr
    collect(2)
    file = tmp_path / f"page.{format_}"
    shown = run("report", "--workspace", "acme", "--month", "2026-10", "--output", str(file), cwd=tmp_path)
    assert shown.exit_code == 0, shown.stderr
    if format_ in ("text", "html", "md"):
        content = file.read_text(encoding="utf-8")
        assert "has the unknown media type" in content
        assert not {"\x1b", "\u202e"} & set(content)
        assert format_ != "html" or "<b>" not in content
        assert format_ != "md" or "``has the unknown media type" in content  # as code
    assert not {"\x1b", "\u202e"} & set(run("status", cwd=tmp_path).stdout)


@pytest.mark.parametrize(("broken", "all_", "refused"), [(9, 9, False), (10, 200, False), (11, 200, True)])
def test_many_that_were_not_broken_before_are_refused(
    stored: Path, collect: Collect, tmp_path: Path, broken: int, all_: int, refused: bool
) -> None:
    registry = StoredRegistry(stored)
    pushed = [registry.push("acme/web", registry.image(b"%d" % number)) for number in range(all_)]
    for digest in pushed[:broken]:
        (registry.top / registry.data(digest)).unlink()
    first = collect(1)
    assert first.exit_code == refused
    if refused:
        assert f"has {broken} newly broken objects among {all_} manifests, such as " in first.stderr
        assert "if they are really broken, collect with --accept broken" in first.stderr
        assert not (tmp_path / "acct.duckdb").exists()
        assert collect(1, "--accept", "broken").exit_code == 0
    more = pushed[broken : broken + 5]
    for digest in more:  # those of before count no more
        (registry.top / registry.data(digest)).unlink()
    second = collect(2)
    assert second.exit_code == 0, second.stderr
    assert f"broken objects: {broken + len(more)}" in second.stderr
    assert second.stderr.count("is missing") == 3
    assert "`acct status` lists all of them" in second.stderr


def test_many_broken_tags_are_refused_too(stored: Path, collect: Collect) -> None:
    registry = StoredRegistry(stored)
    registry.push("acme/web", registry.image(b"web"), [f"1.{number}" for number in range(20)])
    for number in range(10):
        registry.write(f"repositories/acme/web/_manifests/tags/1.{number}/current/link", b"")
    assert "has 10 newly broken objects among 20 tags" in collect(1).stderr


def test_where_images_without_a_workspace_go(registry: StoredRegistry, collect: Collect, tmp_path: Path) -> None:
    registry.push("nginx", registry.image(b"nginx"), ["1.0"])
    first = collect(1)
    assert first.exit_code == 0
    output = "nginx: docker/registry/v2/repositories/nginx has no workspace in its name, so it is not billed"
    assert output in first.stderr
    assert "nginx" in run("status", cwd=tmp_path).stdout
    with (tmp_path / "acct.toml").open("a", encoding="utf-8") as config:
        config.write('top_level_workspace = "library"\n')
    assert "broken" not in collect(2).stderr
    collect(3)
    assert lines(tmp_path, "library") == ["nginx"]
    assert lines(tmp_path, "acme") == ["good"]


def test_other_layouts(tmp_path: Path, collect: Collect) -> None:
    lay_out(tmp_path / "npm", {".verdaccio-db.json": b"{}", "ui/package.json": b"", "ui/ui-1.0.0.tgz": b"tgz"})
    lay_out(tmp_path / "jars", {"org/acme/core/1.0/core-1.0.jar": b"jar", "org/acme/maven-metadata.xml": b"<html/>"})
    sources = [
        f'[[source]]\nname = "{name}"\nlayout = "{layout}"\nurl = "file:{name}"\nworkspace = "acme"\n'
        for name, layout in (("npm", "verdaccio"), ("jars", "maven2"))
    ]
    (tmp_path / "acct.toml").write_text("\n".join(sources), encoding="utf-8")
    first = collect(1)
    assert first.exit_code == 0
    assert "  acme/ui: ui/package.json is empty" in first.stderr
    assert "  acme: org/acme/maven-metadata.xml is not Maven metadata" in first.stderr
    collect(2)
    assert lines(tmp_path, "acme") == ["org.acme:core", "ui"]
    assert [each["kind"] for each in reported_broken(tmp_path)] == ["packument", "metadata file"]
    assert "org/acme/maven-metadata.xml" in page(tmp_path, "acme")
