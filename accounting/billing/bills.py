"""Workspaces' bills of one month, computed from the evidence: usage and rating put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from accounting.billing.rating import amounts, apportion, rate_costs, round_half_up
from accounting.billing.usage import NO_PLAN, held_names_of, plans_of, usage_of
from accounting.facts.sources import first_snapshot_at, open_status
from accounting.instants import Month
from accounting.ledger import EVERYTHING, Ledger, Query, View
from accounting.model import (
    HeldName,
    Line,
    LineKey,
    PlanInterval,
    Rate,
    RateCard,
    RateCost,
    RatePeriod,
    Statement,
    Status,
    WorkspaceUsage,
)
from accounting.rates.periods import rate_periods, unit_of


@dataclass(frozen=True)
class MonthQuery:
    """A month to be billed up to the instant that is covered, by a card, from what was recorded so far.

    `seen_only`: not all sources may reach to that instant, so a holding ends at its source's latest snapshot. The rate
    periods are cut at further instants, `cuts`; that changes no figure of the bill.
    """

    month: Month
    card: RateCard
    covered_until: int
    record_until: int = EVERYTHING
    seen_only: bool = False
    cuts: tuple[int, ...] = ()

    @cached_property
    def periods(self) -> list[RatePeriod]:
        """The rate periods of the month. Raises AcctError for a month that the card cannot bill."""
        return rate_periods(self.month, self.card, self.cuts)

    @property
    def query(self) -> Query:
        """What the ledger is asked. Raises AcctError as `periods` does."""
        return Query(self.periods, self.until, self.card.rules, self.record_until, self.seen_only)

    @property
    def until(self) -> int:
        """Where metering ends."""
        return min(self.month.end, self.covered_until)


@dataclass(frozen=True)
class Bill:
    """A statement as computed, without corrections and never closed, and what it was made of."""

    statement: Statement
    usage: WorkspaceUsage
    plans: Sequence[PlanInterval]
    costs: Mapping[Rate, RateCost]


class Batch(NamedTuple):
    """Bills of some workspaces, and the view that they were computed from, open until the next batch."""

    view: View
    bills: list[Bill]


def bills(ledger: Ledger, query: MonthQuery, workspaces: Sequence[str] | None = None) -> Iterator[Bill]:
    """The bills of all workspaces, or of those named, as computed: without corrections, and none is closed.

    Raises AcctError for a month that the card cannot bill.
    """
    for batch in bill_batches(ledger, query, workspaces):
        yield from batch.bills


def bill_batches(ledger: Ledger, query: MonthQuery, workspaces: Sequence[str] | None = None) -> Iterator[Batch]:
    """The bills of all workspaces, or of those named, batch by batch. Raises AcctError as `bills` does."""
    status = open_status(query.month, first_snapshot_at(ledger, query.record_until), query.covered_until)
    for view in ledger.views(query.query, workspaces):
        held = held_names_of(view)
        usages = {usage.workspace: usage for usage in usage_of(view)}
        plans = plans_of(view)
        of_batch = [
            _bill(
                query,
                status,
                usages.get(name, WorkspaceUsage(name, 1, ())),
                plans.get(name, NO_PLAN),
                held.get(name, ()),
            )
            for name in view.workspaces
        ]
        yield Batch(view, of_batch)


def _bill(query: MonthQuery, status: Status, usage: WorkspaceUsage, plans: Sequence[PlanInterval],
          held: tuple[HeldName, ...]) -> Bill:  # fmt: skip
    card, parts = query.card, query.periods
    keys, byte_seconds = _lines(usage)
    costs = rate_costs(usage, parts, query.month.seconds, plans)
    total: int | None = None
    line_amounts: list[int] | list[None] = [None] * len(keys)
    if costs:
        total, line_amounts = amounts(usage, parts, costs, keys, card.minor_digits)
    charged_keys = {share.key for share in usage.shares if share.charged}
    lines = tuple(
        Line(key, key in charged_keys, bytes_, amount)
        for key, bytes_, amount in zip(keys, byte_seconds, line_amounts, strict=True)
        if bytes_ or amount
    )
    statement = Statement(
        usage.workspace,
        query.month,
        status,
        query.covered_until,
        unit_of(parts),
        card.currency,
        card.minor_digits,
        sum(byte_seconds),
        sum(share.numerator for share in usage.shares if share.charged) // usage.denominator,
        round_half_up(sum((cost.included_byte_seconds for cost in costs.values()), Fraction(0))),
        total,
        lines,
        (),
        held,
    )
    return Bill(statement, usage, plans, costs)


def _lines(usage: WorkspaceUsage) -> tuple[list[LineKey], list[int]]:
    """The lines in the order of RULES, section 4, with whole byte-seconds that add up to the workspace's."""
    exact: dict[LineKey, int] = {}
    for share in usage.shares:
        exact[share.key] = exact.get(share.key, 0) + share.numerator
    keys = sorted(exact, key=lambda key: key.sort_key)
    total = sum(exact.values()) // usage.denominator  # whole: shares of a blob add up to the blob
    return keys, apportion([exact[key] for key in keys], usage.denominator, total)
