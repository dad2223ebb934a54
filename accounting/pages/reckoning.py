"""The sentences that lead from what was stored to the total, in figures that add up and multiply out as shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from accounting.billing.rating import apportion, round_half_up
from accounting.explaining.explanation import RateStep
from accounting.instants import shown_instant
from accounting.model import UNIT_BYTES, Statement
from accounting.text import counted, decimal, digits, in_words, shown_money

_FIRST_DIGITS, _MOST_DIGITS = 3, 12
_NAMED_TERMS = 4  # a sentence with more terms than these gives a range of prices


@dataclass(frozen=True)
class Term:
    """What is billed at one price: unit-months of one tier of a rate in force in [start, end)."""

    start: int
    end: int
    unit: str
    units: Fraction
    price: Fraction


@dataclass(frozen=True)
class Reckoning:
    """Unit-months, rounded to `decimals` so that stored = free + included + the terms' units, where all have the
    statement's unit; and so that the sum of units × prices, rounded once, is the amount of the lines.
    """

    decimals: int
    stored: Fraction
    free: Fraction
    included: Fraction
    terms: tuple[Term, ...]


def reckon(statement: Statement, rates: Sequence[RateStep]) -> Reckoning:
    """The steps from the storage to its cost; without rates there are no terms."""
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
    """Some sentences that explain the total: stored, free, included, billed × price, corrected.

    `known_from` is the instant of the first snapshot.
    """
    if statement.status == "unknown":
        return (
            f"Nothing is known of {statement.month}, because it ends before the first snapshot, which is of"
            f" {shown_instant(known_from)}. So there is no bill."
        )
    sentences = [_stored(statement, reckoning)]
    not_billed = [
        f"{decimal(units, reckoning.decimals)} {words}"
        for units, words in ((reckoning.free, "are free of charge"), (reckoning.included, "are included"))
        if units
    ]
    if not_billed:
        sentences.append(f"Of these, {in_words(not_billed)}.")
    amount = amount_of_lines(statement)
    if amount is None or statement.amount_minor is None:
        return " ".join([*sentences, "No rate card is loaded, so there are no amounts."])
    cost = f"{shown_money(amount, statement.minor_digits)} {statement.currency}"
    paid = _paid(statement, reckoning)
    if paid:
        sentences.append(f"{'The rest costs' if not_billed else 'They cost'} {cost}: {paid}.")
    else:
        sentences.append(f"There is nothing to pay: {cost}.")
    if statement.corrections:
        corrected = shown_money(statement.amount_minor - amount, statement.minor_digits)
        sentences.append(
            f"With {corrected} {statement.currency} for {counted(len(statement.corrections), 'correction')} of closed"
            f" months, the total is {shown_money(statement.amount_minor, statement.minor_digits)} {statement.currency}."
        )
    return " ".join(sentences)


def _stored(statement: Statement, reckoning: Reckoning) -> str:
    if statement.covered_until <= statement.month.start:
        return f"Nothing is known of {statement.month} yet, because no snapshot reaches it."
    stored = "Nothing was"
    if statement.byte_seconds:
        stored = f"{decimal(reckoning.stored, reckoning.decimals)} {statement.unit}-months were"
    return f"{stored} stored{' so far' if statement.status == 'provisional' else ''}."


def _paid(statement: Statement, reckoning: Reckoning) -> str:
    """The terms as `51.000 at 0.25 USD`; empty where there are none."""
    terms = [term for term in reckoning.terms if term.units]
    several = len({term.unit for term in reckoning.terms}) > 1

    def quantity(units: Fraction, unit: str) -> str:
        return decimal(units, reckoning.decimals) + (f" {unit}-months" if several else "")

    if len(terms) > _NAMED_TERMS:
        prices = sorted({term.price for term in terms})
        of_unit = {unit: [term.units for term in terms if term.unit == unit] for unit in (term.unit for term in terms)}
        units = in_words([quantity(sum(of_it, Fraction(0)), unit) for unit, of_it in of_unit.items()])
        low, high = _price(statement, prices[0]), _price(statement, prices[-1])
        return f"{units} at {len(prices)} prices from {low} to {high}, which `acct explain` lists"
    words = []
    for term in terms:
        units = quantity(term.units, term.unit)
        since = f" from {shown_instant(term.start)}" if term.start > statement.month.start else ""
        words.append(f"{units} at {_price(statement, term.price)}{since}")
    return in_words(words) if words else ""


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
