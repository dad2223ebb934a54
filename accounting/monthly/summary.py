"""The summary of a run: the month of each workspace and its change, as CSV, Parquet and JSON."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from accounting.billing.bills import MonthQuery
from accounting.billing.statement import with_corrections
from accounting.errors import AcctError
from accounting.facts.sealed import is_closed, sealed_amounts
from accounting.instants import Month, format_instant
from accounting.ledger import Ledger
from accounting.model import Statement
from accounting.rates.periods import rate_periods
from accounting.tables import json_text
from accounting.text import formula_safe, money

_DIGITS = 38
_AMOUNTS = ("amount", "corrections", "amount_before", "change")
_BYTE_SECONDS = ("byte_seconds", "corrections_byte_seconds", "charged_byte_seconds", "included_byte_seconds")
COLUMNS = ("workspace", "month", "status", "covered_until", "currency", *_AMOUNTS, *_BYTE_SECONDS, "statement")
Row = dict[str, str | None]


@dataclass(frozen=True)
class Figures:
    """The month of one workspace, or of all; amounts are in minor units, and None if unknown.

    `before_minor` is the amount of the month before. `amount_minor` is what is billed. It includes `corrections_minor`,
    the corrections of closed months. In the same way, `byte_seconds` include `corrections_byte_seconds`.
    """

    byte_seconds: int
    corrections_byte_seconds: int
    charged_byte_seconds: int
    included_byte_seconds: int
    amount_minor: int | None
    corrections_minor: int | None
    before_minor: int | None

    @property
    def stored_byte_seconds(self) -> int:
        """The byte-seconds of the month itself, without corrections, which are of other months."""
        return self.byte_seconds - self.corrections_byte_seconds

    @property
    def change_minor(self) -> int | None:
        if self.amount_minor is None or self.before_minor is None:
            return None
        return self.amount_minor - self.before_minor


@dataclass(frozen=True)
class Summary:
    """A month of all workspaces: by name, the path of the statement without its ending, and the figures."""

    month: Month
    status: str
    covered_until: int
    unit: str
    currency: str | None
    minor_digits: int
    workspaces: Mapping[str, tuple[str, Figures]]

    @property
    def total(self) -> Figures:
        all_of_them = [figures for _, figures in self.workspaces.values()]
        return Figures(
            sum(figures.byte_seconds for figures in all_of_them),
            sum(figures.corrections_byte_seconds for figures in all_of_them),
            sum(figures.charged_byte_seconds for figures in all_of_them),
            sum(figures.included_byte_seconds for figures in all_of_them),
            _sum([figures.amount_minor for figures in all_of_them]),
            _sum([figures.corrections_minor for figures in all_of_them]),
            _sum([figures.before_minor for figures in all_of_them]),
        )


def _sum(amounts: Sequence[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def figures_of(statement: Statement, before: Mapping[str, int | None] | None) -> Figures:
    """The figures of a statement with the amount of the month before, which is 0 for a workspace not in `before`."""
    return Figures(
        statement.total_byte_seconds,
        statement.total_byte_seconds - statement.byte_seconds,
        statement.charged_byte_seconds,
        statement.included_byte_seconds,
        statement.amount_minor,
        None
        if statement.amount_minor is None
        else sum(correction.amount_minor or 0 for correction in statement.corrections),
        None if before is None else before.get(statement.workspace, 0),
    )


def amounts_before(ledger: Ledger, query: MonthQuery) -> Mapping[str, int | None] | None:
    """The amount of the month before, by workspace: as it was sealed, or as it is computed now.

    None if no snapshot covers that month, or the rate card cannot bill it.
    """
    before = replace(query, month=query.month.before)
    if is_closed(ledger, before.month):
        return sealed_amounts(ledger, before.month)
    if not ledger.rows(
        "SELECT 1 FROM snapshots WHERE taken_at < ? AND record_id <= ? LIMIT 1", [query.month.start, query.record_until]
    ):
        return None
    try:
        rate_periods(before.month, before.card)
    except AcctError:
        return None
    return {bill.workspace: bill.amount_minor for bill in with_corrections(ledger, before)}


def write_summary(summary: Summary, folder: Path) -> None:
    """Write summary.csv, summary.parquet and summary.json."""
    rows = [
        {"workspace": workspace, **_of_month(summary), **_digits(summary, figures), "statement": stem}
        for workspace, (stem, figures) in summary.workspaces.items()
    ]
    _write_csv(rows, folder / "summary.csv")
    _write_parquet(rows, summary.minor_digits, folder / "summary.parquet")
    (folder / "summary.json").write_text(_json(summary), encoding="utf-8")


def _of_month(summary: Summary) -> Row:
    return {
        "month": str(summary.month),
        "status": summary.status,
        "covered_until": format_instant(summary.covered_until),
        "currency": summary.currency,
    }


def _digits(summary: Summary, figures: Figures) -> Row:
    """Exact digits, by column."""
    amounts = {
        "amount": figures.amount_minor,
        "corrections": figures.corrections_minor,
        "amount_before": figures.before_minor,
        "change": figures.change_minor,
    }
    return {
        **{name: None if minor is None else money(minor, summary.minor_digits) for name, minor in amounts.items()},
        "byte_seconds": str(figures.byte_seconds),
        "corrections_byte_seconds": str(figures.corrections_byte_seconds),
        "charged_byte_seconds": str(figures.charged_byte_seconds),
        "included_byte_seconds": str(figures.included_byte_seconds),
    }


def _json(summary: Summary) -> str:
    return json_text(
        {
            "schema": "acct.summary/1",
            **_of_month(summary),
            "total": _digits(summary, summary.total),
            "workspaces": [
                {"workspace": workspace, **_digits(summary, figures), "statement": stem}
                for workspace, (stem, figures) in summary.workspaces.items()
            ],
        }
    )


def _write_csv(rows: Sequence[Row], file: Path) -> None:
    """CSV as in RFC 4180, in UTF-8; an unknown figure is an empty cell."""
    with file.open("w", encoding="utf-8", newline="") as text:
        cells = csv.writer(text)
        cells.writerow(COLUMNS)
        for row in rows:
            cells.writerow([formula_safe(str(row["workspace"])), *(row[column] for column in COLUMNS[1:])])


def _write_parquet(rows: Sequence[Row], minor_digits: int, file: Path) -> None:
    """Figures as exact decimals, instants as timestamps; raises AcctError if a figure has too many digits."""
    types = dict.fromkeys(COLUMNS, pa.string())
    types |= dict.fromkeys(_AMOUNTS, pa.decimal128(_DIGITS, minor_digits))
    types |= dict.fromkeys(_BYTE_SECONDS, pa.decimal128(_DIGITS, 0))
    types |= {"covered_until": pa.timestamp("ms", "UTC")}
    try:
        arrays = [pa.array([_value(row[column], column) for row in rows], type_) for column, type_ in types.items()]
    except pa.ArrowInvalid as error:
        raise AcctError(
            "the rate card", f"makes amounts of more than {_DIGITS} digits, too many for Parquet", "correct its prices"
        ) from error
    # Not compressed, because another version of the algorithm would give other bytes.
    pq.write_table(pa.table(arrays, names=COLUMNS), file, compression="none")


def _value(cell: str | None, column: str) -> str | Decimal | datetime | None:
    if cell is None:
        return None
    if column == "covered_until":
        return datetime.fromisoformat(cell)
    return Decimal(cell) if column in _AMOUNTS + _BYTE_SECONDS else cell
