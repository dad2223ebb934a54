"""Comparing a month under two cards gives what two reports give, each made with one of the cards loaded."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accounting.analysis.comparing import side_by_side
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.model import Correction, Line, LineKey
from accounting.rendering.analysis.comparison import comparisons_json, comparisons_text
from tests.support.cli_runner import run
from tests.support.golden import GoldenCase, minor_units, named_cases
from tests.support.statements import BILL, WEB

OTHER = """
currency = "{currency}"

[[rule]]
effective_from = 1970-01-01
retention_days = 3
charged = ["live", "package_deleted", "expired"]
share = "package"

[[rate]]
effective_from = 1970-01-01
unit = "GiB"
tiers = [{{ up_to = "0.01", price = "0.9" }}, {{ price = "0.33" }}]
"""
CASES = ["repository-deleted-is-charged-for-30-days", "tiers-allowance-plan-change", "leap-february-yen", "random-0007"]
KEY = ("repository", "format", "package", "state")


@pytest.mark.parametrize("case", named_cases(*CASES), ids=CASES)
def test_two_reports_say_the_same(case: GoldenCase, tmp_path: Path) -> None:
    def acct(*args: object) -> str:
        result = run(*args, cwd=tmp_path)
        assert result.exit_code == 0, (args, result)
        return result.stdout

    for file, source, taken_at in case.snapshot_files():
        acct("import", "snapshot", file, "--source", source, "--taken-at", taken_at)
    acct("import", "events", case.folder / "events.jsonl")
    acct("rates", "load", case.folder / "card.toml")
    month = case.expected["month"]
    (tmp_path / "other.toml").write_text(OTHER.format(currency=case.expected["currency"]), encoding="utf-8")
    before = (tmp_path / "acct.duckdb").read_bytes()
    compared = json.loads(acct("rates", "compare", "other.toml", "--month", month, "--format", "json"))
    assert (tmp_path / "acct.duckdb").read_bytes() == before

    assert [each["workspace"] for each in compared["workspaces"]] == sorted(case.expected["workspaces"])
    for side in ("in_force", "other"):
        for each in compared["workspaces"]:
            report = json.loads(acct("report", "-w", each["workspace"], "--month", month, "--format", "json"))
            shown = [{name: line[name] for name in (*KEY, "byte_seconds", "amount")} for line in report["lines"]]
            assert lines(each["lines"], side) == shown
            assert each["total"][side] == {name: report["total"][name] for name in ("byte_seconds", "amount")}
        acct("rates", "load", "other.toml")
    for each in compared["workspaces"]:
        assert_adds_up(each["total"], each["lines"])
    assert_adds_up(compared["total"], [each["total"] for each in compared["workspaces"]])


def lines(compared: Iterable[dict[str, Any]], side: str) -> list[dict[str, Any]]:
    """A side's lines, as a report gives them."""
    return [{**{name: line[name] for name in KEY}, **line[side]} for line in compared if line[side]]


def assert_adds_up(total: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    for side in ("in_force", "other", "difference"):
        figures = [part[side] for part in parts if part[side]]
        assert sum(int(figure["byte_seconds"]) for figure in figures) == int(total[side]["byte_seconds"])
        assert sum(minor_units(figure["amount"]) for figure in figures) == minor_units(total[side]["amount"])
    change = int(total["other"]["byte_seconds"]) - int(total["in_force"]["byte_seconds"])
    assert change == int(total["difference"]["byte_seconds"])


def test_corrections_stand_beside_the_lines() -> None:
    """What corrects an earlier month is the same under every card, and counts in both totals."""
    comparison = side_by_side(BILL, replace(BILL, amount_minor=20, lines=(Line(WEB, True, 10**18, 50),)), "other.toml")
    assert [(line.month, line.change.amount_minor) for line in comparison.lines] == [(None, -50), (Month(2026, 9), 0)]
    assert comparison.change.amount_minor == -50
    shown = json.loads(comparisons_json([comparison], "other.toml", "2026-10"))["workspaces"][0]
    assert len(shown["lines"]) == 1
    assert [(each["month"], each["other"]["amount"]) for each in shown["corrections"]] == [("2026-09", "-0.30")]
    assert_adds_up(shown["total"], [*shown["lines"], *shown["corrections"]])
    assert "live, correction of 2026-09" in comparisons_text([comparison], "other.toml")


def test_unit_months_add_up_by_eye() -> None:
    """Each third of a GB-month rounds down to 0.333, and the three of them are one; under the other card two are."""
    third = BILL.month.seconds * 10**9 // 3
    keys = [LineKey("gadgets", "container", package, "live") for package in ("api", "ui", "web")]
    correction = (Correction(Month(2026, 9), WEB, 10**18, 5),)
    ours = replace(BILL, byte_seconds=3 * third, lines=tuple(Line(key, True, third, 20) for key in keys))
    theirs = replace(BILL, byte_seconds=4 * third, lines=tuple(Line(key, True, 2 * third, 20) for key in keys[:2]))
    comparison = side_by_side(
        replace(ours, corrections=correction), replace(theirs, corrections=correction), "other.toml"
    )
    cells = [line.split() for line in comparisons_text([comparison], "other.toml").splitlines()]
    assert [row[4:6] for row in cells if row[:1] == ["gadgets"] and len(row) == 9] == [
        ["0.334", "0.667"],
        ["0.333", "0.666"],
        ["0.333", "–"],
    ]
    assert next(row[1:3] for row in cells if row[:1] == ["total"]) == ["1.000", "1.333"]


def test_a_closed_month_is_now_by_the_card_that_it_was_sealed_with() -> None:
    closed = replace(BILL, status="closed")
    text = comparisons_text([side_by_side(closed, replace(BILL, amount_minor=20), "other.toml")], "other.toml")
    assert "Billed with the rate card that the month was sealed with: 0.70 USD. With other.toml: 0.20 USD." in text
    assert "Billed with the rate card in force:" in comparisons_text(
        [side_by_side(BILL, BILL, "other.toml")], "other.toml"
    )


def test_two_currencies_are_not_compared() -> None:
    """Also where a closed month was billed in another currency than the card in force has."""
    with pytest.raises(AcctError, match="bills in EUR, and 2026-10 is billed in USD"):
        side_by_side(BILL, replace(BILL, currency="EUR"), "euro.toml")
