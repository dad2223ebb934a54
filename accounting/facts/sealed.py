"""Closed months in the ledger: the sealed statements, byte for byte."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from accounting.facts.statement_json import minor_of
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import LineKey

# Byte-seconds, and the amount in minor units.
Figures = tuple[int, int]


@dataclass(frozen=True)
class Closing:
    """A closed month, the end of coverage at its closing, and the number of the transaction that sealed it."""

    month: Month
    covered_until: int
    record_id: int


def closings(ledger: Ledger) -> list[Closing]:
    """All closed months, in their order."""
    rows = ledger.rows("SELECT month, covered_until, record_id FROM closings ORDER BY month")
    return [Closing(Month.parse(month), covered_until, record_id) for month, covered_until, record_id in rows]


def is_closed(ledger: Ledger, month: Month) -> bool:
    """Whether a month's statements are sealed."""
    return any(closing.month == month for closing in closings(ledger))


def sealed_text(ledger: Ledger, month: Month, workspace: str) -> str | None:
    """The statement of a closed month as JSON; None if the workspace was not known then."""
    rows = ledger.rows(
        "SELECT s.statement FROM sealed_statements AS s JOIN workspaces AS w USING (workspace_id)"
        " WHERE s.month = ? AND w.name = ?",
        [str(month), workspace],
    )
    return str(rows[0][0]) if rows else None


def digest_of(text: str) -> str:
    """The SHA-256 of a statement's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sealed_so_far(ledger: Ledger, of_month: Month, record_until: int,
                workspaces: Sequence[str]) -> dict[str, dict[LineKey, Figures]]:  # fmt: skip
    """A month's sealed figures and the corrections sealed up to a transaction, added up: by workspace and line."""
    rows = ledger.rows(
        "SELECT w.name, l.repository, l.format, l.package, l.state, sum(l.byte_seconds)::HUGEINT,"
        " coalesce(sum(l.amount_minor), 0)::HUGEINT"
        " FROM sealed_lines AS l JOIN workspaces AS w USING (workspace_id) JOIN closings AS c USING (month)"
        " WHERE l.of_month = ? AND c.record_id <= ? AND w.name IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL",
        [str(of_month), record_until, list(workspaces)],
    )
    sealed: dict[str, dict[LineKey, Figures]] = {}
    for workspace, *key, byte_seconds, amount in rows:
        sealed.setdefault(workspace, {})[LineKey(*key)] = (byte_seconds, amount)
    return sealed


def sealed_amounts(ledger: Ledger, month: Month) -> dict[str, int | None]:
    """The totals of a closed month's statements in minor units, by workspace, in the order of the names."""
    rows = ledger.rows(
        "SELECT w.name, s.statement->>'$.total.amount' FROM sealed_statements AS s JOIN workspaces AS w"
        " USING (workspace_id) WHERE s.month = ? ORDER BY w.name",
        [str(month)],
    )
    return {name: minor_of(amount) for name, amount in rows}
