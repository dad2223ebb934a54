"""Corrections: what closed months would be now, less what was sealed and already corrected (RULES, section 6)."""

from collections.abc import Mapping, Sequence

from accounting.billing.bills import MonthQuery, bills
from accounting.facts.cards import card_of_closed
from accounting.facts.sealed import Closing, Figures, closings, sealed_so_far
from accounting.instants import Month
from accounting.ledger import EVERYTHING, Ledger
from accounting.model import Correction, LineKey, Statement


def corrections_on(ledger: Ledger, month: Month, workspaces: Sequence[str] | None = None,
                   record_until: int = EVERYTHING) -> dict[str, tuple[Correction, ...]]:  # fmt: skip
    """The corrections that stand on a month, by workspace: of all months closed before, if it is the next open one.

    `record_until` bounds what is known, closings too.
    """
    known = [closing for closing in closings(ledger) if closing.record_id <= record_until]
    if not known or known[-1].month.next != month:
        return {}
    found: dict[str, tuple[Correction, ...]] = {}
    for closing in known:
        touched = _touched(ledger, closing, workspaces, record_until)
        if touched:
            for workspace, corrections in _of_month(ledger, closing.month, touched, record_until).items():
                found[workspace] = (*found.get(workspace, ()), *corrections)
    return found


def _touched(ledger: Ledger, closing: Closing, workspaces: Sequence[str] | None, record_until: int) -> list[str]:
    """The workspaces of which something was recorded since a closing that may change its month."""
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE since AS SELECT ?::INTEGER AS closed_in, ?::INTEGER AS record_until,"
        " ?::VARCHAR AS month, ?::BIGINT AS month_until",
        [closing.record_id, record_until, str(closing.month), closing.month.end],
    )
    ledger.define("corrections/touched_workspaces")
    names = [name for (name,) in ledger.rows("SELECT name FROM touched_workspaces ORDER BY name")]
    return names if workspaces is None else [name for name in names if name in workspaces]


def _of_month(ledger: Ledger, month: Month, workspaces: Sequence[str],
              record_until: int) -> dict[str, tuple[Correction, ...]]:  # fmt: skip
    # To the month's own end, whatever coverage is now.
    query = MonthQuery(month, card_of_closed(ledger, month, record_until), month.end, record_until, seen_only=True)
    sealed = sealed_so_far(ledger, month, record_until, workspaces)
    found = {}
    for bill in bills(ledger, query, workspaces):
        now = bill.statement
        corrections = _differences(month, now, sealed.get(now.workspace, {}))
        if corrections:
            found[now.workspace] = corrections
    return found


def _differences(month: Month, now: Statement, sealed: Mapping[LineKey, Figures]) -> tuple[Correction, ...]:
    """By line, in the order of RULES, section 4: what it is now less what was sealed."""
    figures = {line.key: (line.byte_seconds, line.amount_minor or 0) for line in now.lines}
    corrections = []
    for key in sorted(figures.keys() | sealed.keys(), key=lambda key: key.sort_key):
        byte_seconds, amount = figures.get(key, (0, 0))
        sealed_byte_seconds, sealed_amount = sealed.get(key, (0, 0))
        if (byte_seconds, amount) != (sealed_byte_seconds, sealed_amount):
            corrections.append(
                Correction(
                    month,
                    key,
                    byte_seconds - sealed_byte_seconds,
                    None if now.amount_minor is None else amount - sealed_amount,
                )
            )
    return tuple(corrections)
