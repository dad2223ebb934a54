"""A rate card from TOML: every key checked, every quantity an exact decimal (RULES, section 5)."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from iso4217 import Currency

from accounting.errors import AcctError
from accounting.model import STATES, Rate, RateCard, Rule, Tier
from accounting.tables import json_text
from accounting.toml import parse_toml

_LONGEST_RETENTION_DAYS = 36_500
# Without a card, usage is shown by the rule of Bitbucket Packages ("Set up and use packages") and nothing is billed.
NO_CARD = RateCard(None, 0, (Rule(date(1970, 1, 1), 30, ("live", "repository_deleted"), "workspace"),), ())


def parse_card(text: str, where: str) -> RateCard:
    """The rate card in a TOML text; errors name it as `where`.

    Raises AcctError for invalid TOML, an unknown or missing key, a number that is not written as a string, an unknown
    currency, unit, state or share, tiers out of order, and two entries with one date.
    """
    card = parse_toml(text, where, "correct the card and load it again")
    _keys(where, card, {"currency"}, {"rule", "rate"})
    currency = _currency(f"{where}, currency", card["currency"])
    rules = [_rule(f"{where}, [[rule]] {i}", entry) for i, entry in _entries(where, card, "rule")]
    rates = [_rate(f"{where}, [[rate]] {i}", entry) for i, entry in _entries(where, card, "rate")]
    for kind, entries in (("rule", rules), ("rate", rates)):
        dates = [entry.effective_from for entry in entries]
        twice = sorted({day for day in dates if dates.count(day) > 1})
        if twice:
            raise AcctError(where, f"has two [[{kind}]] entries from {twice[0]}", "keep one of them")
    return RateCard(
        currency.code,
        currency.exponent or 0,
        tuple(sorted(rules, key=lambda rule: rule.effective_from)),
        tuple(sorted(rates, key=lambda rate: rate.effective_from)),
    )


def card_json(text: str) -> str:
    """A checked card as JSON: the same members, with dates as text."""
    card = parse_toml(text, "the rate card", "load a card again")
    for entry in [*card.get("rule", []), *card.get("rate", [])]:
        entry["effective_from"] = str(entry["effective_from"])
    return json_text(card)


def minor_digits_of(currency: str) -> int:
    """The decimals of a currency's minor unit (ISO 4217).

    >>> minor_digits_of("USD"), minor_digits_of("JPY")
    (2, 0)
    """
    return Currency(currency).exponent or 0


def _keys(where: str, table: Mapping[str, object], required: set[str], optional: set[str]) -> None:
    missing, unknown = sorted(required - table.keys()), sorted(table.keys() - required - optional)
    if missing:
        raise AcctError(where, f"the key {missing[0]} is missing", "add it")
    if unknown:
        known = ", ".join(sorted(required | optional))
        raise AcctError(where, f"the key {unknown[0]!r} is unknown", f"use only the keys {known}")


def _entries(where: str, card: Mapping[str, Any], kind: str) -> list[tuple[int, dict[str, Any]]]:
    entries = card.get(kind, [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise AcctError(where, f"has no [[{kind}]] entry", f"add at least one [[{kind}]]")
    return list(enumerate(entries, 1))


def _currency(where: str, code: object) -> Currency:
    try:
        currency = Currency(code)
    except ValueError:
        raise AcctError(where, f"{code!r} is not an ISO 4217 currency", "write a code such as USD") from None
    if currency.exponent is None:
        raise AcctError(where, f"{code} has no minor unit", "use a currency in which bills can be paid")
    return currency


def _rule(where: str, entry: Mapping[str, Any]) -> Rule:
    _keys(where, entry, {"effective_from", "retention_days", "charged", "share"}, set())
    days, charged, share = entry["retention_days"], entry["charged"], entry["share"]
    if type(days) is not int or not 0 <= days <= _LONGEST_RETENTION_DAYS:
        raise AcctError(
            where,
            f"retention_days {days!r} is not a whole number from 0 to {_LONGEST_RETENTION_DAYS}",
            "write a number of days, such as 30",
        )
    if not isinstance(charged, list) or not all(state in STATES for state in charged):
        raise AcctError(where, f"charged {charged!r} is not a list of known states", f"choose from {', '.join(STATES)}")
    if share not in ("workspace", "package"):
        raise AcctError(where, f"share {share!r} is unknown", 'write "workspace" or "package"')
    return Rule(_day(where, entry["effective_from"]), days, tuple(dict.fromkeys(charged)), share)


def _rate(where: str, entry: Mapping[str, Any]) -> Rate:
    _keys(where, entry, {"effective_from", "unit", "tiers"}, {"included"})
    unit, included = entry["unit"], entry.get("included")
    if unit not in ("GB", "GiB"):
        raise AcctError(where, f"the unit {unit!r} is unknown", 'write "GB" (10^9 bytes) or "GiB" (2^30 bytes)')
    if included is not None:
        if not isinstance(included, dict):
            raise AcctError(where, "included is not a table", 'write it as { default = "1" }')
        included = {plan: _decimal(f"{where}, included.{plan}", value) for plan, value in included.items()}
    return Rate(_day(where, entry["effective_from"]), unit, _tiers(where, entry["tiers"]), included)


def _tiers(where: str, tiers: object) -> tuple[Tier, ...]:
    if not isinstance(tiers, list) or not tiers or not all(isinstance(tier, dict) for tier in tiers):
        raise AcctError(where, "tiers is not a list of tiers", 'write it as [{ price = "0.25" }]')
    read: list[Tier] = []
    for i, tier in enumerate(tiers, 1):
        here = f"{where}, tier {i}"
        last = i == len(tiers)
        if last and "up_to" in tier:
            raise AcctError(here, "is the last tier, but has a bound", "remove up_to; the last tier has no bound")
        _keys(here, tier, {"price"} if last else {"price", "up_to"}, set())
        bound = None if last else _decimal(f"{here}, up_to", tier["up_to"])
        if bound is not None and bound <= (read[-1].up_to if read else 0):  # type: ignore[operator]
            what = f"up_to {tier['up_to']} is not above {'the previous tier' if read else '0'}"
            raise AcctError(here, what, "put the tiers in ascending order")
        read.append(Tier(bound, _decimal(f"{here}, price", tier["price"])))
    return tuple(read)


def _decimal(where: str, value: object) -> Fraction:
    if isinstance(value, str) and re.fullmatch(r"-\d+(\.\d+)?", value, re.ASCII):
        raise AcctError(where, f"{value!r} is negative", "write a number that is 0 or more")
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,30}(\.\d{1,30})?", value, re.ASCII):
        raise AcctError(where, f"{value!r} is not a decimal number in quotes", 'write it exactly, such as "0.25"')
    return Fraction(value)


def _day(where: str, value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime) or value.year < 1970:
        raise AcctError(where, f"effective_from {value!r} is not a date", "write it without quotes, such as 2026-01-01")
    return value
