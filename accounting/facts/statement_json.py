"""A statement as JSON, schema `acct.report/1`, and back; a closing seals this text."""

import json
from typing import Any

from accounting.instants import Month, format_instant, parse_instant
from accounting.model import Correction, HeldName, Line, LineKey, Statement
from accounting.rates.ratecard import minor_digits_of
from accounting.tables import json_text
from accounting.text import money


def statement_json(statement: Statement) -> str:
    """The text; byte-seconds and amounts are exact digits. Lines and corrections sum to the totals (RULES, laws)."""
    digits = statement.minor_digits
    return json_text(
        {
            "schema": "acct.report/1",
            "workspace": statement.workspace,
            "month": str(statement.month),
            "status": statement.status,
            "covered_until": format_instant(statement.covered_until),
            "currency": statement.currency,
            "unit": statement.unit,
            "total": {
                "byte_seconds": str(statement.total_byte_seconds),
                "charged_byte_seconds": str(statement.charged_byte_seconds),
                "included_byte_seconds": str(statement.included_byte_seconds),
                "amount": _amount(statement.amount_minor, digits),
            },
            "lines": [
                {
                    **_key(line.key),
                    "charged": line.charged,
                    "byte_seconds": str(line.byte_seconds),
                    "amount": _amount(line.amount_minor, digits),
                }
                for line in statement.lines
            ],
            "corrections": [
                {
                    "month": str(correction.month),
                    **_key(correction.key),
                    "byte_seconds": str(correction.byte_seconds),
                    "amount": _amount(correction.amount_minor, digits),
                }
                for correction in statement.corrections
            ],
            "held_names": [held_name(name) for name in statement.held_names],
        }
    )


def parse_statement(text: str) -> Statement:
    """The statement that `statement_json` has written."""
    members: dict[str, Any] = json.loads(text)
    minor_digits = minor_digits_of(members["currency"]) if members["currency"] else 0
    total = members["total"]
    corrections = tuple(
        Correction(Month.parse(c["month"]), _key_of(c), int(c["byte_seconds"]), minor_of(c["amount"]))
        for c in members["corrections"]
    )
    return Statement(
        members["workspace"],
        Month.parse(members["month"]),
        members["status"],
        parse_instant(members["covered_until"]),
        members["unit"],
        members["currency"],
        minor_digits,
        int(total["byte_seconds"]) - sum(correction.byte_seconds for correction in corrections),
        int(total["charged_byte_seconds"]),
        int(total["included_byte_seconds"]),
        minor_of(total["amount"]),
        tuple(
            Line(_key_of(line), line["charged"], int(line["byte_seconds"]), minor_of(line["amount"]))
            for line in members["lines"]
        ),
        corrections,
        tuple(
            HeldName(name["name"], name["repository"], parse_instant(name["held_until"]))
            for name in members["held_names"]
        ),
    )


def held_name(name: HeldName) -> dict[str, str]:
    """A held name, as in every list of held names."""
    return {"name": name.name, "repository": name.repository, "held_until": format_instant(name.held_until)}


def _key(key: LineKey) -> dict[str, str | None]:
    return {"repository": key.repository, "format": key.format, "package": key.package, "state": key.state}


def _key_of(members: dict[str, Any]) -> LineKey:
    return LineKey(members["repository"], members["format"], members["package"], members["state"])


def _amount(minor: int | None, digits: int) -> str | None:
    return None if minor is None else money(minor, digits)


def minor_of(amount: str | None) -> int | None:
    """Minor units of an amount in exact digits."""
    return None if amount is None else int(amount.replace(".", ""))
