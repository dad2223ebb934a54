"""A statement's lines and corrections as one CSV table, with exact digits."""

import csv
import io

from accounting.model import Correction, Line, Statement
from accounting.text import formula_safe, money, visible

_COLUMNS = (
    "workspace",
    "month",
    "status",
    "kind",
    "of_month",
    "repository",
    "format",
    "package",
    "state",
    "byte_seconds",
    "amount",
    "currency",
)


def statement_csv(statement: Statement) -> str:
    """`of_month` is the month that a row is of: of corrections a closed one. The amounts add up to the total."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\r\n")
    rows.writerow(_COLUMNS)
    rows.writerows(_row(statement, line) for line in statement.lines)
    rows.writerows(_row(statement, correction) for correction in statement.corrections)
    return file.getvalue()


def _row(statement: Statement, line: Line | Correction) -> list[str]:
    kind, of_month = ("correction", line.month) if isinstance(line, Correction) else ("line", statement.month)
    return [
        _name(statement.workspace),
        str(statement.month),
        statement.status,
        kind,
        str(of_month),
        _name(line.key.repository or ""),
        line.key.format,
        _name(line.key.package),
        line.key.state,
        str(line.byte_seconds),
        "" if line.amount_minor is None else money(line.amount_minor, statement.minor_digits),
        statement.currency or "",
    ]


def _name(name: str) -> str:
    """Without control characters, and never a formula."""
    return formula_safe(visible(name))
