"""What a source stores and nobody is billed for is said, and refused where it is most of it."""

import json
from pathlib import Path

import pytest

from tests.collectors.laid_out import lay_out
from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import Result, run, run_today
from tests.support.clock import clock_at

NOW = 1_790_000_000


def configure(folder: Path, layout: str) -> None:
    lines = ["[[source]]", 'name = "a"', f'layout = "{layout}"', 'url = "file:registry"', 'workspace = "acme"']
    (folder / "acct.toml").write_text("\n".join(lines))


def collect(folder: Path, hours: int, *arguments: str) -> Result:
    """Collect so many hours later."""
    with clock_at(NOW + 3600 * hours):
        return run_today("collect", *arguments, cwd=folder)


def foreign(stored: Path, size_bytes: int) -> None:
    """Have so many bytes beside a package of a thousand."""
    lay_out(stored, {"web/package.json": bytes(100), "web/web-1.0.0.tgz": bytes(900), "backup.tar": bytes(size_bytes)})


def test_what_fits_nowhere_is_reported(stored: Path, tmp_path: Path) -> None:
    configure(tmp_path, "verdaccio")
    foreign(stored, 1_000)  # half of it, and not more
    ended = collect(tmp_path, 0)
    assert ended.exit_code == 0
    assert (
        "a: 2 references, 2 new, 0 gone; objects that are not part of the layout: 1 (1.00 kB, not billed)"
        in ended.stderr
    )
    (source,) = json.loads(run("status", "--format", "json", cwd=tmp_path).stdout)["sources"]
    assert (source["unknown_objects"], source["unknown_bytes"]) == (1, 1_000)
    text = run("status", cwd=tmp_path).stdout
    assert "Objects that do not fit the layout of their source (nobody is billed for them):" in text
    assert [line.split() for line in text.splitlines() if "1.00 kB" in line] == [["a", "1", "1.00", "kB"]]


def test_most_bytes_unbilled_are_refused_until_they_are_accepted(stored: Path, tmp_path: Path) -> None:
    configure(tmp_path, "verdaccio")
    foreign(stored, 1_001)
    for _ in range(2):
        ended = collect(tmp_path, 0, "--accept", "loss")
        assert ended.exit_code == 1
        assert (
            "source a: stores 2,001 bytes below file:registry, and nobody would be billed for 50 % of them: 1 object of"
            " 1,001 bytes are not part of the layout verdaccio."
            " Run `acct reconcile a` to see what they are"
        ) in ended.stderr
        assert "--accept unbilled" in ended.stderr
        assert not (tmp_path / "acct.duckdb").exists()
    assert collect(tmp_path, 0, "--accept", "unbilled").exit_code == 0


def test_an_acceptance_holds_until_ten_points_more_are_unbilled(stored: Path, tmp_path: Path) -> None:
    configure(tmp_path, "verdaccio")
    foreign(stored, 4_000)  # 80 %
    assert collect(tmp_path, 0, "--accept", "unbilled").exit_code == 0
    foreign(stored, 8_999)
    assert collect(tmp_path, 1).exit_code == 0
    foreign(stored, 9_000)  # 90 %
    refused = collect(tmp_path, 2)
    assert refused.exit_code == 1
    assert "billed for 90 % of them (80 % were accepted before): 1 object" in refused.stderr
    assert collect(tmp_path, 2, "--accept", "unbilled").exit_code == 0
    foreign(stored, 99_000)  # 99 %, nine points more
    assert collect(tmp_path, 3).exit_code == 0


def test_an_acceptance_that_was_not_needed_accepts_nothing(stored: Path, tmp_path: Path) -> None:
    configure(tmp_path, "verdaccio")
    foreign(stored, 1_000)
    assert collect(tmp_path, 0, "--accept", "unbilled").exit_code == 0
    foreign(stored, 1_001)
    assert collect(tmp_path, 1).exit_code == 1


@pytest.mark.parametrize("lock_file", [False, True])
def test_a_registry_with_its_metadata_in_a_database(stored: Path, tmp_path: Path, lock_file: bool) -> None:
    """Of GitLab's, blobs are here and no links, or such as were left when it moved to the database."""
    configure(tmp_path, "distribution")
    registry = StoredRegistry(stored)
    if lock_file:
        registry.push("team/web", registry.image(b"old"), ["1.0"])
        registry.write("../lockfiles/database-in-use", b"")
    registry.image(b"layer" * 1_000)
    ended = collect(tmp_path, 0)
    assert ended.exit_code == 1
    assert "The registry seems to keep its metadata in a database, as GitLab's may. Import snapshots" in ended.stderr
    assert "% of them: nothing references 2 blobs" in ended.stderr
    assert collect(tmp_path, 0, "--accept", "unbilled").exit_code == 0
    assert collect(tmp_path, 1).exit_code == 0


@pytest.mark.parametrize("layout", ["maven2", "verdaccio"])
def test_a_wrong_layout_is_refused_by_what_would_accept_it(stored: Path, tmp_path: Path, layout: str) -> None:
    configure(tmp_path, layout)
    registry = StoredRegistry(stored)
    registry.push("web", registry.image(b"layer"), ["1.0"])
    ended = collect(tmp_path, 0, "--accept", "loss")
    assert ended.exit_code == 1
    assert f"but none belongs to the layout {layout}. Check the url, its prefix and the layout" in ended.stderr
    assert collect(tmp_path, 0, "--accept", "unbilled").exit_code == 0
