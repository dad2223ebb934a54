"""A snapshot file says the same whatever its kind."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.support.cli_runner import run
from tests.support.golden import GoldenCase, named_cases
from tests.support.model_of_rules import Row

CASES = named_cases("offsets-and-fractions", "empty-versions-and-twice-listed")
IMPORT = ("import", "snapshot")


def as_json_lines(rows: tuple[Row, ...], file: Path) -> None:
    lines = (json.dumps(vars(row), ensure_ascii=False) + "\n" for row in rows)
    file.write_text("".join(lines), encoding="utf-8")


def as_parquet(rows: tuple[Row, ...], file: Path) -> None:
    uploads = [row.uploaded_at and datetime.fromisoformat(row.uploaded_at).astimezone(UTC) for row in rows]
    frame = pl.DataFrame([vars(row) for row in rows]).with_columns(
        pl.Series("uploaded_at", uploads, pl.Datetime("us", "UTC"))
    )
    frame.write_parquet(file)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize(("write", "ending"), [(as_json_lines, "jsonl"), (as_parquet, "parquet")])
def test_a_bill_is_the_same_from_every_kind_of_file(
    case: GoldenCase, write: Callable[[tuple[Row, ...], Path], None], ending: str, tmp_path: Path
) -> None:
    for (csv_file, source, taken_at), snapshot in zip(case.snapshot_files(), case.case.snapshots, strict=True):
        file = tmp_path / f"{csv_file.stem}.{ending}"
        write(snapshot.rows, file)
        for ledger, each in (("csv.duckdb", csv_file), ("other.duckdb", file)):
            taken = run("--ledger", ledger, *IMPORT, each, "--source", source, "--taken-at", taken_at, cwd=tmp_path)
            assert taken.exit_code == 0, taken.stderr
    for workspace in case.case.workspaces():
        report = ("report", "--workspace", workspace, "--month", case.case.month, "--format", "json")
        shown = [run("--ledger", ledger, *report, cwd=tmp_path).stdout for ledger in ("csv.duckdb", "other.duckdb")]
        assert shown[0] == shown[1] != ""


@pytest.mark.parametrize("instant", ["infinity", "-infinity", "2026-10-01T00:00:00"])
def test_what_parquet_calls_a_timestamp_must_be_an_instant(instant: str, tmp_path: Path) -> None:
    zone = "" if instant.startswith("2026") else "TZ"
    duckdb.execute(
        "COPY (SELECT 'acme' AS workspace, 'npm' AS format, 'ui' AS package, '1' AS version, 'a' AS digest, 1 AS size,"
        f" TIMESTAMP{zone} '{instant}' AS uploaded_at) TO '{tmp_path}/ui.parquet' (FORMAT parquet)"
    )
    ended = run(*IMPORT, "ui.parquet", "--source", "npm", "--taken-at", "2026-10-02T00:00:00Z", cwd=tmp_path)
    assert ended.exit_code == 1
    assert "ui.parquet, row 1: uploaded_at" in ended.stderr
    assert "is not an ISO 8601 instant with an offset" in ended.stderr


def take(folder: Path, rows: int, source: str, at: str) -> str:
    """Import so many packages, live at an instant; gives what is said of it."""
    lines = [f"acme,npm,ui-{n},1,sha256:{n},1000,\n" for n in range(rows)]
    (folder / "file.csv").write_text("workspace,format,package,version,digest,size,uploaded_at\n" + "".join(lines))
    taken = run(*IMPORT, "file.csv", "--source", source, "--taken-at", at, cwd=folder)
    assert taken.exit_code == 0, taken.stderr
    return taken.stderr


def stored(folder: Path) -> tuple[str, str]:
    """How far coverage reaches, and the byte-seconds of October."""
    report = run("report", "-w", "acme", "--month", "2026-10", "--format", "json", cwd=folder).stdout
    shown = json.loads(report)
    return shown["covered_until"], shown["total"]["byte_seconds"]


@pytest.mark.parametrize(("before", "after", "noted"), [(200, 99, True), (200, 100, False), (99, 49, True)])
def test_a_file_that_may_be_cut_short_is_taken_with_a_note(
    before: int, after: int, noted: bool, tmp_path: Path
) -> None:
    take(tmp_path, before, "hub", "2026-10-01T00:00:00Z")
    assert (
        "since the previous snapshot. If the file was truncated" in take(tmp_path, after, "hub", "2026-10-02T00:00:00Z")
    ) is noted


def test_what_a_later_file_brings_back_is_not_billed_in_between(tmp_path: Path) -> None:
    """As the note says, and why it says first what leaves no such hole."""
    take(tmp_path, 100, "hub", "2026-10-01T00:00:00Z")
    before = (tmp_path / "acct.duckdb").read_bytes()
    take(tmp_path, 0, "hub", "2026-10-11T00:00:00Z")
    take(tmp_path, 100, "hub", "2026-10-12T00:00:00Z")
    take(tmp_path, 100, "hub", "2026-11-01T00:00:00Z")
    assert stored(tmp_path) == ("2026-11-01T00:00:00Z", str(100_000 * 20 * 86_400))
    (tmp_path / "acct.duckdb").write_bytes(before)
    take(tmp_path, 100, "hub", "2026-10-11T00:00:00Z")
    take(tmp_path, 100, "hub", "2026-11-01T00:00:00Z")
    assert stored(tmp_path) == ("2026-11-01T00:00:00Z", str(100_000 * 31 * 86_400))


def test_a_misspelled_source_shows_and_can_be_undone(tmp_path: Path) -> None:
    """By what the note says: the same file for the right source, and the wrong one retired."""
    first = take(tmp_path, 100, "images", "2026-10-01T00:00:00Z")
    assert "images: a new source; nothing of it is billed before this snapshot.\n" in first
    wrong = take(tmp_path, 100, "imges", "2026-11-01T00:00:00Z")
    assert "imges: a new source" in wrong
    assert "If you meant an existing source (images), import the file for it and retire this one" in wrong
    assert stored(tmp_path) == ("2026-10-01T00:00:00Z", "0")
    assert "new source" not in take(tmp_path, 100, "images", "2026-11-01T00:00:00Z")
    retired = run("source", "retire", "imges", "--at", "2026-11-01T00:00:00Z", cwd=tmp_path)
    assert retired.exit_code == 0, retired.stderr
    take(tmp_path, 100, "images", "2026-11-02T00:00:00Z")
    assert stored(tmp_path) == ("2026-11-02T00:00:00Z", str(100_000 * 31 * 86_400))
