"""A Statement, and the names that are held, to text, JSON and HTML."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from accounting.instants import Month, format_instant
from accounting.model import UNIT_BYTES, Correction, HeldName, Line, Statement
from accounting.paths import shipped
from accounting.statement_json import held_name
from accounting.tables import json_text, table
from accounting.text import decimal, money, visible

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


def _amount(statement: Statement, minor: int | None) -> str | None:
    return None if minor is None else money(minor, statement.minor_digits)


def unit_months(statement: Statement, byte_seconds: int, month: Month | None = None) -> str:
    """To three decimals, or to six where the whole statement is less than a unit; of another month if given."""
    unit_month = UNIT_BYTES[statement.unit] * statement.month.seconds
    digits = 3 if statement.byte_seconds >= unit_month else 6
    return decimal(Fraction(byte_seconds, UNIT_BYTES[statement.unit] * (month or statement.month).seconds), digits)


def summary(statement: Statement) -> str:
    """One sentence that says what the month was."""
    unit = f"{statement.unit}-months"
    used, charged = statement.byte_seconds, statement.charged_byte_seconds
    sentence = f"{unit_months(statement, used)} {unit} stored, {unit_months(statement, charged)} of them charged"
    if statement.included_byte_seconds:
        sentence += f", less {unit_months(statement, statement.included_byte_seconds)} included"
    if statement.corrections:
        sentence += f"; {len(statement.corrections):,} corrections of closed months"
    if statement.amount_minor is None:
        return f"{sentence}; no rate card is loaded, so there are no amounts."
    return f"{sentence}: {_amount(statement, statement.amount_minor)} {statement.currency}."


def statement_text(statement: Statement, width: int | None = None) -> str:
    """The statement for a terminal of `width` columns, or as wide as it needs."""
    head = [
        f"Workspace {visible(statement.workspace)}, {statement.month}, {statement.status}",
        f"Covered until {format_instant(statement.covered_until)}",
        summary(statement),
    ]
    columns = [
        "repository",
        "package",
        "format",
        "state",
        f"{statement.unit}-months",
        statement.currency or "",
    ]
    rows = [
        [
            *_names_of(line),
            unit_months(statement, line.byte_seconds),
            _amount(statement, line.amount_minor) or "",
        ]
        for line in statement.lines
    ]
    total = ["", "", "", "total", unit_months(statement, statement.byte_seconds),
             _amount(statement, _of_lines(statement)) or ""]  # fmt: skip
    body = table(columns, rows, right=2, total=total, width=width) if rows else "Nothing was stored.\n"
    held = _held_table(statement.held_names, width)
    at = format_instant(min(statement.month.end, statement.covered_until))
    body += _corrections_text(statement, width)
    return "\n".join(head) + f"\n\n{body}" + (f"\nImage names held at {at}:\n\n{held}" if held else "")


def _of_lines(statement: Statement) -> int | None:
    """The amount of the lines alone, in minor units."""
    if statement.amount_minor is None:
        return None
    return statement.amount_minor - sum(correction.amount_minor or 0 for correction in statement.corrections)


def _corrections_text(statement: Statement, width: int | None) -> str:
    if not statement.corrections:
        return ""
    columns = [
        "month",
        "repository",
        "package",
        "format",
        "state",
        f"{statement.unit}-months",
        statement.currency or "",
    ]
    rows = [
        [
            str(correction.month),
            *_names_of(correction),
            unit_months(statement, correction.byte_seconds, correction.month),
            _amount(statement, correction.amount_minor) or "",
        ]
        for correction in statement.corrections
    ]
    text = "\nCorrections of closed months, from what became known after they were closed:\n\n"
    text += table(columns, rows, right=2, width=width)
    if statement.amount_minor is None:
        return text
    return f"{text}\nTotal with corrections: {_amount(statement, statement.amount_minor)} {statement.currency}\n"


def _names_of(line: Line | Correction) -> list[str]:
    free = isinstance(line, Line) and not line.charged
    words = STATE_WORDS[line.key.state] + (" (free)" if free else "")
    return [visible(line.key.repository or "–"), visible(line.key.package), line.key.format, words]


def names_text(names: Sequence[HeldName], width: int | None = None) -> str:
    """Held names as a table, or a sentence where there are none."""
    return _held_table(names, width) or "No image name is held.\n"


def _held_table(names: Sequence[HeldName], width: int | None) -> str:
    rows = [[visible(name.name), visible(name.repository), format_instant(name.held_until)] for name in names]
    return table(["name", "repository", "held until"], rows, width=width) if rows else ""


def statement_html(statement: Statement) -> str:
    """The statement as one HTML page that needs nothing else."""
    return page(
        "statement.html.j2",
        statement=statement,
        summary=summary(statement),
        total=_amount(statement, statement.amount_minor),
        total_of_lines=_amount(statement, _of_lines(statement)),
        total_unit_months=unit_months(statement, statement.byte_seconds),
        total_byte_seconds=f"{statement.byte_seconds:,}",
        rows=[_row(statement, line) for line in statement.lines],
        corrections=[
            {"month": str(correction.month), **_row(statement, correction)} for correction in statement.corrections
        ],
        held_at=min(statement.month.end, statement.covered_until),
    )


def _row(statement: Statement, line: Line | Correction) -> dict[str, str | None]:
    return {
        **dict(zip(("repository", "package", "format", "state"), _names_of(line), strict=True)),
        "unit_months": unit_months(
            statement, line.byte_seconds, line.month if isinstance(line, Correction) else statement.month
        ),
        "byte_seconds": f"{line.byte_seconds:,}",
        "amount": _amount(statement, line.amount_minor),
    }


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
