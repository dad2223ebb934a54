"""What counts at its very bound: to the second, to the month, to the plan; and what only rare evidence shows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from accounting.analysis.advising import advise
from accounting.analysis.whatif import what_if
from accounting.closing.closing import months_left_open
from accounting.collectors.files import event_file
from accounting.errors import AcctError
from accounting.facts.events import record
from accounting.instants import Month, format_instant
from accounting.ledger import reading, writing
from accounting.model import Correction, LineKey
from accounting.pages.statement_page import StatementPage, statement_pages
from accounting.rendering.statement.page_sections import sections
from tests.support import model_of_rules as model
from tests.support.closing import seal
from tests.support.deleting import CARD, GB
from tests.support.events import event
from tests.support.latest import iso
from tests.support.model_of_rules import DAY, Case, Row, Snapshot, epoch
from tests.support.project import Books, Card, Events, bill

SEPTEMBER, OCTOBER = Month.parse("2026-09"), Month.parse("2026-10")
ROW = Row("acme", "container", "web", "1", "sha256:1", 100 * GB)


def snapshots(*days: str, rows: Sequence[Row] = (ROW,)) -> list[Snapshot]:
    return [Snapshot("images", f"2026-{day}T00:00:00Z", tuple(rows)) for day in days]


def card(**changes: Any) -> dict[str, Any]:
    """The card with one rule and one rate, of which each takes what it has of these."""
    rule, rate = CARD["rule"][0], CARD["rate"][0]
    return {
        "currency": "USD",
        "rule": [{name: changes.get(name, value) for name, value in rule.items()}],  # type: ignore[attr-defined]
        "rate": [{name: changes.get(name, value) for name, value in rate.items()}],  # type: ignore[attr-defined]
    }


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """September and October are final, and nothing is closed."""
    these = Books(tmp_path)
    these.take([*snapshots("09-01", "10-01", "11-01"), Card(CARD)])
    return these


@pytest.mark.parametrize("share", ["package", "workspace"])
def test_a_blob_whose_holders_change_often_is_billed_once(share: str) -> None:
    """In a month in which packages do not share it as well."""
    rows = [replace(ROW, package=package) for package in ("web", "api")]
    verbs = ("package.deleted", "package.restored")
    events = tuple(
        event(f"{number:03}", verbs[number % 2], "acme/container/api", iso(SEPTEMBER.start + number * 3600 * 3))
        for number in range(160)
    )
    case = Case(tuple(snapshots("09-01", "10-01", rows=rows)), events, card(share=share), "2026-09")
    assert bill(case) == model.bills(case)


def test_a_blob_that_one_source_holds_all_the_time_is_billed_once_while_another_holds_it_twice() -> None:
    times = [("a", "01", True), ("b", "05", True), ("b", "10", True), ("b", "12", False), ("b", "15", True),
             ("b", "20", True), ("b", "25", False), ("a", "30", True)]  # fmt: skip
    seen = tuple(Snapshot(source, f"2026-09-{day}T00:00:00Z", (ROW,) if held else ()) for source, day, held in times)
    case = Case(seen, (), CARD, "2026-09")
    assert bill(case) == model.bills(case)


def test_a_card_may_change_on_the_first_day_after_a_closed_month(books: Books) -> None:
    seal(books, SEPTEMBER)
    dearer = {"unit": "GB", "tiers": [{"price": "1"}]}
    day, next_day = (OCTOBER.start - 1, OCTOBER.start)
    for at, accepted in ((day, False), (next_day, True)):
        rates = [*CARD["rate"], {"effective_from": date.fromisoformat(format_instant(at)[:10]), **dearer}]
        changed = Card({**CARD, "rate": rates})
        if accepted:
            books.take([changed])
        else:
            with pytest.raises(AcctError, match="month 2026-09: is closed, and the rate card would change it"):
                books.take([changed])


def test_a_retroactive_card_may_begin_with_the_closed_month(books: Books) -> None:
    seal(books, SEPTEMBER)
    books.take([Card(card(effective_from=date(2026, 9, 1), tiers=[{"price": "1"}]), retroactive=True)])
    late = card(effective_from=date(2026, 9, 2))
    with pytest.raises(AcctError, match="has no rule or no rate at its start"):
        books.take([Card(late, retroactive=True)])


def test_an_event_with_another_plan_is_another_event(books: Books) -> None:
    planned = event(1, "workspace.plan_changed", "acme", "2026-09-05T00:00:00Z", plan="standard")
    books.take([Events((planned,)), Events((planned,))])
    with pytest.raises(AcctError, match="is already known with different content"):
        books.take([Events((planned | {"data": {"plan": "premium"}},))])


@pytest.mark.parametrize(("day", "unlisted"), [("09-30", True), ("10-01", False)])
def test_a_plan_that_no_rate_lists_is_noted_while_it_counts(books: Books, day: str, unlisted: bool) -> None:
    """A rate lists the plans until the next one begins, which lists none."""
    rates = [
        {
            "effective_from": date(2025, 12, 3),
            "unit": "GB",
            "tiers": [{"price": "1"}],
            "included": {"default": "1"},
        },
        {"effective_from": date(2026, 10, 1), "unit": "GB", "tiers": [{"price": "1"}]},
    ]
    books.take([Card({**CARD, "rate": rates})])
    file = books.file_of(Events((event(1, "workspace.plan_changed", "acme", f"2026-{day}T00:00:00Z", plan="other"),)))
    with writing(books.ledger, readable=[file]) as ledger:
        recorded = record(ledger, file, event_file.relation(file))
    assert recorded.unlisted_plans == ((("acme", "other"),) if unlisted else ())


def test_no_month_stays_open_before_the_first_one(books: Books) -> None:
    with reading(books.ledger) as ledger:
        assert months_left_open(ledger, SEPTEMBER) is None
        assert months_left_open(ledger, OCTOBER) == (SEPTEMBER, SEPTEMBER)


def page_of(books: Books) -> StatementPage:
    with reading(books.ledger) as ledger:
        return next(iter(statement_pages(ledger, OCTOBER)))


@pytest.mark.parametrize(("amount", "free"), [(5, False), (0, True)])
def test_a_correction_with_an_amount_is_not_free(books: Books, amount: int, free: bool) -> None:
    """Whatever the card says now of the state that it corrects."""
    page = page_of(books)
    correction = Correction(SEPTEMBER, LineKey(None, "container", "web", "expired"), 1000, amount)
    statement = replace(page.statement, corrections=(correction,))
    page = replace(page, statement=statement, free_states={SEPTEMBER: frozenset({"expired"})})
    ((row,),) = (section.rows for section in sections(page) if section.anchor == "corrections")
    assert [cell.endswith("(free)") for cell in row if cell.startswith("expired")] == [free]


def test_the_longest_gap_of_a_source_is_shown(tmp_path: Path) -> None:
    these = Books(tmp_path)
    these.take([*snapshots("10-01", "10-05", "10-12", "10-15", "10-17", "11-01"), Card(CARD)])
    ((row,),) = (section.rows for section in sections(page_of(these)) if section.anchor == "made")
    assert row[:2] == ("images", "4, the longest 360 hours from 17 Oct 2026")


@pytest.mark.slow
def test_bills_of_what_a_deletion_costs_end_after_two_years(tmp_path: Path) -> None:
    """However long the card keeps what is deleted."""
    these = Books(tmp_path)
    these.take([*snapshots("09-01", "10-01"), Card(card(retention_days=1000))])
    found = what_if(these.ledger, "package", "acme", "container/web", None, lambda progress: None)
    assert {len(option.bills) for option in found.options} == {24}


@pytest.mark.parametrize(("seconds", "advised"), [(0, 1), (1, 0)])
def test_an_untagged_manifest_is_old_after_fourteen_days(tmp_path: Path, seconds: int, advised: int) -> None:
    these = Books(tmp_path)
    uploaded_at = iso(epoch("2026-10-01T00:00:00Z") - 14 * DAY + seconds)
    untagged = replace(ROW, version=f"sha256:{'f' * 64}", uploaded_at=uploaded_at)
    these.take([*snapshots("10-01", rows=[untagged]), Card(CARD)])
    found = advise(these.ledger, "acme", 1, lambda progress: None)
    assert [each.kind for each in found.advice] == ["untagged"] * advised
