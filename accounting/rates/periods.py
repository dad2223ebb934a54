"""Rate periods: the parts of a month, or of any time, under one rule and one rate (RULES, section 5)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from accounting.errors import AcctError
from accounting.instants import Month, midnight
from accounting.model import Rate, RateCard, RatePeriod, Rule


def rate_periods(month: Month, card: RateCard, cuts: Sequence[int] = ()) -> list[RatePeriod]:
    """The month cut where a rule or a rate comes into force (RULES, section 5), and at further instants.

    Raises AcctError for a month with an instant before the first of them.
    """
    dated: list[tuple[str, Sequence[Rule | Rate]]] = [("rule", card.rules), ("rate", card.rates)]
    for kind, entries in dated:
        if entries and midnight(entries[0].effective_from) > month.start:
            raise AcctError(
                f"month {month}",
                f"begins before the rate card's first {kind}, of {entries[0].effective_from}, so it cannot be billed",
                f"add an earlier [[{kind}]] to the card and load it",
            )
    changes = {midnight(entry.effective_from) for _, entries in dated for entry in entries}.union(cuts)
    bounds = {month.start, month.end, *(change for change in changes if month.start < change < month.end)}
    periods = []
    for start, end in pairwise(sorted(bounds)):
        rates = [rate for rate in card.rates if midnight(rate.effective_from) <= start]
        periods.append(RatePeriod(start, end, rule_at(card.rules, start), rates[-1] if rates else None))
    return periods


def periods_under(rules: Sequence[Rule], start: int, end: int) -> list[RatePeriod]:
    """The time from one instant to another, cut where another rule comes into force; without rates."""
    changes = (midnight(rule.effective_from) for rule in rules)
    cuts = [start, *(change for change in changes if start < change < end), end]
    return [RatePeriod(here, there, rule_at(rules, here), None) for here, there in pairwise(cuts)]


def rule_at(rules: Sequence[Rule], instant: int) -> Rule:
    """The rule in force at an instant, or the first where that is later (RULES, section 3)."""
    return ([rule for rule in rules if midnight(rule.effective_from) <= instant] or rules[:1])[-1]


def unit_of(periods: Sequence[RatePeriod]) -> Literal["GB", "GiB"]:
    """The unit of a month's last rate; GB without a rate card."""
    rate = periods[-1].rate
    return "GB" if rate is None else rate.unit
