"""Each line's share of the allowance, of each tier, and its uncharged usage: RULES, section 5, line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from accounting.billing.rating import tier_units
from accounting.model import LineKey, Rate, RateCost, RatePeriod, WorkspaceUsage

_NOTHING = Fraction(0)


@dataclass(frozen=True)
class Level:
    """A share of the usage in a rate's part of the month that has one price.

    `name` is `not charged`, `included`, or `tier` and a number; `byte_seconds` are exact.
    """

    start: int
    end: int
    unit: str
    unit_seconds: int
    name: str
    price: Fraction
    byte_seconds: Fraction


def levels_of(usage: WorkspaceUsage, parts: Sequence[RatePeriod], costs: Mapping[Rate, RateCost],
              month_seconds: int) -> dict[LineKey, list[Level]]:  # fmt: skip
    """The levels of each line: its uncharged usage, and its share of the allowance and of each tier."""
    rates = list(costs)
    rate_of_part = [rates.index(part.rate) for part in parts if part.rate is not None]
    used: dict[tuple[int, bool, LineKey], int] = {}
    for share in usage.shares:
        of_line = (rate_of_part[share.part], share.charged, share.key)
        used[of_line] = used.get(of_line, 0) + share.numerator
    whole = [_levels_of_rate(rate, costs[rate], usage.denominator, parts, month_seconds) for rate in rates]
    levels: dict[LineKey, list[Level]] = {}
    for (number, charged, key), numerator in used.items():
        of_rate = whole[number][:-1] if charged else whole[number][-1:]
        all_of_them = costs[rates[number]].charged if charged else usage.denominator
        levels.setdefault(key, []).extend(
            replace(level, byte_seconds=level.byte_seconds * numerator / all_of_them)
            for level in of_rate
            if level.byte_seconds and numerator
        )
    return levels


def _levels_of_rate(rate: Rate, cost: RateCost, denominator: int, parts: Sequence[RatePeriod],
                    month_seconds: int) -> list[Level]:  # fmt: skip
    """The allowance and the tiers of all charged usage of a workspace, then one byte-second that is not charged."""
    of_rate = [part for part in parts if part.rate == rate]
    start, end = of_rate[0].start, of_rate[-1].end
    unit_seconds = rate.unit_bytes * month_seconds
    billed = (Fraction(cost.charged, denominator) - cost.included_byte_seconds) / unit_seconds
    tiers = tier_units(rate, billed, Fraction(end - start, month_seconds))
    return [
        Level(start, end, rate.unit, unit_seconds, name, price, byte_seconds)
        for name, price, byte_seconds in (
            ("included", _NOTHING, cost.included_byte_seconds),
            *(
                (f"tier {number}", tier.price, units * unit_seconds)
                for number, (units, tier) in enumerate(zip(tiers, rate.tiers, strict=True), 1)
            ),
            ("not charged", _NOTHING, Fraction(1)),
        )
    ]
