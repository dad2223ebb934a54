"""Closing, corrections and verifying: what is sealed stays, what comes later stands on the next open month."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import astuple, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounting.closing.verifying import verify
from accounting.facts.sealed import closings
from accounting.instants import Month, format_instant
from accounting.ledger import reading
from accounting.model import Correction, Line
from tests.support import model_of_rules as model
from tests.support.cli_runner import Result, run
from tests.support.closing import (
    CARD,
    SNAPSHOT,
    billable,
    bills_stated,
    known_until,
    late_evidence,
    seal,
    with_steps,
)
from tests.support.histories import histories
from tests.support.laws import tried
from tests.support.model_of_rules import Bill, Case, epoch
from tests.support.project import Books, Card, books, steps_of

Figures = tuple[int, int]
Key = tuple[str | None, str, str, str]


# Any history, closed, then any late evidence


@tried(6)
@given(histories(), st.data())
def test_what_was_sealed_and_the_corrections_are_what_all_evidence_says(case: Case, data: st.DataObject) -> None:
    """At each closing and after each batch of late evidence: events, snapshots, retirements and retroactive cards."""
    month = Month.parse(case.month)
    case = known_until(case, month.next.next.end)
    known, late = data.draw(late_evidence(case, month))
    assume(billable(known, [month]) and (model.coverage(known) or 0) >= month.end)
    with books(known) as these:
        closed, sealed = [month], seal(these, month)
        for batch in late:
            these.take(batch)
            known = with_steps(known, batch)
            if not billable(known, [*closed, closed[-1].next]):
                continue  # until more is known
            assert_stated(these, known, closed)
            if (model.coverage(known) or 0) >= closed[-1].next.end and data.draw(st.booleans()):
                closed.append(closed[-1].next)
                sealed |= seal(these, closed[-1])
                assert_stated(these, known, closed)
        with reading(these.ledger) as ledger:
            assert list(verify(ledger, closings(ledger), lambda progress: None)) == []
        assume(billable(known, [*closed, closed[-1].next]))  # what came last may be what no card can bill
        shown = bills_stated(these, [*closed, closed[-1].next])
        assert shown.items() >= sealed.items()
        these.take([step for step in steps_of(known) if not isinstance(step, Card)])
        assert bills_stated(these, [*closed, closed[-1].next]) == shown


def assert_stated(these: Books, known: Case, closed: Sequence[Month]) -> None:
    """Of each closed month, its lines and all corrections of it are what the model says of all that is known."""
    shown: dict[tuple[str, str, Key], Figures] = {}
    for (month, workspace), each in bills_stated(these, [*closed, closed[-1].next]).items():
        lines: list[tuple[str, Line | Correction]] = [(str(other.month), other) for other in each.corrections]
        if Month.parse(month) in closed:
            lines += [(month, line) for line in each.lines]
        for of_month, line in lines:
            key = (of_month, workspace, astuple(line.key))
            sum_so_far = shown.get(key, (0, 0))
            shown[key] = (sum_so_far[0] + line.byte_seconds, sum_so_far[1] + (line.amount_minor or 0))
    expected = {
        (str(month), workspace, (line.repository, line.format, line.package, line.state)): (
            line.byte_seconds,
            int((line.amount or "0").replace(".", "")),
        )
        for month in closed
        for workspace, bill in model.bills(to_its_end(known, month)).items()
        if isinstance(bill, Bill)
        for line in bill.lines
    }
    assert {key: figures for key, figures in shown.items() if figures != (0, 0)} == expected


def to_its_end(known: Case, month: Month) -> Case:
    """A closed month as it is known: a source that is known for a part of it only tells of that part."""
    latest = {snapshot.source: epoch(snapshot.taken_at) for snapshot in known.snapshots}
    partly = tuple((source, format_instant(at)) for source, at in latest.items() if at < month.end)
    return replace(known, month=str(month), retired=(*known.retired, *partly))


# By the command line

ROWS = "acme,container,web,1,sha256:base,1000000000,\nacme,container,web,1,sha256:web,2000000000,\n"


@pytest.fixture(scope="module")
def nothing_closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose months August to October 2026 are final: 3 GB live all the time, at one dollar."""
    made = tmp_path_factory.mktemp("nothing-closed")
    (made / "acme.csv").write_text(SNAPSHOT + ROWS)
    (made / "rates.toml").write_text(CARD)
    for month in ("07", "08", "09", "10", "11"):
        take_snapshot(made, f"2026-{month}-01T00:00:00Z")
    acct(made, "rates", "load", "rates.toml")
    return made


@pytest.fixture
def folder(nothing_closed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(nothing_closed, tmp_path, dirs_exist_ok=True)


def acct(folder: Path, *arguments: object) -> Result:
    ended = run(*arguments, cwd=folder)
    assert ended.exit_code == 0, ended.stderr
    return ended


def take_snapshot(folder: Path, at: str, file: str = "acme.csv", source: str = "images") -> None:
    acct(folder, "import", "snapshot", file, "--source", source, "--taken-at", at)


def delete_package(folder: Path, at: str, verb: str = "deleted") -> None:
    event = {"specversion": "1.0", "source": "hub", "id": f"{verb} {at}", "time": at,
             "type": f"registry.package.{verb}", "subject": "acme/container/web"}  # fmt: skip
    (folder / "late.jsonl").write_text(json.dumps(event))
    acct(folder, "import", "events", "late.jsonl")


def bill(folder: Path, month: str) -> dict[str, Any]:
    return dict(json.loads(acct(folder, "report", "-w", "acme", "--month", month, "--format", "json").stdout))


def corrected(folder: Path, month: str) -> dict[tuple[str, str], str]:
    """Amounts of corrections by month and state."""
    return {(c["month"], c["state"]): c["amount"] for c in bill(folder, month)["corrections"]}


def test_closing_asks_and_keeps_its_order(folder: Path) -> None:
    refused = run("close", "--month", "2026-08", cwd=folder)
    assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    early = run("close", "--month", "2026-11", "--yes", cwd=folder)
    assert early.exit_code == 3
    assert "what is known ends with images at 2026-11-01T00:00:00Z" in early.stderr
    assert "1 statement sealed" in acct(folder, "close", "--month", "2026-08", "--yes").stderr
    assert "already closed" in acct(folder, "close", "--month", "2026-08", "--yes").stderr
    for month, next_one in (("2026-10", "2026-09"), ("2026-07", "2026-09")):
        refused = run("close", "--month", month, "--yes", cwd=folder)
        assert (refused.exit_code, f"Close {next_one}" in refused.stderr) == (1, True)
    assert "2026-08   closed" in acct(folder, "status").stdout


def test_a_first_closing_says_which_months_can_no_longer_be_closed(folder: Path) -> None:
    shown = acct(folder, "close", "--month", "2026-09", "--yes").stderr
    assert "2026-07 to 2026-08 are not closed, and cannot be closed after 2026-09 is" in shown


def test_what_closing_says_before_it_asks(tmp_path: Path) -> None:
    """Without a card there are no amounts to seal; what is not covered, or not known, is refused before any note."""
    (tmp_path / "acme.csv").write_text(SNAPSHOT + ROWS)
    for month in ("08", "09", "10"):
        take_snapshot(tmp_path, f"2026-{month}-01T00:00:00Z")
    early = run("close", "--month", "2026-10", cwd=tmp_path)
    assert (early.exit_code, "not covered yet" in early.stderr, "not closed" in early.stderr) == (3, True, False)
    unknown = run("close", "--month", "2026-07", "--yes", cwd=tmp_path)
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "acct: month 2026-07: is unknown, since it ends before the first snapshot, of 2026-08-01T00:00:00Z: it has no"
        " bill. Name 2026-08 or a later month.\n",
    )
    without = run("close", "--month", "2026-09", "--yes", cwd=tmp_path)
    assert (without.exit_code, "give --without-rates" in without.stderr) == (1, True)
    assert "would be sealed without amounts" in without.stderr
    asked = run("close", "--month", "2026-09", "--without-rates", cwd=tmp_path)
    assert (asked.exit_code, "Give --yes" in asked.stderr) == (1, True)
    assert "no rate card is loaded, so statements are sealed without amounts" in asked.stderr
    assert "2026-08 is not closed" in asked.stderr
    acct(tmp_path, "close", "--month", "2026-09", "--yes", "--without-rates")
    assert "already closed" in acct(tmp_path, "close", "--month", "2026-09").stderr


def test_late_evidence_stands_on_the_next_open_month_once(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    sealed = acct(folder, "report", "-w", "acme", "--month", "2026-08", "--format", "json").stdout
    assert json.loads(sealed)["status"] == "closed"
    delete_package(folder, "2026-08-17T00:00:00Z")  # 15 of 31 days less
    assert acct(folder, "report", "-w", "acme", "--month", "2026-08", "--format", "json").stdout == sealed
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "-1.45", ("2026-08", "package_deleted"): "0.00"}
    september = bill(folder, "2026-09")
    assert september["total"]["amount"] == "-1.45"
    for figure in ("byte_seconds", "amount"):
        shown = [Fraction(line[figure]) for line in (*september["lines"], *september["corrections"])]
        assert sum(shown) == Fraction(september["total"][figure])
    assert corrected(folder, "2026-10") == {}
    acct(folder, "close", "--month", "2026-09", "--yes")
    assert bill(folder, "2026-09") == september | {"status": "closed"}
    assert corrected(folder, "2026-10") == {}
    # A correction of the correction: it was restored a day later.
    delete_package(folder, "2026-08-18T00:00:00Z", "restored")
    assert corrected(folder, "2026-10")["2026-08", "live"] == "1.35"
    assert corrected(folder, "2026-10")["2026-09", "live"] == "3.00"
    acct(folder, "close", "--month", "2026-10", "--yes")
    assert "3 closed months verified" in acct(folder, "verify").stderr


def test_a_source_that_comes_late_corrects_too(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    (folder / "late.csv").write_text(
        SNAPSHOT + "acme,npm,ui,1,sha256:ui,1000000000,\nzoo,npm,ape,1,sha256:a,1000000000,\n"
    )
    for at in ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        take_snapshot(folder, at, "late.csv", "late")
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "1.00"}
    shown = acct(folder, "report", "-w", "zoo", "--month", "2026-08", "--format", "json").stdout
    assert (json.loads(shown)["status"], json.loads(shown)["lines"]) == ("closed", [])
    shown = acct(folder, "report", "-w", "zoo", "--month", "2026-09", "--format", "json").stdout
    assert json.loads(shown)["total"]["amount"] == "2.00"
    acct(folder, "verify")


def test_what_a_late_source_held_last_is_not_charged_after_it_was_seen(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    (folder / "late.csv").write_text(SNAPSHOT + "acme,npm,ui,1,sha256:ui,31000000000,\n")
    take_snapshot(folder, "2026-08-01T00:00:00Z", "late.csv", "late")
    assert corrected(folder, "2026-09") == {}
    take_snapshot(folder, "2026-08-11T00:00:00Z", "late.csv", "late")
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "10.00"}
    take_snapshot(folder, "2026-11-01T00:00:00Z", "late.csv", "late")
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "31.00"}


def test_a_card_that_changes_a_closed_month_must_say_so(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    (folder / "dearer.toml").write_text(CARD.replace('price = "1"', 'price = "2"'))
    refused = run("rates", "load", "dearer.toml", cwd=folder)
    assert refused.exit_code == 1
    assert "month 2026-08: is closed, and the rate card would change it" in refused.stderr
    acct(folder, "rates", "load", "dearer.toml", "--retroactive")
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "3.00"}
    assert bill(folder, "2026-09")["total"]["amount"] == "9.00"
    (folder / "later.toml").write_text(
        (folder / "dearer.toml").read_text()
        + '[[rate]]\neffective_from = 2026-10-01\nunit = "GB"\ntiers = [{ price = "0" }]\n'
    )
    acct(folder, "rates", "load", "later.toml")  # changes no closed month
    (folder / "yen.toml").write_text(CARD.replace("USD", "JPY"))
    assert "in USD" in run("rates", "load", "yen.toml", "--retroactive", cwd=folder).stderr
    (folder / "late.toml").write_text(re.sub(r"effective_from = \S+", "effective_from = 2026-08-02", CARD))
    late = run("rates", "load", "late.toml", "--retroactive", cwd=folder)
    assert "month 2026-08: is closed, but the rate card has no rule or no rate at its start" in late.stderr
    acct(folder, "verify")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            "UPDATE holdings SET size_bytes = size_bytes + 1",
            "month 2026-08, workspace acme: the line –/container/web/live",
        ),
        ("UPDATE holdings SET valid_from = valid_from + 3600 * 24 * 40", "month 2026-08, workspace acme"),
        ("DELETE FROM events", "month 2026-08, workspace acme: the line"),
        (
            "UPDATE sealed_lines SET byte_seconds = byte_seconds - 1",
            "the sealed lines are not those of the sealed statement",
        ),
        ("UPDATE sealed_statements SET statement = replace(statement, 'final', 'fine') || ' '", "another digest"),
        ("UPDATE rate_cards SET toml = replace(toml, '\"1\"', '\"2\"')", "month 2026-08, workspace acme: the line"),
        ("INSERT INTO blobs SELECT * FROM blobs", "law blobs stand once"),
    ],
)
def test_verify_finds_rows_that_were_changed_by_hand(folder: Path, change: str, named: str) -> None:
    delete_package(folder, "2026-08-31T00:00:00Z")
    acct(folder, "close", "--month", "2026-08", "--yes")
    acct(folder, "verify", "--month", "2026-08")
    with duckdb.connect(str(folder / "acct.duckdb")) as ledger:
        ledger.execute(change)
    found = run("verify", cwd=folder)
    assert found.exit_code == 1
    assert named in found.stderr
    assert "Traceback" not in found.stderr


def test_corrections_are_shown_and_add_up_for_the_eye(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    delete_package(folder, "2026-08-17T00:00:00Z")
    text = acct(folder, "report", "-w", "acme", "--month", "2026-09").stdout
    assert "With -1.45 USD for 2 corrections of closed months, the total is -1.45 USD." in text
    assert [line.split()[1:] for line in text.splitlines() if line.startswith(" Total")][:2] == [
        ["3.000", "0.00"],
        ["0.000", "-1.45"],
    ]
    assert any(line.split()[-3:] == ["live", "-1.452", "-1.45"] for line in text.splitlines())
    assert "0.00 for 2026-09 plus -1.45 for closed months is -1.45 USD." in text
    page = acct(folder, "report", "-w", "acme", "--month", "2026-09", "--format", "html").stdout
    assert "Corrections of closed months" in page
    assert "package deleted (free)" in page
