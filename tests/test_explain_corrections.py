"""Corrections are explained: what was told so far, what it would be now, and what was recorded since that moved it."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounting.billing.statement import statement
from accounting.errors import AcctError
from accounting.explaining.explaining import explain
from accounting.explaining.explanation import CorrectionExplanation, Explanation
from accounting.facts.sealed import sealed_so_far
from accounting.instants import Month
from accounting.ledger import EVERYTHING, reading
from accounting.rendering.explaining.explanation import explanation_text
from accounting.rendering.explaining.explanation_data import explanation_csv, explanation_json
from tests.support import model_of_rules as model
from tests.support.closing import billable, known_until, late_evidence, seal, with_steps
from tests.support.events import event
from tests.support.golden import minor_units
from tests.support.histories import histories
from tests.support.laws import tried
from tests.support.model_of_rules import Case, Row, Snapshot
from tests.support.project import Books, Card, Events, Step, books

OCTOBER, NOVEMBER, DECEMBER = "2026-10", "2026-11", "2026-12"
GB_DAY = 10**9 * 86_400


def card_of(price: str, included: dict[str, str] | None = None, first: str | None = None) -> dict[str, Any]:
    """A price per GB-month; with `first`, another one for the first two."""
    tiers = [{"up_to": "2", "price": first}, {"price": price}] if first else [{"price": price}]
    rate = {"effective_from": date(2025, 1, 1), "unit": "GB", "tiers": tiers}
    rule = {"effective_from": date(2025, 1, 1), "retention_days": 30, "share": "workspace",
            "charged": ["live", "repository_deleted"]}  # fmt: skip
    return {"currency": "USD", "rule": [rule], "rate": [rate | ({"included": included} if included else {})]}


def row(package: str, digest: str | None = None, format_: str = "container") -> Row:
    return Row("acme", format_, package, "1", f"sha256:{digest or package}", 31 * 10**9)


WEB, API = row("web", "base"), row("api", "base")
UI = row("ui", format_="npm")


@contextmanager
def closed(*rows: Row, card: dict[str, Any] | None = None, events: tuple[dict[str, Any], ...] = ()) -> Iterator[Books]:
    """A ledger whose October is closed, and whose November is final."""
    snapshots = tuple(Snapshot("images", f"2026-{day}T00:00:00Z", rows) for day in ("10-01", "11-01", "12-01"))
    with books(Case(snapshots, events, card or card_of("1"), OCTOBER)) as these:
        seal(these, Month.parse(OCTOBER))
        yield these


def explained(these: Books, month: str = NOVEMBER, package: str | None = None) -> Explanation:
    with reading(these.ledger) as ledger:
        return explain(ledger, "acme", Month.parse(month), package)


def by_line(shown: Explanation) -> dict[tuple[str, str, str], CorrectionExplanation]:
    """Corrections by month, package and state."""
    return {
        (str(each.correction.month), each.correction.key.package, each.correction.key.state): each
        for each in shown.corrections
    }


def deleted(number: str, time: str, subject: str = "acme/container/web", verb: str = "package.deleted") -> Events:
    return Events((event(number, verb, subject, time),))


# Any history


@tried(4)
@given(histories(), st.data())
def test_whatever_comes_late_is_explained(case: Case, data: st.DataObject) -> None:
    """Sums are those of the statement and of what was told, and what moved by more than rounding has its evidence."""
    month = Month.parse(case.month)
    case = known_until(case, month.next.next.end)
    known, late = data.draw(late_evidence(case, month))
    assume(billable(known, [month]) and (model.coverage(known) or 0) >= month.end)
    with books(known) as these:
        last = month
        seal(these, month)
        for batch in late:
            these.take(batch)
            known = with_steps(known, batch)
            if not billable(known, [month, last.next]):
                continue  # until more is known
            check(these, case, last)
            if last == month and (model.coverage(known) or 0) >= last.next.end and data.draw(st.booleans()):
                last = last.next
                seal(these, last)
                check(these, case, month)


def check(these: Books, case: Case, last: Month) -> None:
    """The corrections on the month after one that is closed."""
    with reading(these.ledger) as ledger:
        known = {name for (name,) in ledger.rows("SELECT name FROM workspaces")}
        for workspace in known.intersection(case.workspaces()):
            shown = explain(ledger, workspace, last.next)
            assert tuple(each.correction for each in shown.corrections) == shown.statement.corrections
            assert shown.statement == statement(ledger, workspace, last.next)
            if shown.statement.status != "closed":
                for each in shown.corrections:
                    of_month = sealed_so_far(ledger, each.correction.month, EVERYTHING, [workspace])
                    so_far = of_month.get(workspace, {}).get(each.correction.key, (0, 0))
                    assert (each.sealed[0], each.sealed[1] or 0) == so_far
            for each in shown.corrections:
                assert each.now[0] - each.sealed[0] == each.correction.byte_seconds
                assert (each.now[1] or 0) - (each.sealed[1] or 0) == (each.correction.amount_minor or 0)
                itself = each.events or each.snapshots or each.card_recorded_at is not None
                assert itself or each.sharers or abs(each.correction.byte_seconds) <= 1
            explanation_text(shown)
            assert len(json.loads(explanation_json(shown))["corrections"]) == len(shown.corrections)


# Each kind of cause


def test_an_event_of_the_package_and_what_it_does_to_those_that_share_its_blobs() -> None:
    with closed(WEB, API) as these:
        these.take([deleted("1", "2026-10-21T00:00:00Z"), deleted("2", "2026-11-02T00:00:00Z", "acme/container/api")])
        shown = explained(these)
    web, api = (by_line(shown)[OCTOBER, package, "live"] for package in ("web", "api"))
    half = 31 * 31 * GB_DAY // 2
    assert (web.sealed, web.now) == ((half, 1550), (half - 31 * 11 * GB_DAY // 2, 1000))
    assert [late.cause.event_id for late in web.events] == ["1"]
    assert (api.correction.byte_seconds, api.events, api.sharers) == (31 * 11 * GB_DAY // 2, (), ("container/web",))
    text = explanation_text(shown)
    assert "Billed so far: 41,515,200,000,000,000 byte-seconds, 15.50 USD" in text
    assert "registry.package.deleted on 21 Oct 2026 (id 1, source hub); recorded on " in text
    assert "it shares blobs with container/web, which is corrected too" in text


def test_a_correction_of_a_correction_tells_both_and_only_what_came_since() -> None:
    with closed(WEB) as these:
        these.take([deleted("1", "2026-10-21T00:00:00Z")])
        before = explained(these)
        seal(these, Month.parse(NOVEMBER))
        assert explained(these).corrections == before.corrections
        these.take([deleted("2", "2026-10-22T00:00:00Z", verb="package.restored")])
        assert explained(these).corrections == before.corrections
        live = by_line(explained(these, DECEMBER))[OCTOBER, "web", "live"]
    assert [(str(each.month), each.amount_minor) for each in live.sealed_lines] == [(OCTOBER, 3100), (NOVEMBER, -1100)]
    assert (live.sealed[1], live.now[1], str(live.last_closed)) == (2000, 3000, NOVEMBER)
    assert [late.cause.event_id for late in live.events] == ["2"]


def test_events_of_its_repository_and_its_workspace_bear_on_a_package_and_others_do_not() -> None:
    linked = event("0", "package.linked", "acme/container/web", "2026-09-01T00:00:00Z", repository="widgets")
    late = [
        deleted("1", "2026-10-11T00:00:00Z", "acme/widgets", "repository.deleted"),
        deleted("2", "2026-10-12T00:00:00Z", "acme/gadgets", "repository.deleted"),
        deleted("3", "2026-10-30T00:00:00Z", "acme", "workspace.deleted"),
        deleted("4", "2026-10-30T00:00:00Z", "other", "workspace.deleted"),
        deleted("5", "2026-11-01T00:00:00Z"),
    ]
    with closed(row("web"), UI, events=(linked,)) as these:
        these.take(late)
        shown = by_line(explained(these))
    assert [late.cause.event_id for late in shown[OCTOBER, "web", "repository_deleted"].events] == ["1", "3"]
    assert [late.cause.event_id for late in shown[OCTOBER, "ui", "live"].events] == ["3"]
    assert shown[OCTOBER, "ui", "live"].sharers == ()


def test_snapshots_of_a_source_that_comes_late_bear_on_what_they_hold() -> None:
    """What was there before the month, or comes after it, does not; what a snapshot shows to have stayed does."""
    taken = {"09-01": ("old", "new"), "09-02": ("new",), "10-11": ("new",), "10-21": (), "11-02": ("later",)}
    late = [
        Snapshot("late", f"2026-{day}T00:00:00Z", tuple(row(name) for name in names)) for day, names in taken.items()
    ]
    with closed(UI) as these:
        for each in late:
            these.take([each])
        shown = by_line(explained(these))
    assert list(shown) == [(OCTOBER, "new", "live")]
    snapshots = [(each.begun, each.ended, each.went_on) for each in shown[OCTOBER, "new", "live"].snapshots]
    assert snapshots == [(1, 0, 0), (0, 0, 1), (0, 1, 0)]


ONLY_AMOUNT: dict[str, tuple[dict[str, Any], list[Step], int, str]] = {
    "a retroactive card": (card_of("1"), [Card(card_of("2"), True)], 3100, "a rate card was loaded as retroactive"),
    "the plan": (
        card_of("1", {"default": "0", "standard": "10"}),
        [Events((event("1", "workspace.plan_changed", "acme", "2026-09-01T00:00:00Z", plan="standard"),))],
        -500,
        "the workspace's plan changed",
    ),
    "the total": (
        card_of("1", first="32"),
        [deleted("1", "2026-10-01T00:00:00Z")],
        3100,  # 93.00 are all its own, of 124.00 it had half
        "other lines changed the workspace's total",
    ),
}


@pytest.mark.parametrize("cause", ONLY_AMOUNT)
def test_an_amount_alone_moves_by_a_card_a_plan_or_the_total(cause: str) -> None:
    card, late, amount, words = ONLY_AMOUNT[cause]
    with closed(row("web"), UI, card=card) as these:
        these.take(late)
        shown = explained(these, package="npm/ui")
    (ui,) = shown.corrections
    assert ui.only_amount
    assert ui.correction.amount_minor == amount
    text = explanation_text(shown)
    assert f"Usage is unchanged; only the amount changed, because {words}" in text


# The formats


def test_json_and_csv_tell_the_same_and_add_up() -> None:
    with closed(WEB, UI) as these:
        these.take([deleted("=1", "2026-10-21T00:00:00Z"), Card(card_of("2"), True)])
        these.take([Snapshot("late", f"2026-{day}T00:00:00Z", (row("web", "more"),)) for day in ("10-01", "11-02")])
        shown = explained(these)
    document = json.loads(explanation_json(shown))
    rows = list(csv.DictReader(io.StringIO(explanation_csv(shown))))
    figures = [each for each in rows if each["corrects"] and not each["evidence"]]
    assert [(each["package"], each["state"], each["byte_seconds_numerator"], each["amount"]) for each in figures] == [
        (each["package"], each["state"], each["byte_seconds"], each["amount"]) for each in document["corrections"]
    ]
    for each in document["corrections"]:
        for figure, number in (("byte_seconds", int), ("amount", minor_units)):
            assert number(each["now"][figure]) - number(each["told"][figure]) == number(each[figure])
            assert sum(number(by[figure]) for by in each["told"]["by"]) == number(each["told"][figure])
    added = sum(
        Fraction(int(each["byte_seconds_numerator"]), int(each["byte_seconds_denominator"]))
        for each in rows
        if each["byte_seconds_numerator"]
    )
    lines = sum(int(line["byte_seconds"]) for line in document["lines"])
    assert added == lines + sum(int(each["byte_seconds"]) for each in document["corrections"])
    web = [each for each in rows if each["package"] == "web" and each["state"] == "live" and each["evidence"]]
    assert [(each["evidence"], each["event_id"], each["sources"]) for each in web] == [
        ("event", "'=1", ""),
        ("snapshot", "", "late"),
        ("snapshot", "", "late"),
        ("rate card", "", ""),
    ]


def test_a_package_that_is_only_corrected_is_explained_and_the_nearest_is_named() -> None:
    with closed(row("web")) as these:
        these.take([Snapshot("late", "2026-10-01T00:00:00Z", (row("gone"),))])
        these.take(
            [Snapshot("late", "2026-10-11T00:00:00Z", (row("gone"),)), Snapshot("late", "2026-10-12T00:00:00Z", ())]
        )
        shown = explained(these, package="container/gone")
        with pytest.raises(AcctError, match="Did you mean container/gone"):
            explained(these, package="container/gonne")
    assert (shown.lines, [each.correction.byte_seconds for each in shown.corrections]) == ((), [31 * 10 * GB_DAY])
    text = explanation_text(shown)
    assert "Correction of the closed month 2026-10 for container/gone" in text
    assert "Billed so far: nothing" in text
