"""Explanations add up to the bill exactly, whatever the history; they show hostile names and obey none of them."""

import csv
import io
import json
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.billing.statement import statement
from accounting.errors import AcctError
from accounting.explaining.explaining import explain, package_name
from accounting.explaining.explanation import Explanation, LineExplanation, total
from accounting.facts.snapshots import Offer, digest_of_frame, take_in
from accounting.instants import Month, parse_instant
from accounting.ledger import Ledger, reading, view, writing
from accounting.rendering.explaining.explanation import explanation_text
from accounting.rendering.explaining.explanation_data import explanation_csv, explanation_json
from tests.support.cli_runner import run
from tests.support.events import event
from tests.support.golden import GoldenCase, golden_books, golden_cases, named_cases
from tests.support.histories import high_churn_histories, histories
from tests.support.hostile import HOSTILE, write_hostile
from tests.support.laws import tried
from tests.support.model_of_rules import Case, Row, Snapshot
from tests.support.project import Books, Events, books


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hostile(tmp_path_factory.mktemp("hostile"))


OCTOBER = "2026-10"


def sum_of(line: LineExplanation) -> Fraction:
    return total(
        [*(allocation.byte_seconds for blob in line.blobs for allocation in blob.allocations), line.more_byte_seconds]
    )


def check(explained: Explanation) -> None:
    """Every step from allocations to the bill's figures."""
    bill = explained.statement
    for line in explained.lines:
        exact, whole = line.exact_byte_seconds, line.line.byte_seconds
        assert sum_of(line) == exact
        assert whole - exact.numerator // exact.denominator in (0, 1)
        minor = line.exact_minor(bill.minor_digits)
        if minor is not None:
            assert line.line.amount_minor is not None
            assert line.line.amount_minor - minor.numerator // minor.denominator in (0, 1)
        for blob in line.blobs:
            assert blob.sightings
            for allocation in blob.allocations:
                assert any(state.start <= allocation.start < allocation.end <= state.end for state in line.states)
                assert len(allocation.named) == min(allocation.others, 3)
                if allocation.sharers is not None:
                    assert allocation.others == allocation.sharers - allocation.carries
                    seconds = allocation.end - allocation.start
                    assert allocation.byte_seconds == Fraction(
                        blob.size_bytes * seconds * allocation.carries, allocation.sharers
                    )
    for step in explained.rates:
        assert total(tier.cost for tier in step.tiers) == step.cost


def check_workspace(ledger: Ledger, workspace: str, month: Month) -> Explanation | None:
    """A workspace's explanation against its statement; None where that is refused."""
    try:
        bill = statement(ledger, workspace, month)
    except AcctError:
        return None
    explained = explain(ledger, workspace, month)
    assert explained.statement == bill
    assert tuple(line.line for line in explained.lines) == bill.lines
    check(explained)
    if bill.amount_minor is not None and not bill.corrections:
        assert total(line.exact_cost or Fraction(0) for line in explained.lines) == total(
            step.cost for step in explained.rates if step.charged_byte_seconds
        )
    return explained


def explanation_of(
    books: Books, workspace: str, month: str, package: str | None = None, blobs: int | None = None
) -> Explanation:
    with reading(books.ledger) as ledger:
        return explain(ledger, workspace, Month.parse(month), package, blobs)


# Histories


@tried(4)
@given(histories(), st.data())
def test_allocations_add_up_to_every_line(case: Case, data: st.DataObject) -> None:
    """Of every workspace; and one package by itself is told the same, as are few blobs with the rest in a sum."""
    with books(case) as these, reading(these.ledger) as ledger:
        month = Month.parse(case.month)
        for workspace in case.workspaces():
            explained = check_workspace(ledger, workspace, month)
            if explained is None or not explained.lines:
                continue
            package = data.draw(st.sampled_from([package_name(line.line.key) for line in explained.lines]))
            alone = explain(ledger, workspace, month, package)
            assert alone.lines == tuple(x for x in explained.lines if package_name(x.line.key) == package)
            few = explain(ledger, workspace, month, blobs=1)
            check(few)
            for line, whole in zip(few.lines, explained.lines, strict=True):
                assert line.blobs == whole.blobs[:1]
                assert line.more_blobs == len(whole.blobs) - 1
            check_formats(explained)


@tried(3)
@given(high_churn_histories())
def test_allocations_of_high_churn_blobs_add_up(case: Case) -> None:
    """Blobs whose holders changed so often that each interval would be too much."""
    with books(case) as these, reading(these.ledger) as ledger:
        explained = check_workspace(ledger, "acme", Month.parse(case.month))
        assert explained is not None
        check(explain(ledger, "acme", Month.parse(case.month), blobs=1))


def check_formats(explained: Explanation) -> None:
    """JSON and CSV carry every allocation, and add up to the same."""
    shown = json.loads(explanation_json(explained))
    rows = list(csv.DictReader(io.StringIO(explanation_csv(explained), newline="")))
    of_rows = total(Fraction(int(row["byte_seconds_numerator"]), int(row["byte_seconds_denominator"])) for row in rows)
    assert of_rows == total(line.exact_byte_seconds for line in explained.lines)
    for line in shown["lines"]:
        allocations = [allocation for blob in line["blobs"] for allocation in blob["pieces"]]
        assert total(fraction(allocation["byte_seconds"]) for allocation in allocations) == fraction(
            line["exact_byte_seconds"]
        )
        assert int(line["byte_seconds_rounded_down"]) + int(line["byte_seconds_rounding"]) == int(line["byte_seconds"])
    assert len(rows) == sum(len(blob["pieces"]) for line in shown["lines"] for blob in line["blobs"])


def fraction(value: dict[str, str]) -> Fraction:
    return Fraction(int(value["numerator"]), int(value["denominator"]))


# Golden cases, by the command line


# Every third: what a report says of all of them is tested elsewhere, and here that an explanation says the same.
@pytest.mark.parametrize("golden", golden_cases()[::3], ids=lambda golden: golden.name)
def test_golden_case_is_explained(golden: GoldenCase) -> None:
    """The figures of `acct explain` are those of `acct report`."""
    with golden_books(golden) as these:
        for workspace in golden.expected["workspaces"]:
            asked = (f"--workspace={workspace}", "--month", golden.case.month)
            report = json.loads(acct(these, "report", *asked, "--format", "json"))
            explained = json.loads(acct(these, "explain", *asked, "--format", "json"))
            for member in report.keys() - {"schema", "lines", "held_names"}:
                assert explained[member] == report[member]
            shown = [{member: line[member] for member in report["lines"][0]} for line in explained["lines"]]
            assert shown == report["lines"]
            text = acct(these, "explain", *asked)
            assert report["total"]["amount"] in text


def acct(these: Books, *args: object) -> str:
    shown = run("--ledger", these.ledger, *args, cwd=these.folder)
    assert shown.exit_code == 0, shown.stderr
    return shown.stdout


@pytest.mark.parametrize("name", ["shared-blob-repository-deleted", "thirds", "rule-changes-mid-month"])
def test_high_churn_blobs_come_to_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared out by prefix sums, a blob in a line has the byte-seconds of its intervals one by one."""
    (golden,) = named_cases(name)
    with golden_books(golden) as these:
        for workspace in golden.expected["workspaces"]:
            usual = explanation_of(these, workspace, golden.case.month)
            with monkeypatch.context() as patched:
                patched.setattr(view, "HIGH_CHURN", 0)
                high_churn = explanation_of(these, workspace, golden.case.month)
                check(explanation_of(these, workspace, golden.case.month, blobs=1))
            check(high_churn)
            assert [by_digest(line) for line in high_churn.lines] == [by_digest(line) for line in usual.lines]
            shared = any(
                allocation.others for line in usual.lines for blob in line.blobs for allocation in blob.allocations
            )
            assert ("changed often" in explanation_text(high_churn)) == shared


def by_digest(line: LineExplanation) -> dict[str, Fraction]:
    return {blob.digest: blob.byte_seconds for blob in line.blobs if blob.byte_seconds}


# Who shares, and since which event


def rows_of(*packages: str) -> tuple[Row, ...]:
    return tuple(Row("acme", "container", package, "1", "sha256:1", 10**12) for package in packages)


def snapshot(day: str, *packages: str) -> Snapshot:
    return Snapshot("images", f"{day}T00:00:00Z", rows_of(*packages))


def test_sharers_are_named_also_where_one_takes_anothers_place() -> None:
    """Their number stays the same at that instant, and yet it is another interval."""
    arrived = replace(*rows_of("c"), uploaded_at="2026-10-11T00:00:00Z")
    snapshots = (
        snapshot("2026-09-30", "a", "b"),
        snapshot("2026-10-11", "a", "b"),
        Snapshot("images", "2026-10-12T00:00:00Z", (*rows_of("a"), arrived)),
        snapshot("2026-11-01", "a", "c"),
    )
    case = Case(snapshots, (), None, OCTOBER)
    with books(case) as these:
        (line,) = explanation_of(these, "acme", OCTOBER, "container/a").lines
    allocations = [(allocation.start, allocation.sharers, allocation.named) for allocation in line.blobs[0].allocations]
    assert allocations == [
        (parse_instant("2026-10-01T00:00:00Z"), 2, ("container/b",)),
        (parse_instant("2026-10-11T00:00:00Z"), 2, ("container/c",)),
    ]


def test_many_sharers_are_counted_and_the_first_are_named() -> None:
    names = [f"p{number}" for number in range(6)]
    case = Case((snapshot("2026-10-01", *names), snapshot("2026-11-01", *names)), (), None, OCTOBER)
    with books(case) as these:
        text = explanation_text(explanation_of(these, "acme", OCTOBER, "container/p1"))
    assert "/ 6, shared with container/p0, container/p2, container/p3 and 2 more: 446,4" in text


def test_the_event_that_counts_is_told() -> None:
    """Deleted, restored and deleted again within a second, then once more: the second deletion is the one."""
    same = "2026-10-10T00:00:00Z"
    events = (
        event("1", "package.linked", "acme/container/a", "2026-09-01T00:00:00Z", repository="widgets"),
        event("2", "repository.deleted", "acme/widgets", same),
        event("3", "repository.restored", "acme/widgets", same),
        event("4", "repository.deleted", "acme/widgets", same),
        event("5", "repository.deleted", "acme/widgets", "2026-10-11T00:00:00Z"),
        event("6", "repository.restored", "acme/widgets", "2026-10-20T00:00:00Z"),
    )
    case = Case((snapshot("2026-10-01", "a"), snapshot("2026-11-01", "a")), events, None, OCTOBER)
    with books(case) as these:
        explained = explanation_of(these, "acme", OCTOBER)
    live, deleted = explained.lines
    assert [state.changed_by and state.changed_by.event_id for state in live.states] == [None, "6"]
    (state,) = deleted.states
    assert state.changed_by is not None
    assert state.linked_by is not None
    assert (state.changed_by.event_id, state.linked_by.event_id) == ("4", "1")
    assert state.kept_until == parse_instant("2026-11-09T00:00:00Z")


def test_what_carries_nothing_says_who_carries_it() -> None:
    events = (event("1", "package.deleted", "acme/container/a", "2026-10-10T00:00:00Z"),)
    case = Case((snapshot("2026-10-01", "a", "b"), snapshot("2026-11-01", "a", "b")), events, None, OCTOBER)
    with books(case) as these:
        explained = explanation_of(these, "acme", OCTOBER)
    # What is deleted has no line, since b carries all of it; of b's, the second half is whole.
    lines = {package_name(line.line.key): line for line in explained.lines}
    assert [allocation.sharers for allocation in lines["container/b"].blobs[0].allocations] == [2, 1]
    assert [line.line.key.state for line in explained.lines] == ["live", "live"]


def test_a_closed_month_is_explained_from_what_was_known_then() -> None:
    """And what came later stands on the next month as a correction, in every format."""
    card: dict[str, Any] = {
        "currency": "USD",
        "rule": [{"effective_from": date(2025, 1, 1), "retention_days": 30, "charged": ["live"], "share": "workspace"}],
        "rate": [{"effective_from": date(2025, 1, 1), "unit": "GB", "tiers": [{"price": "0.25"}]}],
    }
    case = Case((snapshot("2026-10-01", "a"), snapshot("2026-11-01", "a")), (), card, OCTOBER)
    late = (event("1", "package.deleted", "acme/container/a", "2026-10-16T00:00:00Z"),)
    with books(case) as these:
        before = json.loads(acct(these, "explain", "--workspace", "acme", "--month", OCTOBER, "--format", "json"))
        acct(these, "close", "--month", OCTOBER, "--yes")
        these.take([Events(late), Snapshot("late", "2026-10-01T00:00:00Z", rows_of("a"))])
        these.take([Snapshot("late", "2026-11-02T00:00:00Z", ()), snapshot("2026-11-02", "a")])
        after = json.loads(acct(these, "explain", "--workspace", "acme", "--month", OCTOBER, "--format", "json"))
        assert after == {**before, "status": "closed"}
        november = ("explain", "--workspace", "acme", "--month", "2026-11")
        corrections = json.loads(acct(these, *november, "--format", "json"))["corrections"]
        text = acct(these, *november)
    assert [(line["state"], line["amount"]) for line in corrections] == [
        ("live", "-129.03"),
        ("package_deleted", "0.00"),
    ]
    assert "Correction of the closed month 2026-10 for container/a in no repository, live: -129.03 USD" in text


# Large and hostile


@pytest.mark.parametrize("blobs", [3_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_line_of_many_blobs(blobs: int, tmp_path: Path) -> None:
    """Text shows the largest and a sum of the rest; the other formats carry everything."""
    month = Month.parse(OCTOBER)
    rows = pl.DataFrame(
        {
            "package": ["web"] * blobs + ["api"] * 3,
            "digest": [f"sha256:{number}" for number in [*range(blobs), 0, 1, 2]],
            "size_bytes": [1000 + number for number in [*range(blobs), 0, 1, 2]],
        }
    ).with_columns(
        workspace=pl.lit("acme"), format=pl.lit("container"), version=pl.lit("1"), uploaded_at=pl.lit(None, pl.Int64)
    )
    path = tmp_path / "acct.duckdb"
    record(path, rows)
    with reading(path) as ledger:
        few = explain(ledger, "acme", month, "container/web", blobs=20)
        every = explain(ledger, "acme", month, "container/web")
    check(few)
    check(every)
    text = explanation_text(few)
    assert len(text) < 10_000
    assert f"{blobs - 20:,} more blobs: " in text
    assert text.index(f"sha256:{blobs - 1}") < text.index(f"sha256:{blobs - 2}") < text.index("more blobs")
    assert len(explanation_csv(every).splitlines()) == blobs + 1
    assert len(json.loads(explanation_json(every))["lines"][0]["blobs"]) == blobs


@pytest.fixture(scope="module", name="hostile")
def hostile_(hostile_folder: Path) -> Path:
    return hostile_folder


@pytest.mark.parametrize("workspace", ["acme", *HOSTILE])
def test_hostile_names_are_shown_and_not_obeyed(hostile: Path, workspace: str) -> None:
    def shown(format_: str) -> str:
        asked = ("explain", f"--workspace={workspace}", "--month", OCTOBER, "--format", format_)
        result = run(*asked, cwd=hostile)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert all(char.isprintable() or char == "\n" for char in shown("text"))
    explained = json.loads(shown("json"))
    assert explained["workspace"] == workspace
    packages = {line["package"] for line in explained["lines"]}
    assert packages == (set(HOSTILE) if workspace == "acme" else {"ui"})
    rows = list(csv.reader(io.StringIO(shown("csv"), newline="")))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.lstrip()[:1] in ("=", "+", "-", "@")]
    assert {row[4] for row in rows[1:]} == {"'" + name if name.startswith(("=", "'")) else name for name in packages}


def test_cells_are_guarded_and_a_lone_carriage_return_is_quoted(tmp_path: Path) -> None:
    names = ["@acme/ui", "+1", "-1", "\t=1", "＝1", "'=1", "a\rb", 'say "a, b"']
    rows = pl.DataFrame({"package": names, "digest": names}).with_columns(
        workspace=pl.lit("acme"), format=pl.lit("npm"), version=pl.lit("1"), size_bytes=pl.lit(10**9, pl.Int64),
        uploaded_at=pl.lit(None, pl.Int64),
    )  # fmt: skip
    record(tmp_path / "acct.duckdb", rows)
    target = tmp_path / "bill.csv"
    asked = ("explain", "--workspace", "acme", "--month", OCTOBER, "--output", target)
    assert run(*asked, cwd=tmp_path).exit_code == 0
    with target.open(encoding="utf-8", newline="") as file:
        read = [row[4] for row in csv.reader(file)][1:]
    assert sorted(read) == sorted(["'@acme/ui", "'+1", "'-1", "'\t=1", "'＝1", "''=1", "a\rb", 'say "a, b"'])
    assert b'"a\rb"' in target.read_bytes()


def record(path: Path, rows: pl.DataFrame) -> None:
    """A ledger in which October begins and ends with these rows."""
    month = Month.parse(OCTOBER)
    with writing(path) as ledger:
        for taken_at in (month.start, month.end):
            take_in(ledger, Offer("images", taken_at, digest_of_frame(rows), rows, str))


def test_the_nearest_package_is_named() -> None:
    case = Case((snapshot("2026-10-01", "web", "api"), snapshot("2026-11-01", "web", "api")), (), None, OCTOBER)
    with books(case) as these, pytest.raises(AcctError, match="Did you mean container/web"):
        explanation_of(these, "acme", OCTOBER, "container/wbe")
