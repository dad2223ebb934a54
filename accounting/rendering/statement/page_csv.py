"""The lines and corrections of statements, or their sums by group, as one CSV table with exact digits."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from accounting.billing.grouping import GROUPS, grouped
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


def statements_csv(statements: Sequence[Statement]) -> str:
    """`of_month` is the month of a row; for a correction it is a closed month. The amounts add up to the totals."""
    return _table(_COLUMNS, (row for statement in statements for row in _rows(statement)))


def groups_csv(statements: Sequence[Statement], by: str) -> str:
    """A row per month and group, with lines and corrections summed together. `by` is a key of `grouping.GROUPS`."""
    groups = grouped(statements, by)
    return _table(
        ("workspace", "month", "status", *GROUPS[by], "byte_seconds", "amount", "currency"),
        (
            [
                _name(statement.workspace),
                str(statement.month),
                statement.status,
                *(_name(name or "") for name in group.name),
                str(group.months[i].byte_seconds),
                _amount(statement, group.months[i].amount_minor),
                statement.currency or "",
            ]
            for i, statement in enumerate(statements)
            for group in groups
            if group.months[i].byte_seconds or group.months[i].amount_minor
        ),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV as in RFC 4180."""
    file = io.StringIO()
    cells = csv.writer(file, lineterminator="\r\n")
    cells.writerow(columns)
    cells.writerows(rows)
    return file.getvalue()


def _rows(statement: Statement) -> Iterator[list[str]]:
    yield from (_row(statement, line) for line in statement.lines)
    yield from (_row(statement, correction) for correction in statement.corrections)


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
        _amount(statement, line.amount_minor),
        statement.currency or "",
    ]


def _amount(statement: Statement, minor: int | None) -> str:
    return "" if minor is None else money(minor, statement.minor_digits)


def _name(name: str) -> str:
    """A name without control characters that a spreadsheet does not take for a formula."""
    return formula_safe(visible(name))
