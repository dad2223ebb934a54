"""What several reports share: words for states, figures that add up, fractions, held names, HTML pages."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import lcm
from typing import TYPE_CHECKING

from accounting.billing.rating import apportion, round_half_up
from accounting.facts.statement_json import held_name
from accounting.instants import shown_instant
from accounting.model import HeldName, Statement
from accounting.paths import shipped
from accounting.tables import json_text, table
from accounting.text import decimal, visible

if TYPE_CHECKING:
    from jinja2 import Environment

STATE_WORDS = {
    "live": "live",
    "repository_deleted": "repository deleted",
    "workspace_deleted": "workspace deleted",
    "package_deleted": "package deleted",
    "expired": "expired",
}


def nothing_of(bill: Statement) -> str:
    """The sentence for a month without lines: nothing was stored, or why that is not known."""
    if bill.status == "unknown":
        return f"Nothing is known of {bill.month}, because it ends before the first snapshot. So there is no bill."
    return (
        "Nothing was stored."
        if bill.metered_seconds
        else f"Nothing is known of {bill.month} yet, because no snapshot reaches it."
    )


def coverage(covered_until: int) -> str:
    """Until when snapshots cover the time, and the time zone of all times on the page."""
    return f"Snapshots cover the time until {shown_instant(covered_until)}. All times are UTC."


def names_json(names: Sequence[HeldName]) -> str:
    """Held names as a JSON list."""
    return json_text([held_name(name) for name in names])


def adding_up(values: Sequence[int | Fraction], unit: int, decimals: int) -> tuple[list[str], str]:
    """Quantities rounded to so many decimals of a unit, so that they add up, and their sum.

    >>> adding_up([Fraction(1, 3)] * 3, 1, 2)
    (['0.34', '0.33', '0.33'], '1.00')
    """
    whole = rounded(values, unit, decimals)
    return [shown_to(n, decimals) for n in whole], shown_to(sum(whole), decimals)


def rounded(values: Sequence[int | Fraction], unit: int, decimals: int, total: int | None = None) -> list[int]:
    """Quantities in 10^-decimals of a unit. Their sum is `total`, or else the rounded sum of the values."""
    common = lcm(*(value.denominator for value in values))
    numerators = [int(value * common) * 10**decimals for value in values]
    if total is None:
        total = round_half_up(Fraction(sum(numerators), common * unit))
    return apportion(numerators, common * unit, total)


def shown_to(whole: int, decimals: int) -> str:
    """A whole number of 10^-decimals as text."""
    return decimal(Fraction(whole, 10**decimals), decimals)


def fraction(value: Fraction) -> dict[str, str]:
    """A fraction in lowest terms, as JSON."""
    return {"numerator": str(value.numerator), "denominator": str(value.denominator)}


def names_text(names: Sequence[HeldName], width: int | None = None) -> str:
    """Held names as a table, or a sentence if there are none."""
    rows = [[visible(name.name), visible(name.repository), shown_instant(name.held_until)] for name in names]
    if not rows:
        return "No image name is held.\n"
    return table(["name", "repository", "held until"], rows, width=width) + "\nAll times are UTC.\n"


def page(template: str, **values: object) -> str:
    """A page made from a template in reports/, with the style sheet in it."""
    style = (shipped("reports") / "style.css").read_text(encoding="utf-8")
    return _templates().get_template(template).render(style=style, **values)


@cache
def _templates() -> "Environment":
    """The templates. They are compiled once, which takes ten times as long as one page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(shipped("reports")),
        autoescape=True,  # also for templates named .j2
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    return environment
