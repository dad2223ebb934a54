"""Why closed months are corrected: what closings sealed of a line, and the evidence recorded since the last one.

Each closing sealed all that was known then, in corrections of earlier months too. So what moves a line now was
recorded later.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from accounting.explaining.explanation import Cause, CorrectionExplanation, LateEvent, LateSnapshot, SealedLine
from accounting.facts.sealed import closings
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Correction, LineKey

_RELATIONS = ("late_events", "late_snapshots", "corrected_sharers")


def explain_corrections(ledger: Ledger, workspace: str, corrections: Sequence[Correction],
                        record_until: int) -> tuple[CorrectionExplanation, ...]:  # fmt: skip
    """A statement's corrections, in their order, with what was sealed before and what is known since.

    `record_until` is the last transaction that the statement knows of.
    """
    explained: list[CorrectionExplanation] = []
    for month, of_month in groupby(corrections, key=lambda correction: correction.month):
        explained += _of_month(ledger, workspace, month, list(of_month), record_until)
    return tuple(explained)


def _of_month(ledger: Ledger, workspace: str, month: Month, corrections: Sequence[Correction],
              record_until: int) -> list[CorrectionExplanation]:  # fmt: skip
    last = [closing for closing in closings(ledger) if closing.record_id <= record_until][-1]
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE last_closing AS SELECT ?::INTEGER AS sealed_in, ?::INTEGER AS record_until,"
        " ?::BIGINT AS month_from, ?::BIGINT AS month_until",
        [last.record_id, record_until, month.start, month.end],
    )
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE corrected_packages AS SELECT p.package_id FROM packages AS p"
        " JOIN workspaces AS w USING (workspace_id)"
        " JOIN (SELECT DISTINCT unnest(?::VARCHAR[]) AS format, unnest(?::VARCHAR[]) AS name) AS c"
        " ON c.format = p.format AND c.name = p.name WHERE w.name = ?",
        [[each.key.format for each in corrections], [each.key.package for each in corrections], workspace],
    )
    for name in _RELATIONS:
        ledger.define(f"corrections/{name}")
    sealed_lines = _sealed_lines(ledger, workspace, month, record_until)
    events = _by_package(ledger, "late_events", "occurred_at, event_id, event_source")
    snapshots = _by_package(ledger, "late_snapshots", "taken_at, source")
    sharers = _by_package(ledger, "corrected_sharers", "sharer")
    card_recorded_at = _card_recorded_at(ledger)
    return [
        CorrectionExplanation(
            correction,
            tuple(sealed_lines.get(correction.key, ())),
            last.month,
            tuple(_event(*row) for row in events.get(package, ())),
            tuple(LateSnapshot(*row) for row in snapshots.get(package, ())),
            card_recorded_at,
            tuple(sharer for (sharer,) in sharers.get(package, ())),
        )
        for correction in corrections
        for package in [(correction.key.format, correction.key.package)]
    ]


def _sealed_lines(ledger: Ledger, workspace: str, month: Month, record_until: int) -> dict[LineKey, list[SealedLine]]:
    """What each closing sealed of the lines of a month, in the order of the closings."""
    rows = ledger.rows(
        "SELECT l.repository, l.format, l.package, l.state, l.month, l.byte_seconds::HUGEINT, l.amount_minor::HUGEINT"
        " FROM sealed_lines AS l JOIN workspaces AS w USING (workspace_id) JOIN closings AS c USING (month)"
        " WHERE l.of_month = ? AND c.record_id <= ? AND w.name = ? ORDER BY l.month",
        [str(month), record_until, workspace],
    )
    sealed_lines: dict[LineKey, list[SealedLine]] = {}
    for *key, closed_month, byte_seconds, amount in rows:
        sealed_lines.setdefault(LineKey(*key), []).append(SealedLine(Month.parse(closed_month), byte_seconds, amount))
    return sealed_lines


def _by_package(ledger: Ledger, relation: str, order: str) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """The rows of a relation without their package, by (format, name) of it."""
    rows: Iterable[tuple[Any, ...]] = ledger.rows(
        f"SELECT p.format, p.name, r.* EXCLUDE (package_id) FROM {relation} AS r JOIN packages AS p USING (package_id)"
        f" ORDER BY {order}"
    )
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for format_, name, *row in rows:
        found.setdefault((format_, name), []).append(tuple(row))
    return found


def _event(kind: str, verb: str, occurred_at: int, event_id: str, event_source: str, slug: str | None,
           plan: str | None, recorded_at: int) -> LateEvent:  # fmt: skip
    return LateEvent(Cause(kind, verb, occurred_at, event_id, event_source), slug, plan, recorded_at)


def _card_recorded_at(ledger: Ledger) -> int | None:
    """When the card was loaded as retroactive that bills closed months now, if that was since the last closing."""
    rows = ledger.rows(
        "SELECT r.recorded_at FROM rate_cards AS c JOIN records AS r USING (record_id) CROSS JOIN last_closing AS t"
        " WHERE c.retroactive AND c.record_id > t.sealed_in AND c.record_id <= t.record_until"
        " ORDER BY c.card_id DESC LIMIT 1"
    )
    return int(rows[0][0]) if rows else None
