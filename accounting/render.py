"""A Statement, and what else a command prints, to text, JSON and HTML."""

import json
from collections.abc import Sequence
from fractions import Fraction
from io import StringIO
from typing import TYPE_CHECKING

from accounting.instants import Month, format_instant
from accounting.model import UNIT_BYTES, HeldName, Line, Statement
from accounting.paths import shipped
from accounting.sources import SourceState
from accounting.text import decimal, money, size, visible

if TYPE_CHECKING:
    pass

_STATE_WORDS = {
    "live": "live",
    "repository_deleted": "repository deleted",
    "workspace_deleted": "workspace deleted",
    "package_deleted": "package deleted",
    "expired": "expired",
}
_WIDE = 10_000  # columns where no terminal sets them: nothing is cut


def statement_json(statement: Statement) -> str:
    """The statement as CONTRACT's `acct.report/1`."""
    lines = [
        {
            "repository": line.key.repository,
            "format": line.key.format,
            "package": line.key.package,
            "state": line.key.state,
            "byte_seconds": str(line.byte_seconds),
            "amount": _amount(statement, line.amount_minor),
        }
        for line in statement.lines
    ]
    return _json(
        {
            "schema": "acct.report/1",
            "workspace": statement.workspace,
            "month": str(statement.month),
            "status": statement.status,
            "covered_until": format_instant(statement.covered_until),
            "currency": statement.currency,
            "total": {
                "byte_seconds": str(statement.byte_seconds),
                "charged_byte_seconds": str(statement.charged_byte_seconds),
                "amount": _amount(statement, statement.amount_minor),
            },
            "lines": lines,
            "corrections": [],
            "held_names": [_held(name) for name in statement.held_names],
        }
    )


def names_json(names: Sequence[HeldName]) -> str:
    """Held names as a JSON list."""
    return _json([_held(name) for name in names])


def _held(name: HeldName) -> dict[str, str]:
    return {"name": name.name, "repository": name.repository, "held_until": format_instant(name.held_until)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


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
    body = _table(columns, rows, right=2, total=total, width=width) if rows else "Nothing was stored.\n"
    held = _held_table(statement.held_names, width)
    at = format_instant(min(statement.month.end, statement.covered_until))
    return "\n".join(head) + f"\n\n{body}" + (f"\nImage names held at {at}:\n\n{held}" if held else "")


def _names_of(line: Line) -> list[str]:
    words = _STATE_WORDS[line.key.state] + ("" if line.charged else " (free)")
    return [visible(line.key.repository or "–"), visible(line.key.package), line.key.format, words]


def names_text(names: Sequence[HeldName], width: int | None = None) -> str:
    """Held names as a table, or a sentence where there are none."""
    return _held_table(names, width) or "No image name is held.\n"


def _held_table(names: Sequence[HeldName], width: int | None) -> str:
    rows = [[visible(name.name), visible(name.repository), format_instant(name.held_until)] for name in names]
    return _table(["name", "repository", "held until"], rows, width=width) if rows else ""


def status_text(sources: Sequence[SourceState], covered_until: int | None, months: Sequence[tuple[Month, str]],
                width: int | None = None) -> str:  # fmt: skip
    """Sources, coverage, gaps and months for a terminal."""
    if covered_until is None:
        return "The ledger holds no snapshot yet.\n"
    rows = [
        [
            visible(source.name),
            f"{source.snapshots:,}",
            format_instant(source.latest_at),
            f"{source.references:,}",
            f"{source.unreachable_blobs:,} ({size(source.unreachable_bytes)})",
            "active" if source.retired_at is None else f"retired {format_instant(source.retired_at)}",
        ]
        for source in sources
    ]
    columns = ["source", "snapshots", "latest", "references", "unreachable blobs", "state"]
    text = f"Covered until {format_instant(covered_until)}\n\n" + _table(columns, rows, width=width)
    gaps = [[visible(s.name), format_instant(a), format_instant(b)] for s in sources for a, b in s.gaps]
    if gaps:
        text += "\nGaps of more than 48 hours between snapshots:\n\n" + _table(
            ["source", "from", "to"], gaps, width=width
        )
    return text + "\n" + _table(["month", "status"], [[str(month), state] for month, state in months], width=width)


def status_json(sources: Sequence[SourceState], covered_until: int | None, months: Sequence[tuple[Month, str]]) -> str:
    """Sources, coverage, gaps and months as JSON."""
    return _json(
        {
            "covered_until": None if covered_until is None else format_instant(covered_until),
            "sources": [
                {
                    "name": source.name,
                    "snapshots": source.snapshots,
                    "latest_at": format_instant(source.latest_at),
                    "references": source.references,
                    "unreachable_blobs": source.unreachable_blobs,
                    "unreachable_bytes": source.unreachable_bytes,
                    "retired_at": None if source.retired_at is None else format_instant(source.retired_at),
                    "gaps": [{"from": format_instant(a), "to": format_instant(b)} for a, b in source.gaps],
                }
                for source in sources
            ],
            "months": [{"month": str(month), "status": state} for month, state in months],
        }
    )


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


def _table(columns: list[str], rows: list[list[str]], right: int = 0, total: list[str] | None = None,
           width: int | None = None) -> str:  # fmt: skip
    """A plain table; the last `right` columns are figures. Names are text, never markup."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_footer=total is not None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        footer = Text(total[i]) if total else ""
        figures = i >= len(columns) - right
        table.add_column(Text(column), footer, justify="right" if figures else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    screen = StringIO()
    Console(file=screen, width=width or _WIDE, color_system=None, legacy_windows=False).print(table)
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines()).strip("\n") + "\n"
