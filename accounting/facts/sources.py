"""The sources of a ledger: their latest snapshots, gaps, and retirement."""

import difflib
from dataclasses import dataclass

from accounting.errors import AcctError
from accounting.facts.sealed import closings
from accounting.instants import Month, format_instant
from accounting.ledger import EVERYTHING, Ledger
from accounting.model import Status

GAP_SECONDS = 48 * 3600  # a longer gap between two snapshots is reported


@dataclass(frozen=True)
class SourceState:
    """A source in the ledger; gaps are pairs of instants of successive snapshots, more than 48 hours apart.

    `served`: it shows what a registry's API serves, else what is stored (RULES, section 2).
    """

    name: str
    served: bool
    snapshots: int
    latest_at: int
    references: int
    unreachable_blobs: int
    unreachable_bytes: int
    unknown_objects: int
    unknown_bytes: int
    retired_at: int | None
    gaps: tuple[tuple[int, int], ...]


def source_states(ledger: Ledger) -> list[SourceState]:
    """Every source, by name."""
    gaps: dict[str, list[tuple[int, int]]] = {}
    for name, before, after in ledger.rows(
        "SELECT s.name, n.taken_before, n.taken_at FROM ("
        "  SELECT source_id, taken_at, lag(taken_at) OVER (PARTITION BY source_id ORDER BY taken_at) AS taken_before"
        "  FROM snapshots) AS n JOIN sources AS s USING (source_id)"
        " WHERE n.taken_at - n.taken_before > ? ORDER BY ALL",
        [GAP_SECONDS],
    ):
        gaps.setdefault(name, []).append((before, after))
    rows = ledger.rows(
        "SELECT s.name, s.served, count(*), max(n.taken_at), arg_max(n.reference_count, n.taken_at),"
        " arg_max(n.unreachable_blobs, n.taken_at), arg_max(n.unreachable_bytes, n.taken_at),"
        " arg_max(n.unknown_objects, n.taken_at), arg_max(n.unknown_bytes, n.taken_at), s.retired_at"
        " FROM sources AS s JOIN snapshots AS n USING (source_id) GROUP BY ALL ORDER BY s.name"
    )
    return [SourceState(*(*row, tuple(gaps.get(row[0], ())))) for row in rows]


def databases_asked(ledger: Ledger) -> list[tuple[str, int, int]]:
    """Every source that is a database, by name: when it was last queried, and how many rows its answer had."""
    return [
        (name.removeprefix("acct:"), asked_at, rows)
        for name, asked_at, rows in ledger.rows(
            "SELECT event_source, max(observed_at), arg_max(row_count, observed_at) FROM observations"
            " GROUP BY event_source ORDER BY event_source"
        )
    ]


def first_snapshot_at(ledger: Ledger, record_until: int = EVERYTHING) -> int | None:
    """The instant of the earliest snapshot of all sources, as recorded until then; nothing is known before it."""
    ((first_at,),) = ledger.rows("SELECT min(taken_at) FROM snapshots WHERE record_id <= ?", [record_until])
    return first_at if first_at is None else int(first_at)


def open_status(month: Month, first_at: int | None, covered_until: int) -> Status:
    """The status of a month that is not closed (RULES, section 2); `first_at` is the instant of the first snapshot."""
    if first_at is not None and month.end <= first_at:
        return "unknown"
    return "final" if month.end <= covered_until else "provisional"


def months_known(ledger: Ledger, covered_until: int | None) -> list[tuple[Month, Status]]:
    """Every month from the first to the latest snapshot, with its status (RULES, section 2)."""
    if covered_until is None:
        return []
    closed = {closing.month for closing in closings(ledger)}
    first, last = ledger.rows("SELECT min(taken_at), max(taken_at) FROM snapshots")[0]
    months: list[tuple[Month, Status]] = []
    month = Month.holding(first)
    while month.start <= last:
        months.append((month, "closed" if month in closed else open_status(month, first, covered_until)))
        month = month.next
    return months


def retire(ledger: Ledger, name: str, at: int) -> bool:
    """Retire a source: its holdings end at its latest snapshot (RULES, section 2). False if it already was, at `at`.

    Raises AcctError for an unknown source, an instant before its latest snapshot, and a second retirement.
    """
    states = {state.name: state for state in source_states(ledger)}
    where = f"source {name}"
    if name not in states:
        near = difflib.get_close_matches(name, states, n=1)
        raise AcctError(
            where,
            "is not in this ledger",
            f"did you mean {near[0]}?" if near else "run `acct status` for a list of sources",
        )
    state = states[name]
    if state.retired_at == at:
        return False
    if state.retired_at is not None:
        raise AcctError(where, f"was already retired at {format_instant(state.retired_at)}", "there is nothing to do")
    if at < state.latest_at:
        raise AcctError(
            where,
            f"has a snapshot of {format_instant(state.latest_at)}, which is later than {format_instant(at)}",
            "give an instant that is not before the snapshot",
        )
    of_source = "WHERE valid_until IS NULL AND source_id = (SELECT source_id FROM sources WHERE name = ?)"
    ledger.run(f"UPDATE reference_intervals SET valid_until = ? {of_source}", [state.latest_at, name])
    ledger.run(
        f"UPDATE holdings SET valid_until = ?, closed_record_id = ? {of_source}",
        [state.latest_at, ledger.record_id(), name],
    )
    ledger.run(
        "UPDATE sources SET retired_at = ?, retirement_record_id = ? WHERE name = ?",
        [at, ledger.record_id(), name],
    )
    return True
