"""Months and groups add up exactly to the statements that they are made of, whatever the names."""

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from accounting.analysis.trend import LineChange, Reasons, Trend, Versions, trend
from accounting.billing.grouping import GROUPS, add, grouped, statements, total
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.instants import Month
from accounting.ledger import reading
from accounting.model import LineKey
from accounting.rendering.analysis.trend import trend_section
from accounting.rendering.statement.months import months_html, months_json, months_markdown, months_text
from tests.support.cli_runner import run
from tests.support.golden import minor_units, named_cases
from tests.support.hostile import HOSTILE
from tests.support.markup import Page, tokens
from tests.support.statements import BILL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with shared blobs, deletions and plans, in a ledger."""
    folder = tmp_path_factory.mktemp("groups")
    (case,) = named_cases("shared-deleted-and-planned")
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
        output: dict[str, Any] = json.loads(shown.stdout)
        return output

    ranged = report("--month", f"{month}..{after}")
    alone = [report("--month", each) for each in (month, after)]
    assert ranged["months"] == alone
    assert minor_units(ranged["total"]["amount"]) == sum(minor_units(each["total"]["amount"]) for each in alone)
    for figure in ("byte_seconds", "charged_byte_seconds"):
        assert int(ranged["total"][figure]) == sum(int(each["total"][figure]) for each in alone)


def test_csv_of_a_range_adds_up_to_its_months(folder: Path) -> None:
    """Line by line as of one month, or a row per month and group."""
    expected = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    month, workspace = expected["month"], min(expected["workspaces"])
    range_ = ("report", "-w", workspace, "--month", f"{month}..{Month.parse(month).next}")
    total_ = json.loads(run(*range_, "--format", "json", cwd=folder).stdout)["total"]
    for by in ((), *(("--by", by) for by in GROUPS)):
        rows = list(csv.DictReader(io.StringIO(run(*range_, *by, "--format", "csv", cwd=folder).stdout)))
        assert sum(int(row["byte_seconds"]) for row in rows) == int(total_["byte_seconds"])
        assert sum(Decimal(row["amount"]) for row in rows) == Decimal(total_["amount"])


def test_corrections_count_where_they_belong() -> None:
    """In both figures, as in a statement's total; its unit-months are those of the month that it corrects."""
    (group,) = grouped([BILL], "package")
    assert (group.name, group.total) == (("container", "web"), total(BILL))
    assert group.total.byte_seconds == int(json.loads(statement_json(BILL))["total"]["byte_seconds"])
    assert group.total.byte_months == Fraction(10**18, 31 * 86_400) - Fraction(1000, 30 * 86_400)
    output = json.loads(months_json([BILL, replace(BILL, month=BILL.month.next, corrections=())], "state"))
    assert int(output["total"]["byte_seconds"]) == sum(int(each["total"]["byte_seconds"]) for each in output["months"])
    assert [int(each["byte_seconds"]) for each in output["groups"]] == [int(output["total"]["byte_seconds"])]


def test_corrections_have_a_row_of_their_own() -> None:
    """Under the month on whose bill they stand; with it they add up to the total, in unit-months and in money."""
    corrected = replace(BILL, corrections=(replace(BILL.corrections[0], byte_seconds=-(30 * 86_400 * 10**9)),))
    bills = [corrected, replace(BILL, month=BILL.month.next, corrections=())]
    text = months_text(bills, None)
    assert "were charged. Corrections add -1.000, each in GB-months of the month it corrects." in text
    rows = [line.split() for line in text.splitlines() if line.startswith((" 20", " Total"))]
    assert [tuple(row) for row in rows] == [
        ("2026-10", "final", "373.357", "373.357", "1.00"),
        ("2026-10", "corrections", "of", "2026-09", "-1.000", "–", "-0.30"),
        ("2026-11", "final", "385.803", "385.803", "0.70"),
        ("Total", "758.160", "759.160", "1.40"),
    ]
    assert "GB-months with corrections" in months_text(bills, "state")
    assert "corrections" not in months_text(bills[1:], "state")


def test_no_more_is_charged_than_stored_to_the_last_decimal() -> None:
    """Rows and columns add up as shown, and so does the sentence: all of a month is charged, or free, or neither."""
    stored = [19_188_400 * 86_400 * 30, 19_188_400 * 86_400 * 31, 19_188_400 * 86_400 * 30]
    for free in ((0, 0, 0), (0, 0, 300), (1, 1, 1), (0, 500_400, 0), (0, 19_188_400, 700), (600, 600, 19_188_400)):
        bills, month = [], Month(2026, 9)
        for byte_seconds, bytes_free in zip(stored, free, strict=True):
            charged = byte_seconds - bytes_free * month.seconds
            usage = {"byte_seconds": byte_seconds, "charged_byte_seconds": charged}
            bills.append(replace(BILL, month=month, corrections=(), **usage))  # type: ignore[arg-type]
            month = month.next
        text = months_text(bills, None)
        rows = [line.split() for line in text.splitlines() if line.startswith((" 20", " Total"))]
        *of_months, in_all = [(Decimal(row[-3]), Decimal(row[-2])) for row in rows]
        assert [sum(column) for column in zip(*of_months, strict=True)] == list(in_all)
        assert f"{in_all[0]} GB-months were stored. Of these, {in_all[1]} were charged." in text
        for (shown, shown_charged), bytes_free in zip(of_months, free, strict=True):
            assert 0 <= shown_charged <= shown
            assert bytes_free or shown_charged == shown
            assert bytes_free < 19_188_400 or not shown_charged


def test_names_are_shown_and_never_obeyed() -> None:
    lines = tuple(replace(BILL.lines[0], key=replace(BILL.lines[0].key, package=name)) for name in HOSTILE)
    bill = replace(BILL, workspace=HOSTILE[0], lines=lines, corrections=())
    bills = [bill, replace(bill, month=bill.month.next, status="provisional")]
    text = months_text(bills, "package")
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "Provisional: 2026-11" in text
    markdown = months_markdown(bills, "package")
    assert all(char.isprintable() or char == "\n" for char in markdown)
    assert not {token.type for token in tokens(markdown)} & {"html_block", "html_inline", "link_open", "image"}
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
    assert any(text.startswith("Average G") for text in page.text)
    assert any(text.startswith("What changed most from") for text in page.text)
    with mock.patch.dict("sys.modules", {"vl_convert": None}):
        page = Page(months_html(bills, None, changes))
    assert "svg" not in {tag for tag, _ in page.tags}
    assert any("extra `plots`" in text for text in page.text)


def test_what_changed_is_told_in_words() -> None:
    """Its money adds up with what corrections make of it; in 80 columns no name breaks and every reason is there."""
    first, last = replace(BILL, corrections=(), amount_minor=100), replace(BILL, month=BILL.month.next)
    key = LineKey("a-repository", "container", "a-package-of-a-team", "live")
    means = (Fraction(0), Fraction(7 * 10**9), Fraction(5 * 10**9))
    why = Reasons(came=Fraction(9 * 10**9), went=Fraction(-3 * 10**9))
    change = LineChange(key, means, why, Versions(3, 1), 0)
    bills = (first, replace(first, month=last.month), replace(last, month=last.month.next))
    output = trend_section(Trend(bills, (change,), Versions(3, 1)))
    assert output.rows == (
        ("container/a-package-of-a-team in a-repository", "live",
         "mostly in 2026-11: 3 new versions +9.000; 1 version removed -3.000; sharing changed -1.000",
         "0.000", "5.000", "5.000", "0.00"),
        ("Corrections of closed months", "–", "on the bill of 2026-12", "–", "–", "–", "-0.30"),
    )  # fmt: skip
    assert output.total is not None
    assert output.total[2].startswith("from 1.00 to 0.70 USD; mostly in 2026-11: 3 new versions +9.000")
    assert output.total[-1] == "-0.30"
    text = months_text(bills, None, 80, Trend(bills, (change,), Versions(3, 1)))
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith(" "))
    assert "container/a-package-of-a-team" in text
    assert "+9.000" in text


def test_two_currencies_are_not_added(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    bills = iter([BILL, replace(BILL, currency="EUR", month=BILL.month.next)])
    monkeypatch.setattr("accounting.billing.grouping.statement", lambda *_: next(bills))
    with reading(folder / "acct.duckdb") as ledger, pytest.raises(AcctError, match=r"2026-11 in EUR\. Report"):
        statements(ledger, "acme", [BILL.month, BILL.month.next])
