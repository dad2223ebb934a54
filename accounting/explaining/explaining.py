"""From a line of the bill to everything that made it: its allocations, put to the statement's figures.

The heavy work is relations; here are only the lines asked for, and of each as many blobs as are to be shown.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from accounting.billing.bills import MonthQuery
from accounting.billing.rating import rate_costs
from accounting.billing.sharing import HighChurnHolding, LinePart, share_out
from accounting.billing.statement import query_of, statement
from accounting.billing.usage import NO_PLAN, plans_of, usage_of_one
from accounting.errors import AcctError
from accounting.explaining.explanation import (
    NAMED,
    Allocation,
    BlobAllocations,
    Cause,
    Charge,
    Explanation,
    LineExplanation,
    Sighting,
    StateInterval,
    rate_steps,
    total,
)
from accounting.explaining.late_evidence import explain_corrections
from accounting.instants import Month
from accounting.ledger import Ledger, View
from accounting.model import Line, LineKey, Rate, RateCost, RatePeriod, Rule, Share, Statement
from accounting.rates.periods import rule_at
from accounting.text import nearest_package

_KEPT = ("repository_deleted", "workspace_deleted", "expired")
_ALL = 2**63 - 1


def explain(ledger: Ledger, workspace: str, month: Month | None = None, package: str | None = None,
            blobs: int | None = None) -> Explanation:  # fmt: skip
    """How the statement of a workspace comes about, with all its lines and corrections or those of one package
    (FORMAT/NAME).

    Of each line the first `blobs` are taken apart, all by default. Raises AcctError as `statement` does, and for a
    package that is not in the bill.
    """
    with ledger.keeping():
        bill = statement(ledger, workspace, month)
        lines = _lines_of(bill, package)
        query = query_of(ledger, bill.month)
        return _explained(ledger, query, bill, lines, package, blobs)


def _explained(ledger: Ledger, query: MonthQuery, bill: Statement, lines: Sequence[Line], package: str | None,
               blobs: int | None) -> Explanation:  # fmt: skip
    workspace, parts = bill.workspace, query.periods
    with ledger.view(query.query, [workspace]) as view:
        usage = usage_of_one(view)
        costs = rate_costs(usage, parts, bill.month.seconds, plans_of(view).get(workspace, NO_PLAN))
        found = _found(view, package, _ALL if blobs is None else blobs)
    shares: dict[LineKey, list[Share]] = {}
    for share in usage.shares:
        shares.setdefault(share.key, []).append(share)
    return Explanation(
        bill,
        tuple(parts),
        rate_steps(costs, usage, parts, bill.month),
        tuple(_line(line, found[line.key], shares[line.key], usage.denominator, parts, costs) for line in lines),
        tuple(
            each
            for each in explain_corrections(ledger, workspace, bill.corrections, query.record_until)
            if package in (None, package_name(each.correction.key))
        ),
    )


def package_name(key: LineKey) -> str:
    """A package as --package takes it."""
    return f"{key.format}/{key.package}"


def _lines_of(bill: Statement, package: str | None) -> list[Line]:
    lines = [line for line in bill.lines if package in (None, package_name(line.key))]
    names = {package_name(line.key) for line in bill.lines} | {package_name(each.key) for each in bill.corrections}
    if package is not None and package not in names:
        raise _not_billed(bill, package, sorted(names))
    return lines


def _not_billed(bill: Statement, package: str, names: Sequence[str]) -> AcctError:
    near = nearest_package(package, names)
    hint = f"did you mean {near}?" if near else f"write FORMAT/NAME, such as {names[0]}" if names else ""
    what = f"is not in the bill of {bill.workspace} for {bill.month}"
    nothing = "nothing was stored in that month" if bill.metered_seconds else "nothing is known of that month"
    return AcctError(f"package {package}", what, hint or nothing)


class _Found(NamedTuple):
    """What the relations say of one line; of the blobs that are not named, how many there are and their sum."""

    states: tuple[StateInterval, ...]
    blobs: tuple[BlobAllocations, ...]
    more_blobs: int
    more_byte_seconds: Fraction


def _found(view: View, package: str | None, places: int) -> dict[LineKey, _Found]:
    """Every line of one package or of all that the month's relations hold; of each so many blobs one by one."""
    view.give(
        "explained_packages",
        "SELECT package_id FROM scope_packages WHERE ? IS NULL OR format || '/' || name = ?",
        [package, package],
    )
    high_churn = _high_churn_shares(view)
    states = _states(view)
    blobs = _blobs(view, places, high_churn)
    more = _more(view, places, high_churn)
    lines = view.rows(
        "SELECT DISTINCT l.line_id, l.repository, k.format, k.name, l.state"
        " FROM line_intervals AS l JOIN scope_packages AS k USING (package_id)"
    )
    return {
        LineKey(*key): _Found(states[line_id], blobs.get(line_id, ()), *more.get(line_id, (0, Fraction(0))))
        for line_id, *key in lines
    }


def _high_churn_shares(view: View) -> dict[int, Fraction]:
    """The exact byte-seconds of the allocations of high-churn blobs, by prefix sums.

    Gives the view `high_churn_weights`, to rank them by.
    """
    holdings = view.records(
        HighChurnHolding,
        "SELECT '' AS workspace, period_id AS part, blob_id, allocation_id AS line_number, charged, size_bytes,"
        " allocated_from AS held_from, allocated_until AS held_until FROM high_churn_allocations"
        " ORDER BY period_id, blob_id",
    )
    lines = {each.line_number: LinePart(each.line_number, None, "", "", "", 0) for each in holdings}
    shares = {
        share.part: Fraction(share.numerator, usage.denominator)
        for usage in share_out((), holdings, lines)  # each allocation is a line here
        for share in usage.shares
    }
    view.give(
        "high_churn_weights",
        "SELECT unnest(?::BIGINT[]) AS allocation_id, unnest(?::DOUBLE[]) AS weight",
        [list(shares), [float(share) for share in shares.values()]],
    )
    return shares


def _states(view: View) -> dict[int, tuple[StateInterval, ...]]:
    """By line, the intervals of its state with the events that made it so."""
    causes = {
        position: Cause(*cause)
        for position, *cause in view.rows(
            "SELECT position, kind, verb, occurred_at, event_id, event_source FROM ordered_events"
        )
    }
    states: dict[int, list[StateInterval]] = {}
    for line_id, state, part, start, end, charged, linked_by, changed_by in view.rows(
        "SELECT line_id, state, period_id, state_from, state_until, charged = 1, link_position, change_position"
        " FROM line_intervals ORDER BY line_id, state_from"
    ):
        cause = causes.get(changed_by)
        kept_until = _kept_until(cause.occurred_at, view.query.rules) if cause and state in _KEPT else None
        interval = StateInterval(part, start, end, charged, causes.get(linked_by), cause, kept_until)
        states.setdefault(line_id, []).append(interval)
    return {line_id: tuple(intervals) for line_id, intervals in states.items()}


def _kept_until(deleted_at: int, rules: Sequence[Rule]) -> int:
    """The end of the retention period of a deletion."""
    return deleted_at + rule_at(rules, deleted_at).retention_days * 86_400


def _blobs(view: View, places: int, high_churn: Mapping[int, Fraction]) -> dict[int, tuple[BlobAllocations, ...]]:
    """By line, the first blobs, with their allocations and what tells of them."""
    sightings: dict[tuple[int, int], list[Sighting]] = {}
    for line_id, place, *sighting in view.rows(
        "SELECT s.line_id, r.place, s.version, s.source, s.present_from, s.first_seen_at, s.last_seen_at, s.hidden"
        " FROM sightings AS s JOIN ranked_blobs AS r USING (line_id, blob_id) WHERE r.place <= ? ORDER BY ALL",
        [places],
    ):
        sightings.setdefault((line_id, place), []).append(Sighting(*sighting))
    allocations = view.rows(
        "SELECT p.line_id, r.place, r.digest, r.size_bytes, p.allocation_id, p.period_id, p.allocated_from,"
        " p.allocated_until, p.carries, p.high_churn, p.carriers, p.first_carriers, p.byte_seconds::HUGEINT,"
        " k.format || '/' || k.name AS package"
        " FROM allocations AS p JOIN ranked_blobs AS r USING (line_id, blob_id)"
        " JOIN scope_packages AS k USING (package_id) WHERE r.place <= ? ORDER BY p.line_id, r.place, p.allocated_from",
        [places],
    )
    blobs: dict[int, list[BlobAllocations]] = {}
    for (line_id, place, digest, size_bytes), rows in groupby(allocations, itemgetter(0, 1, 2, 3)):
        of_blob = tuple(_allocation(row[4:], high_churn) for row in rows)
        seen = tuple(sightings.get((line_id, place), ()))
        blobs.setdefault(line_id, []).append(BlobAllocations(digest, size_bytes, of_blob, seen))
    return {line_id: tuple(of_line) for line_id, of_line in blobs.items()}


def _allocation(row: tuple[Any, ...], high_churn: Mapping[int, Fraction]) -> Allocation:
    allocation, part, start, end, carries, is_high_churn, carriers, first, byte_seconds, package = row
    others = carriers - 1 if carries else carriers
    named = tuple(name for name in first or () if name != package)[:NAMED]
    if is_high_churn:
        return Allocation(part, start, end, True, None, others, named, high_churn[allocation])
    return Allocation(part, start, end, carries, carriers, others, named, Fraction(byte_seconds, carriers))


def _more(view: View, places: int, high_churn: Mapping[int, Fraction]) -> dict[int, tuple[int, Fraction]]:
    """By line, how many blobs come after the first, and their byte-seconds."""
    sums: dict[int, list[Fraction]] = {}
    for line_id, carriers, byte_seconds, high_churn_allocations in view.rows(
        "SELECT p.line_id, p.carriers, (sum(p.byte_seconds) FILTER (NOT p.high_churn))::HUGEINT,"
        " list(p.allocation_id) FILTER (p.high_churn)"
        " FROM allocations AS p JOIN ranked_blobs AS r USING (line_id, blob_id) WHERE r.place > ?"
        " GROUP BY p.line_id, p.carriers",
        [places],
    ):
        shares = [
            Fraction(byte_seconds or 0, carriers),
            *(high_churn[allocation] for allocation in high_churn_allocations or ()),
        ]
        sums.setdefault(line_id, []).extend(shares)
    counts = view.rows("SELECT line_id, count(*) FROM ranked_blobs WHERE place > ? GROUP BY ALL", [places])
    return {line_id: (count, total(sums[line_id])) for line_id, count in counts}


def _line(line: Line, found: _Found, shares: Sequence[Share], denominator: int, parts: Sequence[RatePeriod],
          costs: Mapping[Rate, RateCost]) -> LineExplanation:  # fmt: skip
    charged = dict.fromkeys(costs, 0)
    for share in shares:
        rate = parts[share.part].rate
        if share.charged and rate is not None:
            charged[rate] += share.numerator
    charges = tuple(
        Charge(rate, Fraction(numerator, denominator), costs[rate].cost * numerator / costs[rate].charged)
        for rate, numerator in charged.items()
        if numerator
    )
    return LineExplanation(
        line,
        *found,
        Fraction(sum(share.numerator for share in shares), denominator),
        charges,
        total(charge.cost for charge in charges) if costs else None,
    )
