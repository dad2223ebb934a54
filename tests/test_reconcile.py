"""`acct reconcile`: listed is the sum of the parts, to the byte, and each difference has a place."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from accounting.instants import format_instant, shown_instant
from tests.collectors.laid_out import lay_out
from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import Result, run
from tests.support.clock import NOW

DAY = 86_400


@pytest.fixture
def registry(tmp_path: Path) -> StoredRegistry:
    """Two workspaces that share a base layer, a blob that nothing reaches, and an upload that was given up."""
    registry = StoredRegistry(tmp_path / "registry")
    base = b"base" * 1_000
    registry.push("acme/web", registry.image(base, b"web"), ["1.0"])
    registry.push("acme/api", registry.image(base, b"api"), ["1.0"])
    registry.push("zoo/ape", registry.image(base, b"ape"), ["1.0"])
    registry.blob(b"garbage")
    registry.write("repositories/acme/web/_uploads/7c1f/data", b"half an up")
    registry.write("repositories/acme/web/_layers/sha256/00/link", b"x" * 71)
    (tmp_path / "acct.toml").write_text(
        '[[source]]\nname = "images"\nlayout = "distribution"\nurl = "file:registry"\n', encoding="utf-8"
    )
    return registry


def reconciled(folder: Path) -> dict[str, Any]:
    ended = run("reconcile", "--format", "json", cwd=folder)
    assert ended.exit_code == 0, ended.stderr
    (source,) = json.loads(ended.stdout)["sources"]
    return dict(source)


def workspaces(source: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {workspace["workspace"]: workspace for workspace in source["workspaces"]}


def import_events(folder: Path, *events: tuple[str, str, int, dict[str, str]]) -> Result:
    lines = [
        json.dumps(
            {"specversion": "1.0", "source": "hub", "id": f"{kind} {subject}", "time": format_instant(at),
             "type": f"registry.{kind}", "subject": subject, "data": data}
        )
        for kind, subject, at, data in events
    ]  # fmt: skip
    return run("import", "events", "-", cwd=folder, stdin="\n".join(lines))


def test_listed_is_the_sum_of_the_parts(registry: StoredRegistry, tmp_path: Path) -> None:
    files = [file for file in (tmp_path / "registry").rglob("*") if file.is_file()]
    source = reconciled(tmp_path)
    assert source["listed"] == {"objects": len(files), "bytes": sum(file.stat().st_size for file in files)}
    parts = source["parts"]
    assert parts["garbage"] == {"objects": 1, "bytes": 7}
    assert parts["upload"] == {"objects": 1, "bytes": 10}
    links = [file for file in files if file.name == "link"]
    assert parts["metadata"] == {"objects": len(links), "bytes": sum(file.stat().st_size for file in links)}
    assert parts["reachable"]["objects"] == 10  # three images of a manifest, a config and a layer, and their base
    assert sum(part["bytes"] for part in parts.values()) == source["listed"]["bytes"]
    # The base is stored once, and reached in each workspace.
    assert sum(w["reachable_bytes"] for w in source["workspaces"]) == parts["reachable"]["bytes"] + 4_000
    assert {w["recorded_bytes"] for w in source["workspaces"]} == {0}
    assert not (tmp_path / "acct.duckdb").exists()


def test_a_key_that_fits_nowhere_is_named(registry: StoredRegistry, tmp_path: Path) -> None:
    registry.write("blobs/sha256/zz/nothing", b"what?")
    lay_out(tmp_path / "registry", {"backup\x1b[31m.tar": b"tar"})
    ended = run("reconcile", cwd=tmp_path)
    assert ended.exit_code == 1
    assert "unknown" in ended.stdout
    (said,) = ended.stderr.splitlines()
    assert "source images: has 2 keys with 8 bytes that are not part of its layout" in said
    assert "'backup\\x1b[31m.tar', 'docker/registry/v2/blobs/sha256/zz/nothing'" in said


def test_what_the_registry_keeps_for_itself_is_not_foreign(registry: StoredRegistry, tmp_path: Path) -> None:
    before = reconciled(tmp_path)
    own = {
        "scheduler-state.json": b"{}",  # of a pull-through cache
        "docker/registry/lockfiles/filesystem-in-use": b"",
        "docker_$folder$": b"",
    }
    for path, content in own.items():
        (tmp_path / "registry" / path).parent.mkdir(exist_ok=True)
        (tmp_path / "registry" / path).write_bytes(content)
    parts = reconciled(tmp_path)["parts"]
    objects, size_bytes = (before["parts"]["metadata"][name] for name in ("objects", "bytes"))
    assert parts == before["parts"] | {"metadata": {"objects": objects + 3, "bytes": size_bytes + 2}}


def test_what_was_collected_is_what_is_charged_until_something_changes(
    registry: StoredRegistry, tmp_path: Path
) -> None:
    run("collect", cwd=tmp_path)
    for workspace in workspaces(reconciled(tmp_path)).values():
        assert workspace["reachable_bytes"] == workspace["recorded_bytes"] == workspace["billed_bytes"] > 4_000
    shutil.rmtree(registry.top / "repositories/zoo")
    zoo = workspaces(reconciled(tmp_path))["zoo"]
    assert (zoo["reachable_bytes"], zoo["billed_bytes"] > 4_000) == (0, True)
    assert f" -{zoo['recorded_bytes']:,} " in run("reconcile", "images", cwd=tmp_path).stdout


def test_a_blob_of_two_deleted_repositories_is_charged_until_the_later_end(
    registry: StoredRegistry, tmp_path: Path
) -> None:
    run("collect", cwd=tmp_path)
    deleted = [
        (kind, subject.format(package), at - DAY * later, data)
        for package, later in (("web", 0), ("api", 2))
        for kind, subject, at, data in (
            ("package.linked", "acme/container/{}", NOW - 9 * DAY, {"repository": package}),
            ("repository.deleted", "acme/{}", NOW - 5 * DAY, {}),
        )
    ]
    assert import_events(tmp_path, *deleted).exit_code == 0
    states = {state["charging_stops_at"]: state for state in workspaces(reconciled(tmp_path))["acme"]["states"]}
    blobs = {at: state["blobs"] for at, state in states.items()}
    assert blobs == {format_instant(NOW + 25 * DAY): 4, format_instant(NOW + 23 * DAY): 3}


def test_what_is_deleted_and_still_stored_stands_by_state(registry: StoredRegistry, tmp_path: Path) -> None:
    run("collect", cwd=tmp_path)
    everything = workspaces(reconciled(tmp_path))
    deleted = [
        ("package.linked", "acme/container/web", NOW - 9 * DAY, {"repository": "shop"}),
        ("repository.deleted", "acme/shop", NOW - 8 * DAY, {}),
        ("package.deleted", "acme/container/api", NOW - 7 * DAY, {}),
        ("workspace.deleted", "zoo", NOW - 6 * DAY, {}),
    ]
    assert import_events(tmp_path, *deleted).exit_code == 0
    found = workspaces(reconciled(tmp_path))
    acme = {state["state"]: state for state in found["acme"]["states"]}
    stops_at = format_instant(NOW + 22 * DAY)
    # The base is still charged to web, whose repository is deleted: for api, deleted itself, it costs nothing.
    assert acme["repository_deleted"]["charged"]
    assert acme["repository_deleted"]["charging_stops_at"] == stops_at
    assert acme["repository_deleted"]["blobs"] == 4
    assert acme["package_deleted"]["blobs"] == 3
    assert (acme["package_deleted"]["charged"], acme["package_deleted"]["charging_stops_at"]) == (False, None)
    assert sum(state["bytes"] for state in acme.values()) == everything["acme"]["recorded_bytes"]
    assert found["acme"]["billed_bytes"] == acme["repository_deleted"]["bytes"]
    (zoo,) = found["zoo"]["states"]
    assert (zoo["state"], zoo["bytes"]) == ("workspace_deleted", everything["zoo"]["recorded_bytes"])
    assert found["zoo"]["billed_bytes"] == 0
    text = run("reconcile", cwd=tmp_path).stdout
    assert shown_instant(NOW + 22 * DAY) in text
    assert "workspace deleted" in text
