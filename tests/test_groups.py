"""Months and groups add up exactly to the statements that they are made of, whatever the names."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from accounting.billing.grouping import GROUPS, add, grouped, statements, total
from accounting.billing.trend import trend
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.instants import Month
from accounting.ledger import reading
from accounting.rendering.months import months_html, months_json, months_text
from tests.cli_runner import run
from tests.golden import KEPT, load, minor_units
from tests.test_compare import BILL
from tests.test_reports import HOSTILE, Page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with shared blobs, deletions and plans, in a ledger."""
    folder = tmp_path_factory.mktemp("groups")
    case = load(KEPT / "random-0007")
    for file, source, taken_at in case.snapshot_files():
        taken = run("import", "snapshot", file, "--source", source, "--taken-at", taken_at, cwd=folder)
        assert taken.exit_code == 0, taken.stderr
    assert run("import", "events", case.folder / "events.jsonl", cwd=folder).exit_code == 0
    assert run("rates", "load", case.folder / "card.toml", cwd=folder).exit_code == 0
    (folder / "case.json").write_text(json.dumps(case.expected), encoding="utf-8")
    return folder


@pytest.mark.parametrize("by", GROUPS)
def test_groups_add_up_to_the_total(folder: Path, by: str) -> None:
    expected = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    month = Month.parse(expected["month"])
    for workspace in expected["workspaces"]:
        with reading(folder / "acct.duckdb") as ledger:
            bills = statements(ledger, workspace, [month, month.next])
        groups = grouped(bills, by)
        assert len({group.name for group in groups}) == len(groups)
        for i, bill in enumerate(bills):
            assert add([group.months[i] for group in groups]).byte_seconds == bill.byte_seconds
            assert (add([group.months[i] for group in groups]).amount_minor or 0) == bill.amount_minor
        assert add([group.total for group in groups]) == add([total(bill) for bill in bills])


def test_the_range_is_the_months_statements(folder: Path) -> None:
    expected = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    month, workspace = expected["month"], min(expected["workspaces"])
    after = str(Month.parse(month).next)

    def report(*args: str) -> dict[str, Any]:
        shown = run("report", "-w", workspace, "--format", "json", *args, cwd=folder)
        assert shown.exit_code == 0, shown.stderr
        told: dict[str, Any] = json.loads(shown.stdout)
        return told

    ranged = report("--month", f"{month}..{after}")
    alone = [report("--month", each) for each in (month, after)]
    assert ranged["months"] == alone
    assert minor_units(ranged["total"]["amount"]) == sum(minor_units(each["total"]["amount"]) for each in alone)
    for figure in ("byte_seconds", "charged_byte_seconds"):
        assert int(ranged["total"][figure]) == sum(int(each["total"][figure]) for each in alone)


def test_corrections_count_where_they_belong() -> None:
    """In both figures, as in a statement's total; its unit-months are those of the month that it corrects."""
    (group,) = grouped([BILL], "package")
    assert (group.name, group.total) == (("container", "web"), total(BILL))
    assert group.total.byte_seconds == int(json.loads(statement_json(BILL))["total"]["byte_seconds"])
    assert group.total.byte_months == Fraction(10**18, 31 * 86_400) - Fraction(1000, 30 * 86_400)
    told = json.loads(months_json([BILL, replace(BILL, month=BILL.month.next, corrections=())], "state"))
    assert int(told["total"]["byte_seconds"]) == sum(int(each["total"]["byte_seconds"]) for each in told["months"])
    assert [int(each["byte_seconds"]) for each in told["groups"]] == [int(told["total"]["byte_seconds"])]


def test_corrections_are_told_beside_what_was_stored() -> None:
    corrected = replace(BILL, corrections=(replace(BILL.corrections[0], byte_seconds=-(30 * 86_400 * 10**9)),))
    bills = [corrected, replace(BILL, month=BILL.month.next, corrections=())]
    text = months_text(bills, None)
    assert "of them charged, and -1.000 by corrections, each of its own month's GB-months" in text
    assert [line.split()[-2:] for line in text.splitlines() if line.startswith(" 20")] == [
        ["-1.000", "0.70"],
        ["0.000", "0.70"],
    ]
    assert "GB-months with corrections" in months_text(bills, "state")
    assert "corrections" not in months_text(bills[1:], "state")


def test_names_are_shown_and_never_obeyed() -> None:
    lines = tuple(replace(BILL.lines[0], key=replace(BILL.lines[0].key, package=name)) for name in HOSTILE)
    bill = replace(BILL, workspace=HOSTILE[0], lines=lines, corrections=())
    bills = [bill, replace(bill, month=bill.month.next, status="provisional")]
    text = months_text(bills, "package")
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "Provisional: 2026-11" in text
    page = Page(months_html(bills, "package"))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "a"}
    assert "{{ 7 * 7 }}{% raw %}" in page.text
    assert r"abc\u202egnp.exe" in page.text
    headers = [dict(attributes) for tag, attributes in page.tags if tag == "th"]
    assert all(header.get("scope") in ("col", "row") for header in headers)


def test_months_are_drawn_and_told(folder: Path) -> None:
    """The page has a picture of the months, which is read aloud as one, and the table of what changed most."""
    expected = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    month = Month.parse(expected["month"])
    with reading(folder / "acct.duckdb") as ledger:
        bills = statements(ledger, min(expected["workspaces"]), [month.before, month, month.next])
        changes = trend(ledger, bills)
    assert changes is not None
    page = Page(months_html(bills, None, changes))
    (picture,) = [dict(attributes) for tag, attributes in page.tags if tag == "svg"]
    assert picture["role"] == "img"
    assert any(text.startswith("Mean G") for text in page.text)
    assert any(text.startswith("What changed most, mean G") for text in page.text)
    with mock.patch.dict("sys.modules", {"vl_convert": None}):
        page = Page(months_html(bills, None, changes))
    assert "svg" not in {tag for tag, _ in page.tags}
    assert any("extra `plots`" in text for text in page.text)


def test_two_currencies_are_not_added(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    bills = iter([BILL, replace(BILL, currency="EUR", month=BILL.month.next)])
    monkeypatch.setattr("accounting.billing.grouping.statement", lambda *_: next(bills))
    with reading(folder / "acct.duckdb") as ledger, pytest.raises(AcctError, match="2026-11 in EUR; report them apart"):
        statements(ledger, "acme", [BILL.month, BILL.month.next])
