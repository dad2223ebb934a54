"""A Statement, and the names that are held, to text, JSON and HTML."""

from collections.abc import Sequence
from fractions import Fraction

from accounting.instants import format_instant
from accounting.model import UNIT_BYTES, HeldName, Line, Statement
from accounting.paths import shipped
from accounting.statement_json import held_name
from accounting.tables import json_text, table
from accounting.text import decimal, money, visible

_STATE_WORDS = {
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


def _unit_months(statement: Statement, byte_seconds: int | Fraction) -> str:
    """To three decimals, or to six where the whole statement is less than a unit."""
    unit_month = UNIT_BYTES[statement.unit] * statement.month.seconds
    return decimal(Fraction(byte_seconds) / unit_month, 3 if statement.byte_seconds >= unit_month else 6)


def summary(statement: Statement) -> str:
    """One sentence that says what the month was."""
    unit = f"{statement.unit}-months"
    used, charged = statement.byte_seconds, statement.charged_byte_seconds
    sentence = f"{_unit_months(statement, used)} {unit} stored, {_unit_months(statement, charged)} of them charged"
    if statement.included_byte_seconds:
        sentence += f", less {_unit_months(statement, statement.included_byte_seconds)} included"
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
            _unit_months(statement, line.byte_seconds),
            _amount(statement, line.amount_minor) or "",
        ]
        for line in statement.lines
    ]
    total = ["", "", "", "total", _unit_months(statement, statement.byte_seconds),
             _amount(statement, statement.amount_minor) or ""]  # fmt: skip
    body = table(columns, rows, right=2, total=total, width=width) if rows else "Nothing was stored.\n"
    held = _heldtable(statement.held_names, width)
    at = format_instant(min(statement.month.end, statement.covered_until))
    return "\n".join(head) + f"\n\n{body}" + (f"\nImage names held at {at}:\n\n{held}" if held else "")


def _names_of(line: Line) -> list[str]:
    words = _STATE_WORDS[line.key.state] + ("" if line.charged else " (free)")
    return [visible(line.key.repository or "–"), visible(line.key.package), line.key.format, words]


def names_text(names: Sequence[HeldName], width: int | None = None) -> str:
    """Held names as a table, or a sentence where there are none."""
    return _heldtable(names, width) or "No image name is held.\n"


def _heldtable(names: Sequence[HeldName], width: int | None) -> str:
    rows = [[visible(name.name), visible(name.repository), format_instant(name.held_until)] for name in names]
    return table(["name", "repository", "held until"], rows, width=width) if rows else ""


def statement_html(statement: Statement) -> str:
    """The statement as one HTML page that needs nothing else."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(shipped("reports")),
        autoescape=True,  # also for names that end in .j2
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "instant": format_instant}
    rows = [
        {
            **dict(zip(("repository", "package", "format", "state"), _names_of(line), strict=True)),
            "unit_months": _unit_months(statement, line.byte_seconds),
            "byte_seconds": f"{line.byte_seconds:,}",
            "amount": _amount(statement, line.amount_minor),
        }
        for line in statement.lines
    ]
    return environment.get_template("statement.html.j2").render(
        statement=statement,
        summary=summary(statement),
        total=_amount(statement, statement.amount_minor),
        total_unit_months=_unit_months(statement, statement.byte_seconds),
        total_byte_seconds=f"{statement.byte_seconds:,}",
        rows=rows,
        held_at=min(statement.month.end, statement.covered_until),
        style=(shipped("reports") / "style.css").read_text(encoding="utf-8"),
    )
