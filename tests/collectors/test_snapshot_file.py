"""A snapshot file says the same whatever its kind."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.cli_runner import run
from tests.golden import GoldenCase, golden_cases
from tests.model_of_rules import Row

CASES = [case for case in golden_cases() if case.name in ("offsets-and-fractions", "empty-versions-and-twice-listed")]
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
        told = [run("--ledger", ledger, *report, cwd=tmp_path).stdout for ledger in ("csv.duckdb", "other.duckdb")]
        assert told[0] == told[1] != ""


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
    assert "is no ISO 8601 instant with an offset" in ended.stderr
