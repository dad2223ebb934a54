"""Byte-seconds to money, in exact whole numbers and fractions, rounded once (RULES, sections 4 and 5)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm

from accounting.errors import AcctError
from accounting.model import LineKey, PlanInterval, Rate, RateCost, RatePeriod, WorkspaceUsage


def apportion(numerators: Sequence[int], denominator: int, total: int) -> list[int]:
    """`total` in whole numbers: each share rounded down, the rest one each to the largest fractions.

    Ties go to the share that comes first. `total` lies within one per share that is not a whole number above
    the sum of the shares rounded down.

    >>> apportion([10, 10, 10], 3, 10)
    [4, 3, 3]
    """
    wholes = [numerator // denominator for numerator in numerators]
    largest = sorted(range(len(wholes)), key=lambda i: (-(numerators[i] % denominator), i))
    for i in largest[: total - sum(wholes)]:
        wholes[i] += 1
    return wholes


def round_half_up(value: Fraction) -> int:
    """
    >>> round_half_up(Fraction(5, 2)), round_half_up(Fraction(7, 3))
    (3, 2)
    """
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def included_units(rate: Rate, start: int, end: int, month_seconds: int, plans: Sequence[PlanInterval],
                   workspace: str) -> Fraction:  # fmt: skip
    """Unit-months that a rate includes for the interval [start, end): by plan, in proportion to its seconds.

    Raises AcctError for a plan that the rate does not list.
    """
    if rate.included is None:
        return Fraction(0)
    units = Fraction(0)
    for plan_from, plan_until, plan in plans:
        seconds = min(end, plan_until) - max(start, plan_from)
        if seconds <= 0:
            continue
        if plan is not None and plan not in rate.included:
            raise AcctError(
                f"workspace {workspace}",
                f"has the plan {plan!r}, which the rate from {rate.effective_from} does not list under included",
                "add the plan to the rate card and load it, or correct the plan by an event of the same time with"
                " another id that comes later by code point",
            )
        units += rate.included.get("default" if plan is None else plan, Fraction(0)) * seconds
    return units / month_seconds


def tier_units(rate: Rate, units: Fraction, proportion: Fraction) -> list[Fraction]:
    """Unit-months that lie in each tier, where bounds count for a proportion of the month.

    >>> from datetime import date
    >>> from accounting.model import Tier
    >>> rate = Rate(date(2026, 1, 1), "GB", (Tier(Fraction(10), Fraction(2)), Tier(None, Fraction(1))), None)
    >>> [str(units) for units in tier_units(rate, Fraction(7), Fraction(1, 2))]
    ['5', '2']
    """
    tiers, below = [], Fraction(0)
    for tier in rate.tiers:
        bound = units if tier.up_to is None else min(units, tier.up_to * proportion)
        tiers.append(max(bound - below, Fraction(0)))
        below = max(below, bound)
    return tiers


def tiered_cost(rate: Rate, units: Fraction, proportion: Fraction) -> Fraction:
    """The price of unit-months under graduated tiers whose bounds count for a proportion of the month."""
    in_tiers = zip(tier_units(rate, units, proportion), rate.tiers, strict=True)
    return sum((units * tier.price for units, tier in in_tiers), Fraction(0))


def rate_costs(usage: WorkspaceUsage, parts: Sequence[RatePeriod], month_seconds: int,
               plans: Sequence[PlanInterval]) -> dict[Rate, RateCost]:  # fmt: skip
    """What each rate in force makes of the charged usage of its part of the month."""
    intervals: dict[Rate, list[RatePeriod]] = {}
    for part in parts:
        if part.rate is not None:
            intervals.setdefault(part.rate, []).append(part)
    charged: dict[Rate, int] = dict.fromkeys(intervals, 0)
    for share in usage.shares:
        rate = parts[share.part].rate
        if share.charged and rate is not None:
            charged[rate] += share.numerator
    costs = {}
    for rate, of_rate in intervals.items():
        start, end = of_rate[0].start, of_rate[-1].end
        stored = Fraction(charged[rate], usage.denominator * rate.unit_bytes * month_seconds)
        included = min(stored, included_units(rate, start, end, month_seconds, plans, usage.workspace))
        cost = tiered_cost(rate, stored - included, Fraction(end - start, month_seconds))
        costs[rate] = RateCost(cost, charged[rate], included * rate.unit_bytes * month_seconds)
    return costs


def amounts(usage: WorkspaceUsage, parts: Sequence[RatePeriod], costs: Mapping[Rate, RateCost],
            keys: Sequence[LineKey], minor_digits: int) -> tuple[int, list[int]]:  # fmt: skip
    """The workspace's total and its lines in minor units; cost falls on lines by their exact charged usage."""
    total = round_half_up(sum((of_rate.cost for of_rate in costs.values()), Fraction(0)) * 10**minor_digits)
    weights = {
        rate: of_rate.cost * 10**minor_digits / of_rate.charged for rate, of_rate in costs.items() if of_rate.charged
    }
    common = lcm(*(weight.denominator for weight in weights.values()))
    whole = {rate: weight.numerator * (common // weight.denominator) for rate, weight in weights.items()}
    exact = dict.fromkeys(keys, 0)
    for share in usage.shares:
        rate = parts[share.part].rate
        if share.charged and rate in whole:
            exact[share.key] += share.numerator * whole[rate]
    return total, apportion([exact[key] for key in keys], common, total)
