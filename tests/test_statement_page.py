"""The page of a statement: its figures against those of bills, and what it says of deletions and of shared layers."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.billing.rating import round_half_up
from accounting.billing.statement import statements
from accounting.errors import AcctError
from accounting.facts.sealed import digest_of
from accounting.facts.statement_json import statement_json
from accounting.instants import Month, parse_instant
from accounting.ledger import reading
from accounting.model import Statement
from accounting.pages.reckoning import amount_of_lines, reckon
from accounting.pages.statement_page import StatementPage, statement_page
from accounting.rendering.statement.page import page_html, page_text
from accounting.rendering.statement.page_markdown import page_markdown
from accounting.rendering.statement.page_sections import by_day, sections
from tests.support.closing import seal
from tests.support.events import event
from tests.support.golden import GoldenCase, golden_books, golden_cases
from tests.support.histories import high_churn_histories, histories
from tests.support.laws import tried
from tests.support.model_of_rules import Case, Row, Snapshot
from tests.support.pages import CARD, END, GB, pages_of, steady
from tests.support.project import Books, Events, books, steps_of

DAY = 86_400


def statements_of(these: Books, month: str) -> dict[str, Statement]:
    with reading(these.ledger) as ledger:
        return {statement.workspace: statement for statement in statements(ledger, Month.parse(month))}


def check_figures(page: StatementPage) -> None:
    """What must hold of every page."""
    statement = page.statement
    assert sum(day.byte_seconds for day in page.days) == statement.byte_seconds
    by_state = Counter(dict.fromkeys({day.state for day in page.days}, 0))
    for day in page.days:
        assert day.byte_seconds >= 0
        by_state[day.state] += day.byte_seconds
    for line in statement.lines:
        by_state[line.key.state] -= line.byte_seconds
    # A day and a line each round by less than one.
    assert all(abs(rest) <= len(page.days) + len(statement.lines) for rest in by_state.values())
    assert sum(free.byte_seconds for free in page.free) == statement.byte_seconds - statement.charged_byte_seconds
    assert {line.key for group in page.repositories for line in group.lines} == {line.key for line in statement.lines}
    assert page.digest == digest_of(statement_json(statement))
    check_reckoning(page)


def check_reckoning(page: StatementPage) -> None:
    """The figures that are shown add up, and multiply out to the amount."""
    reckoning = reckon(page.statement, page.rates)
    if {term.unit for term in reckoning.terms} <= {page.statement.unit} and page.rates:
        units = sum((term.units for term in reckoning.terms), Fraction(0))
        assert reckoning.stored == reckoning.free + reckoning.included + units
    amount = amount_of_lines(page.statement)
    if amount is not None and reckoning.decimals < 12:
        cost = sum((term.units * term.price for term in reckoning.terms), Fraction(0))
        assert round_half_up(cost * 10**page.statement.minor_digits) == amount
    for section in sections(page):
        if section.total and section.anchor in ("packages", "repositories", "free", "deleted"):
            for i, column in enumerate(section.columns):
                if column.kind == "figure" and section.total[i]:
                    assert sum(figure(row[i]) for row in section.rows) == figure(section.total[i]), section
    for row in by_day(page).rows if page.days else ():
        assert len(row) <= 2 or sum(map(figure, row[1:-1])) == figure(row[-1])


def figure(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


@pytest.mark.parametrize("golden", golden_cases(), ids=lambda golden: golden.name)
def test_figures_of_golden_cases(golden: GoldenCase) -> None:
    with golden_books(golden) as these:
        pages = pages_of(these, golden.case.month)
        shown = statements_of(these, golden.case.month)
    assert {workspace: page.statement for workspace, page in pages.items()} == shown
    for page in pages.values():
        check_figures(page)


@tried(4)
@given(st.one_of(histories(), high_churn_histories()))
def test_figures_of_any_history(case: Case) -> None:
    with books(case) as these:
        for page in pages_of(these, case.month).values():
            check_figures(page)


@tried(2)
@given(histories(least_sources=2), st.data())
def test_the_order_of_imports_changes_no_page(case: Case, data: st.DataObject) -> None:
    sources = data.draw(st.permutations(sorted({snapshot.source for snapshot in case.snapshots})))
    order = sorted(case.snapshots, key=lambda snapshot: sources.index(snapshot.source))
    other = [Events(case.events), *order, *steps_of(replace(case, snapshots=(), events=()))]
    with books(case) as these, books(case, other) as those:
        assert pages_of(these, case.month) == pages_of(those, case.month)


# One workspace whose packages share layers, and after the month nothing changes any more

PACKAGES = ("web", "api", "old", "older", "gone")


layers_of_packages = st.fixed_dictionaries(
    {package: st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True) for package in PACKAGES}
)


def only(case: Case, month: str) -> StatementPage:
    with books(case) as these:
        return pages_of(these, month)["acme"]


@tried(3)
@given(layers_of_packages, st.sampled_from(("workspace", "package")), st.sampled_from(PACKAGES))
def test_deleting_saves_what_the_next_month_says(layers: dict[str, list[int]], share: str, package: str) -> None:
    page = only(steady(layers, "2026-10", share=share), "2026-10")
    holders = Counter(layer for of_package in layers.values() for layer in of_package)
    assert {each.package for each in page.shared} == {
        package for package, of_package in layers.items() if any(holders[layer] > 1 for layer in of_package)
    }
    kept = only(steady(layers, "2026-11", share=share), "2026-11").statement
    for each in page.shared:
        assert each.shared_bytes == sum((layer + 1) * 1000 * GB for layer in layers[each.package] if holders[layer] > 1)
        if each.package != package:
            continue
        deleted = only(steady(layers, "2026-11", each.package, share), "2026-11").statement
        saved = kept.charged_byte_seconds - deleted.charged_byte_seconds
        assert saved == each.saved_bytes * Month.parse("2026-11").seconds
        assert each.saved_a_month is not None
        assert abs(each.saved_a_month * 100 - ((kept.amount_minor or 0) - (deleted.amount_minor or 0))) <= 1


@tried(2)
@given(layers_of_packages)
def test_a_deletion_costs_a_day_what_the_next_month_says(layers: dict[str, list[int]]) -> None:
    (deletion,) = only(steady(layers, "2026-10"), "2026-10").deletions
    assert (deletion.repository, deletion.packages) == ("legacy", 2)
    assert deletion.deleted_at == parse_instant("2026-10-20T12:00:00Z")
    assert deletion.charged_until == deletion.deleted_at + 60 * DAY
    lines = [line for line in only(steady(layers, "2026-11"), "2026-11").statement.lines
             if line.key.repository == "legacy"]  # fmt: skip
    assert abs(sum(line.byte_seconds for line in lines) - deletion.size_bytes * 30 * DAY) < 2
    assert deletion.cost_a_day is not None
    assert abs(deletion.cost_a_day * 30 * 100 - sum(line.amount_minor or 0 for line in lines)) <= 2


def test_a_later_rule_may_end_a_charge_before_retention_does() -> None:
    case = steady({"old": [1]}, "2026-10")
    live_alone = {**CARD["rule"][0], "effective_from": date(2026, 11, 15), "charged": ["live"]}
    case = replace(case, card={**CARD, "rule": [*CARD["rule"], live_alone]})
    (deletion,) = only(case, "2026-10").deletions
    assert deletion.charged_until == parse_instant("2026-11-15T00:00:00Z")


def test_a_deletion_is_not_told_of_once_it_costs_nothing() -> None:
    ended = steady({"old": [1]}, "2026-10")
    ended = replace(ended, card={**CARD, "rule": [{**CARD["rule"][0], "retention_days": 10}]})
    assert only(ended, "2026-10").deletions == ()
    restored = replace(ended, card=CARD, events=(*ended.events, event(13, "repository.restored", "acme/legacy", END)))
    assert only(restored, "2026-11").deletions == ()


def test_the_page_of_a_closed_month_never_changes() -> None:
    case = steady({"web": [1, 2], "old": [2]}, "2026-10")
    early = replace(case, snapshots=case.snapshots[:2])
    late = [
        event(20, "package.deleted", "acme/container/web", "2026-10-05T00:00:00Z"),
        event(21, "repository.restored", "acme/legacy", "2026-10-25T00:00:00Z"),
    ]
    with books(early) as these:
        open_page = pages_of(these, "2026-10")["acme"]
        seal(these, Month.parse("2026-10"))
        closed = pages_of(these, "2026-10")["acme"]
        these.take([Events(tuple(late)), case.snapshots[2], Snapshot("files", "2026-12-02T00:00:00Z", ())])
        assert pages_of(these, "2026-10")["acme"] == closed
        corrected = pages_of(these, "2026-11")["acme"]
    statement = replace(open_page.statement, status="closed")
    assert closed == replace(open_page, statement=statement, digest=closed.digest)
    assert corrected.statement.corrections
    assert "corrections of closed months" in corrected.explanation
    check_figures(corrected)


def test_evidence_tells_of_snapshots_and_gaps() -> None:
    rows = tuple(Row("acme", "npm", "ui", "1", "sha256:1", 5) for _ in range(1))
    taken = [("a", day) for day in (1, 2, 10, 31)] + [("b", day) for day in (3, 31)]
    snapshots = [
        Snapshot(source, f"2026-10-{day:02}T00:00:00Z", rows if source == "a" else ()) for source, day in taken
    ]
    page = only(Case(tuple(snapshots), (), None, "2026-10"), "2026-10")
    (source,) = page.sources  # b never held anything of this workspace
    instants = [parse_instant(f"2026-10-{day:02}T00:00:00Z") for day in (1, 2, 10, 31)]
    assert (source.source, source.snapshots) == ("a", 4)
    assert (source.first_at, source.latest_at) == (instants[0], instants[-1])
    assert source.gaps == ((instants[1], instants[2]), (instants[2], instants[3]))
    assert page.explanation == (
        "0.000000005 GB-months were stored so far. No rate card is loaded, so there are no amounts."
    )
    assert {day.seconds for day in page.days} == {DAY}


def test_one_sentence_explains_the_total() -> None:
    page = only(steady({"web": [9], "gone": [1]}, "2026-10"), "2026-10")
    assert page.explanation == (
        "12,000.000 GB-months were stored. Of these, 709.677 are free of charge and 700.000 are included."
        " The rest costs 2,568.06 USD: 9,000.000 at 0.25 USD and 1,590.323 at 0.20 USD."
    )


def test_the_sentence_adds_up_where_rates_have_two_units() -> None:
    """Many prices are summed up by unit: GB-months and GiB-months are no one quantity."""
    tiers = [{"up_to": "1000", "price": "0.30"}, {"up_to": "4000", "price": "0.25"}, {"price": "0.20"}]
    rates = [{"effective_from": date(2025, 12, 3), "unit": "GB", "tiers": tiers},
             {"effective_from": date(2026, 10, 16), "unit": "GiB", "tiers": tiers}]  # fmt: skip
    shown = only(replace(steady({"web": [9]}, "2026-10"), card={**CARD, "rate": rates}), "2026-10").explanation
    found = re.match(
        r"([\d,.]+) GiB-months were stored. They cost [\d,.]+ USD: ([\d,.]+) GB-months and ([\d,.]+) GiB-months"
        r" at 3 prices from",
        shown,
    )
    assert found, shown
    stored, gb, gib = map(figure, found.groups())
    assert abs(stored * 2**30 - (gb * 10**9 + gib * 2**30)) < 10**7


def test_a_month_tells_from_when_on_it_is_known() -> None:
    case = steady({"web": [1]}, "2026-10")
    first, *others = case.snapshots
    late = replace(case, snapshots=(replace(first, taken_at="2026-10-03T00:00:00Z"), *others))
    page = only(late, "2026-10")
    shown = "Nothing is known before 3 Oct 2026, the date of the first snapshot."
    assert all(shown in text for text in (page_text(page), page_markdown(page), page_html(page)))
    assert "Nothing is known of 2026-09, because it ends before the first snapshot" in only(late, "2026-09").explanation


def test_a_page_is_asked_for_by_name() -> None:
    with books(steady({"web": [1]}, "2026-10")) as these, reading(these.ledger) as ledger:
        assert str(statement_page(ledger, "acme").statement.month) == "2026-11"
        with pytest.raises(AcctError, match="Did you mean acme"):
            statement_page(ledger, "acne")
