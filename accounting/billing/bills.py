"""Workspaces' bills of one month, computed from the evidence: usage and rating put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from accounting.billing.rating import amounts, apportion, rate_costs, round_half_up
from accounting.billing.usage import (
    NO_PLAN,
    ask,
    held_names_of_scope,
    parts_of,
    plans_of_scope,
    scopes,
    unit_of,
    usage_of_scope,
)
from accounting.facts.sources import first_snapshot_at, open_status
from accounting.instants import Month
from accounting.ledger import EVERYTHING, Ledger
from accounting.model import (
    HeldName,
    Line,
    LineKey,
    Part,
    PlanInterval,
    Rate,
    RateCard,
    RateCost,
    Statement,
    Status,
    WorkspaceUsage,
)


@dataclass(frozen=True)
class Asked:
    """What is to be billed: a month up to the instant that is covered, by a card, from what was recorded so far.

    `seen_only`: not all sources may reach to that instant, and one tells nothing after its latest snapshot.
    """

    month: Month
    card: RateCard
    covered_until: int
    record_until: int = EVERYTHING
    seen_only: bool = False

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


def bills(ledger: Ledger, asked: Asked, workspaces: Sequence[str] | None = None) -> Iterator[Statement]:
    """The statements of all workspaces, or of those named, as computed: without corrections, and none is closed.

    Raises AcctError for a month that the card cannot bill.
    """
    for batch in bill_batches(ledger, asked, workspaces):
        yield from (bill.statement for bill in batch)


def bill_batches(ledger: Ledger, asked: Asked, workspaces: Sequence[str] | None = None) -> Iterator[list[Bill]]:
    """The bills of all workspaces, or of those named, batch by batch.

    While a batch is given, the relations of queries/1xx to 3xx are those of its month. Raises AcctError as `bills`.
    """
    parts = parts_of(asked.month, asked.card)
    status = open_status(asked.month, first_snapshot_at(ledger, asked.record_until), asked.covered_until)
    for names in scopes(ledger, workspaces):
        held = held_names_of_scope(ledger, asked.until, asked.card.rules, asked.record_until)
        ask(ledger, parts, asked.until, asked.card.rules, asked.record_until, asked.seen_only)
        usages = {usage.workspace: usage for usage in usage_of_scope(ledger)}
        plans = plans_of_scope(ledger)
        yield [
            _bill(
                asked,
                status,
                parts,
                usages.get(name, WorkspaceUsage(name, 1, ())),
                plans.get(name, NO_PLAN),
                held.get(name, ()),
            )
            for name in names
        ]


def _bill(asked: Asked, status: Status, parts: Sequence[Part], usage: WorkspaceUsage, plans: Sequence[PlanInterval],
          held: tuple[HeldName, ...]) -> Bill:  # fmt: skip
    card = asked.card
    keys, byte_seconds = _lines(usage)
    costs = rate_costs(usage, parts, asked.month.seconds, plans)
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
        asked.month,
        status,
        asked.covered_until,
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
