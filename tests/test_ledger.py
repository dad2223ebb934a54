"""The ledger file: what is refused, who may write when, and that it is whole whatever happens."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from accounting.ledger import SCHEMA_VERSION
from tests.support.cli_runner import Result, run

ONE_BLOB = "workspace,format,package,version,digest,size,uploaded_at\nacme,container,web,1.0,sha256:{:02},100,\n"
IMPORT = ("import", "snapshot", "one.csv", "--source", "images", "--taken-at")
AT_ONCE = ("--wait", "0", *IMPORT, "2026-10-02T00:00:00Z")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a ledger of one snapshot."""
    (tmp_path / "one.csv").write_text(ONE_BLOB.format(1))
    assert run(*IMPORT, "2026-10-01T00:00:00Z", cwd=tmp_path).exit_code == 0
    return tmp_path


@contextmanager
def another(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, from when it prints a line until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


def in_a_process(*arguments: str, folder: Path) -> Result:
    ended = subprocess.run(
        [sys.executable, "-m", "accounting", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


def refused(result: Result, *words: str) -> None:
    """Exit status 1, nothing printed, and one sentence that holds the words."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    for word in words:
        assert word in result.stderr


def test_owner_only(folder: Path) -> None:
    assert (folder / "acct.duckdb").stat().st_mode & 0o777 == 0o600
    assert (folder / "acct.duckdb.lock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_to(folder: Path) -> None:
    (folder / "acct.duckdb.lock").unlink()
    (folder / "acct.duckdb.lock").mkdir()
    ended = run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder)
    refused(ended, "acct.duckdb: cannot be written", f"permissions in {folder}")


def test_permissions_that_the_owner_gives_stay(folder: Path) -> None:
    (folder / "acct.duckdb").chmod(0o640)
    assert run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder).exit_code == 0
    assert (folder / "acct.duckdb").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"", b"no ledger", b"PAR1" * 100], ids=["empty", "text", "parquet"])
def test_what_is_no_duckdb_file(folder: Path, content: bytes) -> None:
    (folder / "acct.duckdb").write_bytes(content)
    refused(run("status", cwd=folder), "acct.duckdb", "not a ledger")
    refused(run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder), "acct.duckdb", "not a ledger")
    assert (folder / "acct.duckdb").read_bytes() == content


def test_sqlite_and_foreign_duckdb_files(folder: Path) -> None:
    sqlite3.connect(folder / "a.sqlite").execute("CREATE TABLE t (a)").connection.commit()
    refused(run("--ledger", "a.sqlite", "status", cwd=folder), "not a ledger")
    duckdb.connect(str(folder / "b.duckdb")).execute("CREATE TABLE t (a INTEGER)")
    refused(run("--ledger", "b.duckdb", "status", cwd=folder), "not a ledger")
    refused(run("--ledger", "b.duckdb", *IMPORT, "2026-10-02T00:00:00Z", cwd=folder), "not a ledger")


def test_a_newer_ledger(folder: Path) -> None:
    with duckdb.connect(str(folder / "acct.duckdb")) as connection:
        connection.execute("UPDATE about SET schema_version = schema_version + 1")
    before = (folder / "acct.duckdb").read_bytes()
    refused(run("status", cwd=folder), f"layout {SCHEMA_VERSION + 1}", "newer acct")
    refused(run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder), f"layout {SCHEMA_VERSION + 1}")
    assert (folder / "acct.duckdb").read_bytes() == before


def test_an_older_ledger(folder: Path) -> None:
    """Layouts before the first release are refused."""
    with duckdb.connect(str(folder / "acct.duckdb")) as connection:
        connection.execute("UPDATE about SET schema_version = 3")
    sentence = f"has layout 3, but this acct reads layout {SCHEMA_VERSION}. Import its evidence into a new ledger."
    refused(run("status", cwd=folder), sentence)
    refused(run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder), sentence)


def test_a_damaged_ledger(folder: Path) -> None:
    ledger = folder / "acct.duckdb"
    ledger.write_bytes(ledger.read_bytes()[:-100_000])
    refused(run("report", "--workspace", "acme", cwd=folder), "acct.duckdb")


def test_a_wal_beside_the_ledger(folder: Path) -> None:
    (folder / "acct.duckdb.wal").write_bytes(b"x")
    refused(run("status", cwd=folder), ".wal")
    refused(run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder), ".wal")


def test_no_ledger_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(ONE_BLOB.format(1))
    refused(run("report", "--workspace", "acme", cwd=tmp_path), "does not exist")
    refused(run("--ledger", "no/acct.duckdb", *IMPORT, "2026-10-02T00:00:00Z", cwd=tmp_path), "folder does not exist")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.csv"]


def test_a_program_that_has_the_ledger_open_for_writing(folder: Path) -> None:
    program = "import duckdb; c = duckdb.connect('acct.duckdb'); print('open', flush=True); input()"
    with another(program, folder):
        refused(in_a_process("status", folder=folder), "another process")
        refused(in_a_process(*AT_ONCE, folder=folder), "another process", "--wait SECONDS")
        refused(in_a_process("close", "--month", "2026-09", "--wait", "0", folder=folder), "another process")
    assert in_a_process("status", folder=folder).exit_code == 0


WRITER = """
from pathlib import Path
from accounting.ledger import writing
with writing(Path("acct.duckdb")) as ledger:
    ledger.run("INSERT INTO workspaces VALUES (99, 'half')")
    ledger.changed = True
    print("writing", flush=True)
    input()
"""


def test_two_writers(folder: Path) -> None:
    with another(WRITER, folder):
        refused(run(*AT_ONCE, cwd=folder), "another process", "--wait SECONDS")
        assert run("status", cwd=folder).exit_code == 0, "a reader does not wait for a writer"


def test_a_reader_holds_no_writer_up(folder: Path) -> None:
    program = "import duckdb; c = duckdb.connect('acct.duckdb', read_only=True); print('open', flush=True); input()"
    with another(program, folder):
        assert run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder).exit_code == 0


def test_a_writer_that_is_killed_leaves_the_ledger_as_it_was(folder: Path) -> None:
    before = (folder / "acct.duckdb").read_bytes()
    with another(WRITER, folder) as writer:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    assert (folder / "acct.duckdb").read_bytes() == before
    assert (folder / "acct.duckdb.work").exists(), "the writer was killed before it wrote"
    assert run(*IMPORT, "2026-10-02T00:00:00Z", cwd=folder).exit_code == 0
    assert sorted(p.name for p in folder.iterdir()) == ["acct.duckdb", "acct.duckdb.lock", "one.csv"]


def test_the_same_again_does_not_touch_the_file(folder: Path) -> None:
    before = (folder / "acct.duckdb").stat().st_mtime_ns
    time.sleep(0.01)
    again = run(*IMPORT, "2026-10-01T02:00:00+02:00", cwd=folder)
    assert again.exit_code == 0
    assert "already" in again.stderr
    assert (folder / "acct.duckdb").stat().st_mtime_ns == before


def test_a_ledger_behind_a_link_stays_behind_it(folder: Path) -> None:
    (folder / "link.duckdb").symlink_to("acct.duckdb")
    assert run("--ledger", "link.duckdb", *IMPORT, "2026-10-02T00:00:00Z", cwd=folder).exit_code == 0
    assert (folder / "link.duckdb").is_symlink()
    assert "2 Oct 2026" in run("status", cwd=folder).stdout


def test_a_file_name_is_no_pattern(folder: Path) -> None:
    (folder / "a1.csv").write_text(ONE_BLOB.format(2).replace("100", "broken"))
    (folder / "a[1].csv").write_text(ONE_BLOB.format(2))
    ended = run("import", "snapshot", "a[1].csv", "--source", "x", "--taken-at", "2026-10-02T00:00:00Z", cwd=folder)
    assert ended.exit_code == 0, ended.stderr
