"""Suppositions: what a ledger knows of one workspace, as a ledger of its own in memory in which more happens.

Bills, statements and held names of it are the ordinary ones, as if what is supposed had been imported. The published
ledger is only read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from accounting.errors import AcctError
from accounting.facts.events import append
from accounting.facts.sealed import closings
from accounting.instants import Month, format_instant
from accounting.ledger import Ledger, imagining

EVENT_SOURCE = "acct:supposed"
# At one instant events count in the order of their ids by code point: what is supposed comes after all that is known.
_LAST_OF_ALL = "\U0010fffd"

_LAST_YEAR = 9000  # after which nothing is supposed: the calendar ends with the year 9999

# Whole tables: what they hold is small, or about no workspace.
_COPIED = ("about", "records", "sources", "snapshots", "workspaces", "rate_cards", "closings")
# Tables of which the workspace's rows are copied, and how they name it.
_OF_WORKSPACE = {
    "packages": "workspace_id = $1",
    "blobs": "workspace_id = $1",
    "events": "workspace_id = $1",
    "sealed_statements": "workspace_id = $1",
    "sealed_lines": "workspace_id = $1",
    "versions": "package_id IN (SELECT package_id FROM packages)",
    "holdings": "package_id IN (SELECT package_id FROM packages)",
    "reference_intervals": "version_id IN (SELECT version_id FROM versions)",
}


@dataclass(frozen=True)
class Supposed:
    """A lifecycle event that may happen, such as the deletion of a repository (RULES, section 3)."""

    kind: str
    verb: str
    format: str | None = None
    package: str | None = None
    slug: str | None = None


@contextmanager
def supposing(path: Path, workspace: str) -> Iterator[Ledger]:
    """What the ledger at `path` knows of a workspace, to suppose more in; of other workspaces the names alone.

    Raises AcctError as `ledger.reading` does.
    """
    with imagining(path) as ledger:
        for table in _COPIED:
            ledger.run(f"INSERT INTO {table} BY NAME SELECT * FROM published.{table}")
        found = ledger.rows("SELECT workspace_id FROM workspaces WHERE name = ?", [workspace])
        for table, rows in _OF_WORKSPACE.items() if found else ():
            parameters = found[0] if "$1" in rows else ()
            ledger.run(f"INSERT INTO {table} BY NAME SELECT * FROM published.{table} WHERE {rows}", parameters)
        ledger.run(  # what hangs on what: their blobs are references already, and larger than all the rest
            "INSERT INTO manifests BY NAME SELECT * REPLACE"
            " ([] AS blobs, [] AS blob_sizes, [] AS children, [] AS child_sizes) FROM published.manifests"
            " WHERE digest IN (SELECT digest FROM blobs)"
        )
        ledger.run("DETACH published")
        ledger.record_id()  # of all that is supposed, also of what is taken back
        yield ledger


@contextmanager
def taken_back(ledger: Ledger) -> Iterator[None]:
    """What is supposed in the block is forgotten at its end."""
    ledger.run("BEGIN TRANSACTION")
    try:
        yield
    finally:
        ledger.run("ROLLBACK")


def known_until(ledger: Ledger) -> int:
    """The instant from which on nothing is known: no snapshot, no event, no closed month.

    What is supposed to happen must not happen before it. Raises AcctError where it is too far ahead for that.
    """
    ((latest,),) = ledger.rows(
        "SELECT greatest((SELECT max(taken_at) FROM snapshots), (SELECT max(occurred_at) FROM events))"
    )
    known = max([latest or 0, *(closing.month.end for closing in closings(ledger))])
    require_foreseeable(known, f"what the ledger knows until {format_instant(known)}")
    return known


def require_foreseeable(instant: int, where: str) -> None:
    """AcctError for an instant after which there is not enough of a calendar left to bill."""
    if Month.holding(instant).year > _LAST_YEAR:
        raise AcctError(where, "lies too far ahead to bill what would come after it", "name an earlier instant")


def goes_on(ledger: Ledger, until: int) -> None:
    """Every active source holds until an instant what its latest snapshot held, as a further snapshot would say."""
    ledger.run(
        "INSERT INTO snapshots SELECT n.* REPLACE ($1 AS taken_at, $2 AS record_id) FROM snapshots AS n"
        " JOIN sources AS s USING (source_id) WHERE s.retired_at IS NULL"
        " QUALIFY n.taken_at = max(n.taken_at) OVER (PARTITION BY n.source_id) AND n.taken_at < $1",
        [until, ledger.record_id()],
    )


def happens(ledger: Ledger, workspace: str, events: Sequence[Supposed], at: int) -> None:
    """Events at an instant, one after another, after all that is known to happen then."""
    ((known,),) = ledger.rows("SELECT count(*) FROM events WHERE event_source = ?", [EVENT_SOURCE])
    text, whole = pa.string(), pa.int64()
    ledger.register(
        "supposed_events",
        pa.table(
            {
                "event_source": pa.array([EVENT_SOURCE] * len(events), text),
                "event_id": pa.array([f"{_LAST_OF_ALL}{known + i:09}" for i in range(len(events))], text),
                "occurred_at": pa.array([at] * len(events), whole),
                "kind": pa.array([event.kind for event in events], text),
                "verb": pa.array([event.verb for event in events], text),
                "workspace": pa.array([workspace] * len(events), text),
                "format": pa.array([event.format for event in events], text),
                "package": pa.array([event.package for event in events], text),
                "slug": pa.array([event.slug for event in events], text),
                "plan": pa.array([None] * len(events), text),
            }
        ),
    )
    append(ledger, "supposed_events")


def versions_go(ledger: Ledger, version_ids: Sequence[int], at: int) -> None:
    """All that some versions refer to is there until an instant that is not before `known_until`, and no longer.

    As two snapshots of each source would say: one at that instant, and one without them after it.
    """
    goes_on(ledger, at)
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE going_versions AS SELECT version_id, package_id FROM versions"
        " WHERE version_id IN (SELECT unnest(?::INTEGER[]))",
        [list(version_ids)],
    )
    ledger.run(
        "UPDATE reference_intervals SET valid_until = ? WHERE valid_until IS NULL"
        " AND version_id IN (SELECT version_id FROM going_versions)",
        [at],
    )
    ledger.run(
        "UPDATE holdings AS h SET valid_until = $1, closed_record_id = $2 WHERE h.valid_until IS NULL"
        " AND h.package_id IN (SELECT package_id FROM going_versions)"
        " AND NOT EXISTS (SELECT 1 FROM reference_intervals AS r JOIN versions AS v USING (version_id)"
        "   WHERE r.valid_until IS NULL AND r.source_id = h.source_id AND r.blob_id = h.blob_id"
        "   AND v.package_id = h.package_id)",
        [at, ledger.record_id()],
    )


def months_from(start: int, until: int) -> list[Month]:
    """The months from the one that holds an instant to the one in which the last second before another lies."""
    months = [Month.holding(start)]
    while months[-1].end < until:
        months.append(months[-1].next)
    return months
