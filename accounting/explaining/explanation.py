"""The nouns of an explanation: a bill's lines taken apart into allocations, the steps from there to money, and what
moved closed months.

Byte-seconds of allocations are exact fractions. Money is exact and in the major unit until it is rounded to minor
units.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from accounting.instants import Month
from accounting.model import Correction, Line, Rate, RateCost, RatePeriod, Statement, WorkspaceUsage

NAMED = 3  # so many names of versions or packages are sealed, then how many more there are


@dataclass(frozen=True)
class Cause:
    """A lifecycle event that put a package where it is; `kind` and `verb` as in `registry.<kind>.<verb>`."""

    kind: str
    verb: str
    occurred_at: int
    event_id: str
    event_source: str


@dataclass(frozen=True)
class StateInterval:
    """An interval [start, end) of a part of the month in which a package is on one line of the bill.

    `linked_by` set its repository; `changed_by` deleted it, or brought it back where it is live; None: no event did.
    `kept_until` is the end of the retention period, where there is one.
    """

    part: int
    start: int
    end: int
    charged: bool
    linked_by: Cause | None
    changed_by: Cause | None
    kept_until: int | None


@dataclass(frozen=True)
class Allocation:
    """An interval [start, end) in which a package held a blob, on one line, and the same packages shared it.

    `sharers` is how many carry the blob; the package is one of them if it `carries`, else nothing falls on it. It is
    None where they changed too often to tell each interval: then `others` have held the blob at some time in that part
    of the month. `named` are the first of the others, as FORMAT/NAME.
    """

    part: int
    start: int
    end: int
    carries: bool
    sharers: int | None
    others: int
    named: tuple[str, ...]
    byte_seconds: Fraction


@dataclass(frozen=True)
class Sighting:
    """An unbroken presence of a blob in a version, and the first and the last snapshot of a source that held it.

    `hidden`: it counts after that too, since a deletion hides it (RULES, section 2).
    """

    version: str
    source: str
    present_from: int
    first_seen_at: int
    last_seen_at: int
    hidden: bool


@dataclass(frozen=True)
class BlobAllocations:
    """A blob of a line: its allocations by time, and what tells of it."""

    digest: str
    size_bytes: int
    allocations: tuple[Allocation, ...]
    sightings: tuple[Sighting, ...]

    @property
    def byte_seconds(self) -> Fraction:
        return total(allocation.byte_seconds for allocation in self.allocations)


@dataclass(frozen=True)
class Charge:
    """What a line owes by one rate: its charged usage, and the cost in proportion to it."""

    rate: Rate
    byte_seconds: Fraction
    cost: Fraction


@dataclass(frozen=True)
class LineExplanation:
    """A line of the bill and all that made it: blobs by byte-seconds, the most first, then `more_blobs` as one sum.

    `exact_byte_seconds` is the line's share before it is made whole, `exact_cost` what it owes before that is rounded
    (None without a rate card).
    """

    line: Line
    states: tuple[StateInterval, ...]
    blobs: tuple[BlobAllocations, ...]
    more_blobs: int
    more_byte_seconds: Fraction
    exact_byte_seconds: Fraction
    charges: tuple[Charge, ...]
    exact_cost: Fraction | None

    def exact_minor(self, minor_digits: int) -> Fraction | None:
        """What the line owes in minor units, before it is rounded."""
        return None if self.exact_cost is None else self.exact_cost * 10**minor_digits


@dataclass(frozen=True)
class TierStep:
    """What lies in one tier, from `above` on, in unit-months, and its cost."""

    above: Fraction
    units: Fraction
    price: Fraction

    @property
    def cost(self) -> Fraction:
        return self.units * self.price


@dataclass(frozen=True)
class RateStep:
    """What a rate makes of the workspace's charged usage of the interval [start, end)."""

    rate: Rate
    start: int
    end: int
    charged_byte_seconds: Fraction
    included_byte_seconds: Fraction
    tiers: tuple[TierStep, ...]
    cost: Fraction


@dataclass(frozen=True)
class SealedLine:
    """What the closing of a month sealed of a line: of its own line, or in a correction of an earlier month's."""

    month: Month
    byte_seconds: int
    amount_minor: int | None


@dataclass(frozen=True)
class LateEvent:
    """A lifecycle event that was recorded after a closing; the slug or the plan that it names."""

    cause: Cause
    repository: str | None
    plan: str | None
    recorded_at: int


@dataclass(frozen=True)
class LateSnapshot:
    """A snapshot that was recorded after a closing: how many presences of a package's blobs it began, ended, or showed
    to have gone on since the snapshot before it.
    """

    source: str
    taken_at: int
    recorded_at: int
    begun: int
    ended: int
    went_on: int


@dataclass(frozen=True)
class CorrectionExplanation:
    """A correction, what was sealed of its line so far, and the evidence on it since the closing of `last_closed`.

    `card_recorded_at`: when a rate card was loaded as retroactive, if one was. `sharers` are the first packages that
    share blobs with this one and are corrected too.
    """

    correction: Correction
    sealed_lines: tuple[SealedLine, ...]
    last_closed: Month
    events: tuple[LateEvent, ...]
    snapshots: tuple[LateSnapshot, ...]
    card_recorded_at: int | None
    sharers: tuple[str, ...]

    @property
    def sealed(self) -> tuple[int, int | None]:
        """Byte-seconds and amount as sealed so far, what was sealed and the corrections of it; the amount as `now` has
        one."""
        amounts = [sealed_line.amount_minor or 0 for sealed_line in self.sealed_lines]
        amount = None if self.correction.amount_minor is None else sum(amounts)
        return sum(sealed_line.byte_seconds for sealed_line in self.sealed_lines), amount

    @property
    def now(self) -> tuple[int, int | None]:
        """Byte-seconds and amount as they would be by all that is known: the correction is the difference."""
        byte_seconds, amount = self.sealed
        added = self.correction.amount_minor
        return byte_seconds + self.correction.byte_seconds, None if amount is None or added is None else amount + added

    @property
    def only_amount(self) -> bool:
        """Whether as much was stored as was sealed."""
        return not self.correction.byte_seconds


@dataclass(frozen=True)
class Explanation:
    """How a statement comes about: the parts of the month, what each rate makes of it, and the lines and corrections
    asked for.
    """

    statement: Statement
    parts: tuple[RatePeriod, ...]
    rates: tuple[RateStep, ...]
    lines: tuple[LineExplanation, ...]
    corrections: tuple[CorrectionExplanation, ...]


def rate_steps(costs: Mapping[Rate, RateCost], usage: WorkspaceUsage, parts: Sequence[RatePeriod],
               month: Month) -> tuple[RateStep, ...]:  # fmt: skip
    """What each rate in force makes of a workspace's month, in the order of their dates."""
    return tuple(_rate_step(rate, cost, usage, parts, month) for rate, cost in costs.items())


def _rate_step(
    rate: Rate, cost: RateCost, usage: WorkspaceUsage, parts: Sequence[RatePeriod], month: Month
) -> RateStep:
    """A rate's cost, tier by tier, as accounting/billing/rating.py comes to it (RULES, section 5)."""
    of_rate = [part for part in parts if part.rate == rate]
    start, end = of_rate[0].start, of_rate[-1].end
    charged = Fraction(cost.charged, usage.denominator)
    units = (charged - cost.included_byte_seconds) / (rate.unit_bytes * month.seconds)
    tiers, above = [], Fraction(0)
    for tier in rate.tiers:
        bound = units if tier.up_to is None else min(units, tier.up_to * Fraction(end - start, month.seconds))
        if bound > above:
            tiers.append(TierStep(above, bound - above, tier.price))
            above = bound
    return RateStep(rate, start, end, charged, cost.included_byte_seconds, tuple(tiers), cost.cost)


def total(values: Iterable[Fraction]) -> Fraction:
    """The exact sum, denominator by denominator: allocations are many, numbers of sharers few.

    >>> total([Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)])
    Fraction(1, 1)
    """
    numerators: dict[int, int] = {}
    for value in values:
        numerators[value.denominator] = numerators.get(value.denominator, 0) + value.numerator
    return sum((Fraction(n, denominator) for denominator, n in numerators.items()), Fraction(0))
