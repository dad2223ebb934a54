"""Commands that write wait for whoever holds the ledger, and two of them never lose what the other brought."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accounting.errors import AcctError
from accounting.facts.snapshots import Offer, last_record_of, take_in
from accounting.ledger import writing
from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import run, surroundings

ROW = "workspace,format,package,version,digest,size,uploaded_at\nacme,container,web,1.0,sha256:aa,100,\n"
IMPORT = ("import", "snapshot", "one.csv", "--source", "images", "--taken-at", "2026-10-02T00:00:00Z")
CLOSE = ("close", "--month", "2026-09", "--yes", "--without-rates")
# Each holds the ledger from when it prints a line until its standard input is closed.
HOLDERS = {
    "acct": "from pathlib import Path\nfrom accounting.ledger import writing\n"
    "with writing(Path('acct.duckdb')): print('held', flush=True); input()",
    "duckdb": "import duckdb\nc = duckdb.connect('acct.duckdb'); c.execute('CREATE TABLE mine (a INTEGER)')\n"
    "print('held', flush=True); input(); c.execute('DROP TABLE mine'); c.close()",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.csv").write_text(ROW)
    for month in ("09", "10"):
        assert run(*IMPORT[:-1], f"2026-{month}-01T00:00:00Z", cwd=tmp_path).exit_code == 0
    return tmp_path


def started(*arguments: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "accounting", *arguments], cwd=folder, env=surroundings(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@contextmanager
def holding(program: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("command", [IMPORT, CLOSE, ("collect",)],
                         ids=["import", "close", "collect"])  # fmt: skip
def test_a_command_that_writes_waits(folder: Path, holder: str, command: tuple[str, ...]) -> None:
    """It says so after a second, and goes on when the other has ended."""
    registry = StoredRegistry(folder / "registry")
    registry.push("team/web", registry.image(b"layer"), ["1.0"])
    (folder / "acct.toml").write_text('[[source]]\nname = "stored"\nlayout = "distribution"\nurl = "file:registry"\n')
    with holding(HOLDERS[holder], folder) as held, started(*command, folder=folder) as waiting:
        assert waiting.stderr is not None
        assert any("waiting for another pro" in line for line in waiting.stderr)
        assert waiting.poll() is None
        held.communicate("\n")
        said = waiting.stderr.read()
        assert waiting.wait() == 0, said
    assert {"import": "1 reference", "collect": "3 references", "close": "1 statement sealed"}[command[0]] in said


def test_the_wait_has_an_end(folder: Path) -> None:
    with holding(HOLDERS["acct"], folder), started("--wait", "2", *IMPORT, folder=folder) as waiting:
        said = waiting.communicate()[1].splitlines()
    assert waiting.returncode == 1
    assert said[0] == "waiting for another process that writes to acct.duckdb"
    assert "is locked by another process that writes to it" in said[1]


def test_wait_is_a_number_of_seconds(folder: Path) -> None:
    for wrong in ("-1", "soon"):
        assert run("--wait", wrong, "status", cwd=folder).exit_code == 2
    assert run("status", "--wait=0", cwd=folder).exit_code == 0


def test_of_simultaneous_collections_none_loses_a_source(tmp_path: Path) -> None:
    """Three at once, of four sources each, into a ledger that is not there yet."""
    names = [f"source-{number}" for number in range(4)]
    for name in names:
        registry = StoredRegistry(tmp_path / name)
        for number in range(5):
            registry.push(f"team/image-{number}", registry.image(b"layer %d" % number), ["1.0"])
    (tmp_path / "acct.toml").write_text(
        "".join(f'[[source]]\nname = "{name}"\nlayout = "distribution"\nurl = "file:{name}"\n' for name in names)
    )
    together = [started("collect", folder=tmp_path) for _ in range(3)]
    ended = [(process.communicate()[1], process.returncode) for process in together]
    assert [status for _, status in ended] == [0, 0, 0], ended
    shown = run("status", cwd=tmp_path).stdout
    assert all(name in shown for name in names)
    assert not (tmp_path / "acct.duckdb.manifests").exists()


def test_a_snapshot_that_was_overtaken_changes_nothing(folder: Path) -> None:
    """Another collection recorded a later one of the source while this one read it."""
    ledger_path = folder / "acct.duckdb"
    before = last_record_of(ledger_path)
    (folder / "one.csv").write_text(ROW.replace("100", "200").replace("aa", "bb"))
    assert run(*IMPORT, cwd=folder).exit_code == 0
    offer = Offer("images", 1_790_812_800 + 60, "other", "SELECT 1", str, last_record=before)
    with writing(ledger_path) as ledger:
        assert take_in(ledger, offer).repeated
    late = Offer("images", 1_790_812_800 + 60, "other", "SELECT 1", str, last_record=last_record_of(ledger_path))
    with pytest.raises(AcctError, match="Import snapshots in the order"), writing(ledger_path) as ledger:
        take_in(ledger, late)
