"""What comes through a pipe is read as a file is, and refusals name the pipe."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

from tests.support.cli_runner import run, surroundings
from tests.support.closing import CARD

COLUMNS = ("workspace", "format", "package", "version", "digest", "size", "uploaded_at")
ROWS = [("acme", "npm", f"p{i}", "1.0", f"d{i}", str(i), "") for i in range(5_000)]  # more than a pipe holds at once
TAKEN = ("--source", "s", "--taken-at", "2026-10-01T00:00:00Z")
EVENT = {"specversion": "1.0", "source": "hub", "id": "1", "time": "2026-10-01T00:00:00Z",
         "type": "registry.repository.deleted", "subject": "acme/shop"}  # fmt: skip


@contextmanager
def pipe(content: bytes) -> Iterator[str]:
    """The name that bash would give to `<(…)` with such content."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as end:
            end.write(content)

    writer = Thread(target=write, daemon=True)
    writer.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


def csv_of(rows: Sequence[tuple[str, ...]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in (COLUMNS, *rows)).encode()


def json_lines_of(rows: Sequence[tuple[str, ...]]) -> bytes:
    return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows).encode()


def parquet_of(rows: Sequence[tuple[str, ...]], folder: Path) -> bytes:
    frame = pl.DataFrame(rows, schema=list(COLUMNS), orient="row").with_columns(pl.col("size").cast(pl.Int64))
    frame.write_parquet(folder / "rows")
    return (folder / "rows").read_bytes()


@pytest.mark.parametrize("kind", ["csv", "bom", "jsonl", "parquet"])
def test_a_snapshot_of_each_kind(tmp_path: Path, kind: str) -> None:
    content = {
        "csv": csv_of(ROWS),
        "bom": b"\xef\xbb\xbf" + csv_of(ROWS),
        "jsonl": b"\n" + json_lines_of(ROWS),
        "parquet": parquet_of(ROWS, tmp_path),
    }[kind]
    with pipe(content) as name:
        taken = run("import", "snapshot", name, *TAKEN, cwd=tmp_path)
    assert taken.exit_code == 0, taken.stderr
    assert "s: 5,000 references, 5,000 new, 0 gone" in taken.stderr
    file = tmp_path / f"s.{'csv' if kind == 'bom' else kind}"
    file.write_bytes(content)
    assert "is already in the ledger; nothing changed" in run("import", "snapshot", file, *TAKEN, cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (csv_of([("acme", "npm", "a", "1", "d", "-5", "")]), ", line 2: the size '-5' is not a whole number"),
        (json_lines_of([("acme", "npm", "a", "1", "d", "-5", "")]), ", line 1: the size '-5' is not a whole number"),
        (b"", ": has no column workspace, format, package, version, digest, size, uploaded_at. A snapshot has"),
        (b"<html>\n", ": has no column workspace, "),
        (b"[]", ", line 1: is not a JSON object"),
        (b"PAR1 and no more", ": cannot be read: "),
        (csv_of([("acme", "npm", "a")]), ", line 2: cannot be read: "),
    ],
)
def test_a_refused_snapshot(tmp_path: Path, content: bytes, message: str) -> None:
    with pipe(content) as name:
        refused = run("import", "snapshot", name, *TAKEN, cwd=tmp_path)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"acct: {name}{message}")
    assert "/acct-" not in refused.stderr


def test_events_and_links(tmp_path: Path) -> None:
    with pipe(json.dumps(EVENT).encode()) as one, pipe(json.dumps([EVENT | {"id": "2"}]).encode()) as other:
        ended = run("import", "events", one, other, cwd=tmp_path)
        assert ended.stderr.splitlines() == [
            f"{name}: 1 new event, 0 already known, 0 of other types skipped" for name in (one, other)
        ]
    head = b"workspace,format,package,repository\n"
    with pipe(head + b"acme,npm,a,shop\n") as name:
        assert run("import", "links", name, cwd=tmp_path).stderr.startswith(f"{name}: 1 package, 1 newly linked")
    with pipe(head + b"acme,npm,a,shop\nacme,pypi,a,shop\n") as name:
        refused = run("import", "links", name, cwd=tmp_path)
        assert refused.stderr.startswith(f"acct: {name}, line 3: the format 'pypi' is not one of")
    with pipe(json.dumps(EVENT | {"time": "now"}).encode()) as name:
        refused = run("import", "events", name, cwd=tmp_path)
        assert refused.stderr.startswith(f"acct: {name}, line 1: the time 'now' is not an ISO 8601 instant")


def test_rate_cards(tmp_path: Path) -> None:
    with pipe(CARD.encode()) as name:
        assert run("rates", "check", name, cwd=tmp_path).stderr == f"{name}: the rate card is valid\n"
    with pipe(CARD.encode()) as name:
        assert run("rates", "load", name, cwd=tmp_path).stderr == f"{name}: in force\n"
    assert run("rates", "show", cwd=tmp_path).stdout == CARD
    with pipe(b"currency = 1") as name:
        assert run("rates", "load", name, cwd=tmp_path).stderr.startswith(
            f"acct: {name}, currency: 1 is not an ISO 4217"
        )


def test_a_configuration_is_relative_to_the_folder_that_one_is_in(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    config = b'ledger = "l.duckdb"\n[[source]]\nname = "images"\nlayout = "distribution"\nurl = "file:registry"\n'
    with pipe(config) as name:
        collected = run("--config", name, "collect", cwd=tmp_path)
    assert collected.exit_code == 0, collected.stderr
    assert (tmp_path / "l.duckdb").exists()


def test_bash_makes_such_pipes(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(csv_of(ROWS))
    acct = f"{shlex.quote(sys.executable)} -m accounting"
    command = (
        f"{acct} import snapshot <(cat s.csv) {shlex.join(TAKEN)} && cat s.csv | {acct} import snapshot /dev/stdin"
    )
    ended = subprocess.run(
        ["bash", "-c", f"{command} {shlex.join(TAKEN)}"],
        cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "5,000 new" in ended.stderr
    assert ended.stderr.endswith("s: this snapshot is already in the ledger; nothing changed\n")


def test_a_pipe_that_cannot_be_copied_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "named.csv", 0o600)
    monkeypatch.setattr("shutil.copyfileobj", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    writer = os.open(tmp_path / "named.csv", os.O_RDWR)
    refused = run("import", "links", "named.csv", cwd=tmp_path)
    os.close(writer)
    assert refused.exit_code == 1
    assert "acct: named.csv: cannot be copied to " in refused.stderr
    assert refused.stderr.endswith(
        ": No space left on device. Free some space there, or set TMPDIR to another folder.\n"
    )
