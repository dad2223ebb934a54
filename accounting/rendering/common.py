"""What several reports share: words of states, unit-months, held names, and pages from the templates of reports/."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from accounting.facts.statement_json import held_name
from accounting.instants import Month, format_instant
from accounting.model import UNIT_BYTES, HeldName, Statement
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


def names_json(names: Sequence[HeldName]) -> str:
    """Held names as a JSON list."""
    return json_text([held_name(name) for name in names])


def unit_months(statement: Statement, byte_seconds: int, month: Month | None = None) -> str:
    """To three decimals, or to six where the whole statement is less than a unit; of another month if given."""
    unit_month = UNIT_BYTES[statement.unit] * statement.month.seconds
    digits = 3 if statement.byte_seconds >= unit_month else 6
    return decimal(Fraction(byte_seconds, UNIT_BYTES[statement.unit] * (month or statement.month).seconds), digits)


def names_text(names: Sequence[HeldName], width: int | None = None) -> str:
    """Held names as a table, or a sentence where there are none."""
    return _held_table(names, width) or "No image name is held.\n"


def _held_table(names: Sequence[HeldName], width: int | None) -> str:
    rows = [[visible(name.name), visible(name.repository), format_instant(name.held_until)] for name in names]
    return table(["name", "repository", "held until"], rows, width=width) if rows else ""


def page(template: str, **values: object) -> str:
    """A page from a template of reports/, with the style in it."""
    style = (shipped("reports") / "style.css").read_text(encoding="utf-8")
    return _templates().get_template(template).render(style=style, **values)


@cache
def _templates() -> "Environment":
    """The templates, which are compiled once: that takes ten times as long as a page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(shipped("reports")),
        autoescape=True,  # also for names that end in .j2
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "instant": format_instant}
    return environment
