"""`accounting.open` and what it gives: frames that add up to the bill, of a ledger that nobody can change by it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given

import accounting
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.model import Statement
from accounting.notebook.reader import LedgerReader
from accounting.sample import RATES
from accounting.text import money
from tests.support.cli_runner import run
from tests.support.demo import MONTH, WORKSPACE
from tests.support.golden import GoldenCase, golden_books, named_cases
from tests.support.histories import high_churn_histories
from tests.support.laws import tried
from tests.support.model_of_rules import Case, Row, Snapshot
from tests.support.project import Events, books

KEY = ["repository", "format", "package", "state"]
WHOLE, CENTS, INSTANT = pl.Decimal(38, 0), pl.Decimal(38, 2), pl.Datetime("us", "UTC")
CASES = ["leap-february-yen", "random-0007", "rate-changes-mid-month", "shared-blob-package-deleted", "thirds"]
KEYED = dict.fromkeys(KEY, pl.String())


@pytest.fixture(name="ledger")
def ledger_(demo_ledger: Path) -> Iterator[LedgerReader]:
    with accounting.open(demo_ledger) as ledger:
        yield ledger


# Shapes


def test_frames_have_the_columns_that_are_told(ledger: LedgerReader) -> None:
    assert dict(ledger.lines(MONTH).schema) == {
        "workspace": pl.String(), "corrects": pl.String(), **KEYED, "charged": pl.Boolean(),
        "byte_seconds": WHOLE, "amount": CENTS,
    }  # fmt: skip
    assert dict(ledger.statements(MONTH).schema) == {
        "workspace": pl.String(), "month": pl.String(), "status": pl.String(), "covered_until": INSTANT,
        "byte_seconds": WHOLE, "charged_byte_seconds": WHOLE, "included_byte_seconds": WHOLE,
        "currency": pl.String(), "amount": CENTS,
    }  # fmt: skip
    assert dict(ledger.shared(WORKSPACE, MONTH).schema) == {
        "digest": pl.String(), "size_bytes": pl.Int64(), **KEYED, "charged": pl.Boolean(), "others": pl.Int64(),
        "seconds": pl.Int64(), "alone_byte_seconds": WHOLE, "byte_seconds": WHOLE, "amount": CENTS,
    }  # fmt: skip
    assert dict(ledger.compare(RATES, MONTH).schema) == {
        "workspace": pl.String(), "corrects": pl.String(), **KEYED, "byte_seconds_in_force": WHOLE,
        "byte_seconds_other": WHOLE, "amount_in_force": CENTS, "amount_other": CENTS, "change": CENTS,
    }  # fmt: skip
    explained = ledger.explain(WORKSPACE, MONTH)
    assert explained.allocations.columns == [
        *KEY, "digest", "size_bytes", "from", "until", "seconds", "charged", "carries", "sharers", "others",
        "shared_with", "byte_seconds", "amount",
    ]  # fmt: skip
    assert explained.states["kept_until"].max() == datetime(2026, 11, 30, tzinfo=UTC)
    assert explained.sightings["first_seen_at"].dtype == INSTANT
    assert explained.steps["effective_from"].unique().to_list() == [date(2025, 12, 3)]
    assert ledger.snapshots()["taken_at"].dtype == ledger.sources()["latest_at"].dtype == INSTANT


def test_empty_frames_have_their_columns_too(ledger: LedgerReader) -> None:
    """A month after the evidence is empty and says so, as in a report."""
    assert ledger.lines("2030-01").columns == ledger.lines(MONTH).columns
    assert ledger.lines("2030-01").is_empty()
    assert ledger.statements("2030-01")["status"].to_list() == ["provisional"]
    assert ledger.shared(WORKSPACE, "2030-01").is_empty()


# Figures


@pytest.mark.parametrize("case", named_cases(*CASES), ids=CASES)
def test_frames_add_up_to_the_statement(case: GoldenCase) -> None:
    with golden_books(case) as these, accounting.open(these.ledger) as ledger:
        for workspace in ledger.workspaces()["workspace"]:
            if workspace in case.expected["workspaces"]:
                check(ledger, ledger.statement(workspace, case.expected["month"]))


@tried(2)
@given(high_churn_histories())
def test_frames_add_up_where_sharers_change_all_the_time(case: Case) -> None:
    with books(case) as these, accounting.open(these.ledger) as ledger:
        for workspace in ledger.workspaces()["workspace"]:
            check(ledger, ledger.statement(workspace, case.month))


def check(ledger: LedgerReader, bill: Statement) -> None:
    """Lines, allocations and shared blobs are the statement's, to the byte-second and the cent."""
    workspace, month = bill.workspace, str(bill.month)
    total = None if bill.amount_minor is None else Decimal(money(bill.amount_minor, bill.minor_digits))
    lines = ledger.lines(month, workspace)
    assert lines["byte_seconds"].sum() == bill.byte_seconds
    assert total is None or lines["amount"].sum() == total
    assert ledger.statements(month).filter(workspace=workspace)["amount"].to_list() == [total]
    allocations = ledger.explain(workspace, month).allocations
    sums = allocations.group_by(KEY).agg(pl.sum("byte_seconds", "amount")).sort(KEY)
    if total is None:
        sums = sums.with_columns(amount=pl.lit(None, lines["amount"].dtype))
    shown = sums.filter((pl.col("byte_seconds") > 0) | (pl.col("amount") > 0))
    assert shown.rows() == lines.select(*KEY, "byte_seconds", "amount").sort(KEY).rows()
    shared = ledger.shared(workspace, month)
    of_shared = allocations.filter(pl.col("digest").is_in(shared["digest"].to_list()))
    assert shared["byte_seconds"].sum() == of_shared["byte_seconds"].sum()
    assert (shared["byte_seconds"] <= shared["alone_byte_seconds"] + 1).all()


def one_package(*sizes: int) -> Case:
    rows = tuple(Row("acme", "npm", "ui", "1", f"sha256:{n}", size) for n, size in enumerate(sizes))
    at = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    return Case(tuple(Snapshot("files", instant, rows) for instant in at), (), None, MONTH)


def test_sums_beyond_64_bits_are_exact_and_there_is_no_amount_without_a_card() -> None:
    with books(one_package(2**63 - 1, 2**62)) as these, accounting.open(these.ledger) as ledger:
        (row,) = ledger.lines(MONTH).rows(named=True)
        assert row["byte_seconds"] == (2**63 - 1 + 2**62) * 31 * 86_400
        assert row["amount"] is None
        assert ledger.workspaces()["stored_bytes"].item() == 2**63 - 1 + 2**62
        assert ledger.explain("acme", MONTH).steps.is_empty()
        with pytest.raises(AcctError, match="holds no rate card to compare with"):
            ledger.compare(RATES, MONTH)


def test_corrections_are_rows_of_their_own() -> None:
    event: dict[str, Any] = {
        "specversion": "1.0", "source": "hub", "id": "1", "type": "registry.package.deleted",
        "time": "2026-10-16T00:00:00Z", "subject": "acme/npm/ui",
    }  # fmt: skip
    with books(one_package(10**12)) as these:
        (these.folder / "rates.toml").write_text(RATES, encoding="utf-8")
        for command in (("rates", "load", "rates.toml"), ("close", "--month", MONTH, "--yes")):
            assert run("--ledger", these.ledger, *command, cwd=these.folder).exit_code == 0
        late = (Row("acme", "npm", "late", "1", "sha256:late", 10**9),)
        at = ("2026-10-16T00:00:00Z", "2026-11-01T00:00:00Z")
        these.take([Events((event,)), *(Snapshot("late", instant, late) for instant in at)])
        with accounting.open(these.ledger) as ledger:
            assert ledger.months().rows() == [("2026-10", "closed"), ("2026-11", "provisional")]
            lines, bill = ledger.lines("2026-11"), ledger.statement("acme", "2026-11")
            assert lines["corrects"].to_list() == ["2026-10"] * 3
            assert bill.amount_minor is not None
            assert lines["amount"].sum() == Decimal(money(bill.amount_minor, 2)) < 0
            assert lines.filter(pl.col("corrects").is_null())["byte_seconds"].sum() == bill.byte_seconds
            shown = ledger.statements("2026-11")
            total = json.loads(statement_json(bill))["total"]
            assert {name: str(shown[name].item()) for name in total} == total
            assert shown["byte_seconds"].item() == lines["byte_seconds"].sum() > bill.byte_seconds


# Reading, and nothing else


def test_a_writer_is_not_blocked_and_what_was_opened_stays(demo_ledger: Path, tmp_path: Path) -> None:
    """And who opens it again, in the same process, sees what was written."""
    path = Path(shutil.copy(demo_ledger, tmp_path / "acct.duckdb"))
    (tmp_path / "rates.toml").write_text(RATES.replace('"400"', '"800"'), encoding="utf-8")
    first = accounting.open(path)
    before = path.read_bytes()
    ours = first.statements(MONTH)
    first.explain(WORKSPACE, MONTH)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["acct.duckdb", "rates.toml"]
    command = [sys.executable, "-m", "accounting", "--ledger", str(path), "rates", "load", "rates.toml"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with accounting.open(path) as second:
        assert second.statements(MONTH)["amount"].sum() > ours["amount"].sum()
    assert first.statements(MONTH).equals(ours)
    first.close()


def test_sql_reads_the_ledger_alone(ledger: LedgerReader, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    for query in (
        "DELETE FROM events",
        "DROP TABLE blobs",
        f"COPY blobs TO '{tmp_path}/blobs.csv'",
        f"SELECT * FROM '{tmp_path}/secret.csv'",
        f"ATTACH '{tmp_path}/other.duckdb'",
        "SET enable_external_access = true",
        "SELECT * FROM ledger_that_is_not",
        "SELECT",
    ):
        with pytest.raises(AcctError, match=r"acct\.duckdb: "):
            ledger.sql(query)
    assert [file.name for file in tmp_path.iterdir()] == ["secret.csv"]


def test_relations_are_those_of_the_month_asked_for_and_of_no_other_question(ledger: LedgerReader) -> None:
    ledger.statement(WORKSPACE, MONTH)
    with pytest.raises(AcctError, match="package_states"):
        ledger.sql("SELECT * FROM package_states")
    charged = ledger.sql("SELECT sum(byte_seconds / sharers) AS b FROM usage WHERE charged = 1", WORKSPACE, MONTH)
    assert charged["b"].item() == pytest.approx(ledger.statement(WORKSPACE, MONTH).charged_byte_seconds)
    with pytest.raises(AcctError, match="only one of workspace and month"):
        ledger.sql("SELECT 1", WORKSPACE)


# Refusals


def test_refusals_say_what_to_do(ledger: LedgerReader, tmp_path: Path) -> None:
    with pytest.raises(AcctError, match=r"does not exist\. Collect or import a snapshot first"):
        accounting.open(tmp_path / "none.duckdb")
    (tmp_path / "notes.txt").write_text("no ledger", encoding="utf-8")
    with pytest.raises(AcctError, match="is not a ledger of acct"):
        accounting.open(tmp_path / "notes.txt")
    for ask in (ledger.statement, ledger.explain, ledger.shared):
        with pytest.raises(AcctError, match=r"Did you mean acme\?$"):
            ask("acne", MONTH)
    for of_month in (ledger.lines, ledger.statements):
        with pytest.raises(AcctError, match="begins before the rate card's first rule"):
            of_month("2025-01")
        with pytest.raises(AcctError, match=r"is not a month\. Write it as YYYY-MM"):
            of_month("October")
    with pytest.raises(AcctError, match=r"Did you mean acme\?$"):
        ledger.lines(MONTH, "acne")
    with pytest.raises(AcctError, match="Did you mean container/web"):
        ledger.explain(WORKSPACE, MONTH, "container/wbe")
    with pytest.raises(AcctError, match="the other rate card"):
        ledger.compare("currency = 1", MONTH)


def test_a_closed_ledger_says_that_it_is(demo_ledger: Path) -> None:
    with accounting.open(demo_ledger) as ledger:
        assert repr(ledger) == f"<ledger {demo_ledger}>"
    with pytest.raises(AcctError, match=r"is closed\. Open it again with accounting\.open"):
        ledger.workspaces()
    ledger.close()


# Where the ledger is


def test_it_is_where_the_command_line_finds_it(
    demo_ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACCT_LEDGER", "ACCT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    places = [tmp_path / name for name in ("acct.duckdb", "configured.duckdb", "elsewhere.duckdb", "named.duckdb")]
    for place in places:
        os.link(demo_ledger, place)

    def found() -> str:
        with accounting.open() as ledger:
            return ledger.path.name

    assert found() == "acct.duckdb"
    (tmp_path / "acct.toml").write_text('ledger = "configured.duckdb"\n', encoding="utf-8")
    assert found() == "configured.duckdb"
    (tmp_path / "other.toml").write_text('ledger = "elsewhere.duckdb"\n', encoding="utf-8")
    monkeypatch.setenv("ACCT_CONFIG", "other.toml")
    assert found() == "elsewhere.duckdb"
    monkeypatch.setenv("ACCT_LEDGER", "named.duckdb")
    assert found() == "named.duckdb"
    with accounting.open("acct.duckdb") as ledger:
        assert ledger.path.name == "acct.duckdb"
