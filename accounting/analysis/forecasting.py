"""What the bills of this month and of the next three will be: what is known, and a range from the past's own changes.

What is known is computed as any bill: all that is stored stays, and what retention ends is charged until its date. The
range is an estimate, in floats: it says by how much charged storage may differ from that, as the content of packages
that are live has changed before. Deletions and restorations are no growth that repeats: what they took off what is
charged is taken off once more, as it was, from a random day of the past on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from pathlib import Path

from accounting.analysis.ranges import ENOUGH_DAYS, futures, inner_range, losing_once, running_means
from accounting.analysis.retention import RetentionEnd, retention_calendar
from accounting.analysis.scenario import goes_on, supposing
from accounting.billing.rating import rate_costs, round_half_up
from accounting.billing.statement import require_workspace, statement
from accounting.billing.usage import NO_PLAN, coverage, plans_of, usage_of_one
from accounting.facts.cards import card_in_force
from accounting.instants import Month
from accounting.ledger import Ledger, Query
from accounting.model import LineKey, Share, Statement, WorkspaceUsage
from accounting.rates.periods import periods_under, rate_periods

DAY = 86_400
_NEXT_MONTHS = 3
_MOST_DAYS = 365  # of history


@dataclass(frozen=True)
class Bound:
    """An end of a range: charged byte-seconds, and the amount in minor units (None without a rate card)."""

    charged_byte_seconds: int
    amount_minor: int | None


@dataclass(frozen=True)
class ForecastMonth:
    """A month's statement if nothing else happens, and the range around it; None where history is too short."""

    known: Statement
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True)
class ForecastDay:
    """The bytes charged on a day to come if nothing else happens, and the range around them, of running means."""

    known: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Forecast:
    """A workspace's forecast from the instant up to which its ledger is covered.

    `history` is the bytes charged on each day before that instant, `days` on each after it; `ends` are the dates of
    retention in the months that are forecast.
    """

    workspace: str
    covered_until: int
    history: tuple[float, ...]
    days: tuple[ForecastDay, ...]
    months: tuple[ForecastMonth, ...]
    ends: tuple[RetentionEnd, ...]

    @property
    def has_range(self) -> bool:
        return len(self.history) > ENOUGH_DAYS


def forecast(path: Path, workspace: str) -> Forecast:
    """The forecast of a workspace from the ledger at `path`, which is only read.

    Raises AcctError for an unknown workspace, a ledger without snapshots, and months that the card cannot bill.
    """
    with supposing(path, workspace) as ledger:
        require_workspace(ledger, workspace)
        covered_until = coverage(ledger)
        months = [Month.holding(covered_until)]
        for _ in range(_NEXT_MONTHS):
            months.append(months[-1].next)
        until = months[-1].end
        known_days = _days_known(ledger, covered_until)
        first = covered_until - known_days * DAY
        with ledger.keeping():
            live = _days(ledger, workspace, "live_intervals", first, known_days)
            ends = [end for end in retention_calendar(ledger, workspace).ends if end.happens_at < until]
            so_far = statement(ledger, workspace, months[0]).charged_byte_seconds
        goes_on(ledger, until)
        with ledger.keeping():
            charged = _days(ledger, workspace, "charged_intervals", first, -(-(until - first) // DAY))
            history, ahead = charged[:known_days], charged[known_days:]
            drawn = []
            if len(live) > ENOUGH_DAYS:
                gone = [all_ - of for all_, of in zip(history, live, strict=True)]
                drawn = losing_once(futures(live, len(ahead)), gone)
            forecast_months = tuple(
                _month(ledger, workspace, month, covered_until, so_far if month == months[0] else 0, drawn)
                for month in months
            )
    means = [running_means(path) for path in drawn]
    days = tuple(_day(known, [path[i] for path in means]) for i, known in enumerate(ahead))
    return Forecast(workspace, covered_until, tuple(history), days, forecast_months, tuple(ends))


def _days_known(ledger: Ledger, covered_until: int) -> int:
    """For how many whole days all sources that hold something of the workspace have shown it."""
    ((first,),) = ledger.rows(
        "SELECT greatest((SELECT max(first_at) FROM (SELECT min(taken_at) AS first_at FROM snapshots"
        "   WHERE source_id IN (SELECT source_id FROM holdings) GROUP BY source_id)),"
        " (SELECT min(valid_from) FROM holdings))"
    )
    return 0 if first is None else max(min((covered_until - first) // DAY, _MOST_DAYS), 0)


def _days(ledger: Ledger, workspace: str, counted: str, first: int, days: int) -> list[float]:
    """The mean bytes held on each day from an instant on, in intervals that count: by the relation `counted`."""
    rules, until = card_in_force(ledger).rules, first + days * DAY
    changes: dict[int, tuple[int, int]] = {}
    if days:
        with ledger.view(Query(periods_under(rules, first, until), until, rules), [workspace]) as view:
            view.give("counted_intervals", f"SELECT * FROM {counted}")
            rows = view.rows("SELECT day, size_bytes, byte_seconds FROM content_by_day")
            changes = {day: (size_bytes, byte_seconds) for day, size_bytes, byte_seconds in rows}
    held, means = 0, []
    for day in range(days):
        grown, byte_seconds = changes.get(day, (0, 0))
        means.append(held + byte_seconds / DAY)
        held += grown
    return means


def _day(known: float, differences: Sequence[float]) -> ForecastDay:
    if not differences:
        return ForecastDay(known, None, None)
    low, high = inner_range(differences)
    return ForecastDay(known, max(known + min(low, 0), 0), known + max(high, 0))


def _month(ledger: Ledger, workspace: str, month: Month, start: int, so_far: int,
           drawn: Sequence[Sequence[float]]) -> ForecastMonth:  # fmt: skip
    """A month if everything stays as it is, with the range of what may be charged more or less from `start` on."""
    known = statement(ledger, workspace, month)
    if not drawn:
        return ForecastMonth(known, None, None)
    seconds = [
        max(min(month.end, start + (day + 1) * DAY) - max(month.start, start + day * DAY), 0)
        for day in range(len(drawn[0]))
    ]
    low, high = inner_range([sum(map(mul, path, seconds)) for path in drawn])
    # What is known is in the range: nothing need happen.
    least = max(known.charged_byte_seconds + min(round(low), 0), so_far)
    most = known.charged_byte_seconds + max(round(high), 0)
    amounts = _amounts(ledger, known, start, (least, most))
    return ForecastMonth(known, *map(Bound, (least, most), amounts))


def _amounts(ledger: Ledger, known: Statement, start: int, bounds: Sequence[int]) -> list[int | None]:
    """What a month would cost for each of these charged byte-seconds, more or less than known from `start` on."""
    if known.amount_minor is None:
        return [None] * len(bounds)
    card, month = card_in_force(ledger), known.month
    parts = rate_periods(month, card)
    charged = [0] * len(parts)
    with ledger.view(Query(parts, month.end, card.rules), [known.workspace]) as view:
        usage = usage_of_one(view)
        plans = plans_of(view).get(known.workspace, NO_PLAN)
    for share in usage.shares:
        charged[share.part] += share.numerator // usage.denominator if share.charged else 0
    changing = [max(part.end - max(part.start, start), 0) for part in parts]
    line = LineKey(None, "", "", "")
    corrections = sum(correction.amount_minor or 0 for correction in known.corrections)
    amounts: list[int | None] = []
    for bound in bounds:
        difference = bound - known.charged_byte_seconds
        shares = tuple(
            Share(line, number, True, max(stored + difference * seconds // sum(changing), 0))
            for number, (stored, seconds) in enumerate(zip(charged, changing, strict=True))
        )
        costs = rate_costs(WorkspaceUsage(known.workspace, 1, shares), parts, month.seconds, plans)
        lines = round_half_up(sum((cost.cost for cost in costs.values()), Fraction(0)) * 10**card.minor_digits)
        amounts.append(lines + corrections if difference else known.amount_minor)
    return amounts
