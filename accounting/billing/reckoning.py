"""From what was stored to the total: the sentence that says it, in figures that add up and multiply out by eye."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from accounting.billing.explanation import RateStep
from accounting.billing.rating import apportion, round_half_up
from accounting.instants import format_instant
from accounting.model import UNIT_BYTES, Statement
from accounting.text import counted, decimal, digits, in_words, shown_money

_FIRST_DIGITS, _MOST_DIGITS = 3, 12
_NAMED_TERMS = 4  # more prices than these are not terms one by one in a sentence


@dataclass(frozen=True)
class Term:
    """What is paid for at one price: unit-months of one tier of a rate in force in [start, end)."""

    start: int
    end: int
    unit: str
    units: Fraction
    price: Fraction


@dataclass(frozen=True)
class Reckoning:
    """Unit-months, rounded to `decimals` so that stored = free + included + the terms' units, where all are of
    the statement's unit; and so that the terms' units × prices, rounded once, are the amount of the lines.
    """

    decimals: int
    stored: Fraction
    free: Fraction
    included: Fraction
    terms: tuple[Term, ...]


def reckon(statement: Statement, rates: Sequence[RateStep]) -> Reckoning:
    """The steps from what was stored to what it costs; without rates there are no terms."""
    decimals = _FIRST_DIGITS if statement.byte_seconds >= _unit_month(statement) else 2 * _FIRST_DIGITS
    found = _reckoned(statement, rates, decimals)
    while decimals < _MOST_DIGITS and not (_shows(statement, found) and _multiplies_out(statement, found)):
        decimals += _FIRST_DIGITS
        found = _reckoned(statement, rates, decimals)
    return found


def amount_of_lines(statement: Statement) -> int | None:
    """The amount of the lines alone, without corrections, in minor units."""
    if statement.amount_minor is None:
        return None
    return statement.amount_minor - sum(correction.amount_minor or 0 for correction in statement.corrections)


def explanation_of(statement: Statement, reckoning: Reckoning, known_from: int) -> str:
    """One sentence that explains the total: used, free, included, billed × price, corrected.

    `known_from` is the instant of the first snapshot.
    """
    if statement.status == "unknown":
        return (
            f"Nothing is known of {statement.month}, which ends before the first snapshot, of"
            f" {format_instant(known_from)}: it has no bill."
        )
    sentence = "Nothing was stored"
    if statement.byte_seconds:
        sentence = f"{decimal(reckoning.stored, reckoning.decimals)} {statement.unit}-months stored"
    if statement.covered_until <= statement.month.start:
        sentence = f"Nothing is known of {statement.month} yet, since snapshots do not reach it"
    elif statement.status == "provisional":
        sentence += " so far"
    taken = [
        f"{decimal(units, reckoning.decimals)} {words}"
        for units, words in ((reckoning.free, "free of charge"), (reckoning.included, "included"))
        if units
    ]
    sentence += f", less {in_words(taken)}" if taken else ""
    amount = amount_of_lines(statement)
    if amount is None or statement.amount_minor is None:
        return f"{sentence}; no rate card is loaded, so there are no amounts."
    if statement.byte_seconds:
        sentence += f"{', leave' if taken else ','} {_paid(statement, reckoning)}"
    sentence += f": {shown_money(amount, statement.minor_digits)} {statement.currency}"
    if statement.corrections:
        corrected = shown_money(statement.amount_minor - amount, statement.minor_digits)
        sentence += (
            f", and {corrected} {statement.currency} by {counted(len(statement.corrections), 'correction')} of closed"
            f" months make {shown_money(statement.amount_minor, statement.minor_digits)} {statement.currency}"
        )
    return f"{sentence}."


def _paid(statement: Statement, reckoning: Reckoning) -> str:
    """The terms as `51.000 at 0.25 USD`, or that there are none."""
    terms = [term for term in reckoning.terms if term.units]
    several = len({term.unit for term in reckoning.terms}) > 1

    def quantity(units: Fraction, unit: str) -> str:
        return decimal(units, reckoning.decimals) + (f" {unit}-months" if several else "")

    if len(terms) > _NAMED_TERMS:
        prices = sorted({term.price for term in terms})
        of_unit = {unit: [term.units for term in terms if term.unit == unit] for unit in (term.unit for term in terms)}
        units = in_words([quantity(sum(of_it, Fraction(0)), unit) for unit, of_it in of_unit.items()])
        low, high = _price(statement, prices[0]), _price(statement, prices[-1])
        return f"{units} at {len(prices)} prices from {low} to {high}, which `acct explain` tells one by one"
    words = []
    for term in terms:
        units = quantity(term.units, term.unit)
        since = f" from {format_instant(term.start)[:10]}" if term.start > statement.month.start else ""
        words.append(f"{units} at {_price(statement, term.price)}{since}")
    return in_words(words or ["nothing to pay"])


def _price(statement: Statement, price: Fraction) -> str:
    return f"{digits(price, statement.minor_digits)} {statement.currency}"


def _unit_month(statement: Statement) -> int:
    return UNIT_BYTES[statement.unit] * statement.month.seconds


def _reckoned(statement: Statement, rates: Sequence[RateStep], decimals: int) -> Reckoning:
    month_seconds, unit_month = statement.month.seconds, _unit_month(statement)
    charged = sum((step.charged_byte_seconds for step in rates), Fraction(0))
    included = sum((step.included_byte_seconds for step in rates), Fraction(0))
    tiers = [(step, tier) for step in rates for tier in step.tiers]
    exact = [statement.byte_seconds - (charged if rates else statement.charged_byte_seconds), included]
    exact += [tier.units * step.rate.unit_bytes * month_seconds for step, tier in tiers]
    if not rates:
        exact.append(Fraction(statement.charged_byte_seconds))
    scaled = [Fraction(value * 10**decimals, unit_month) for value in exact]
    stored = round_half_up(sum(scaled, Fraction(0)))
    common = lcm(*(value.denominator for value in scaled))
    whole = apportion([int(value * common) for value in scaled], common, stored)
    free, taken, *paid = [Fraction(n, 10**decimals) for n in whole]
    terms = []
    for (step, tier), units in zip(tiers, paid, strict=False):
        own = units
        if step.rate.unit != statement.unit:
            own = Fraction(round_half_up(tier.units * 10**decimals), 10**decimals)
        terms.append(Term(step.start, step.end, step.rate.unit, own, tier.price))
    return Reckoning(decimals, Fraction(stored, 10**decimals), free, taken, tuple(terms))


def _shows(statement: Statement, reckoning: Reckoning) -> bool:
    return reckoning.stored > 0 or not statement.byte_seconds


def _multiplies_out(statement: Statement, reckoning: Reckoning) -> bool:
    amount = amount_of_lines(statement)
    cost = sum((term.units * term.price for term in reckoning.terms), Fraction(0))
    return amount is None or round_half_up(cost * 10**statement.minor_digits) == amount
