"""Lifecycle events into the ledger: each (source, id) once, whole files or nothing."""

from dataclasses import dataclass
from pathlib import Path

from accounting.collectors.snapshot_file import position
from accounting.errors import AcctError
from accounting.ledger import Ledger


@dataclass(frozen=True)
class Recorded:
    """How many events a file brought, how many the ledger held already, how many are of foreign types."""

    new: int
    known: int
    foreign: int


@dataclass(frozen=True)
class Linked:
    """How many packages a table of links has, how many of them have another link now, and which no snapshot holds."""

    packages: int
    changed: int
    unseen: tuple[str, ...]


def record(ledger: Ledger, file: Path, relation: str, name: str) -> Recorded:
    """Record the events that `relation` (collectors.event_file) reads from a file; `name` is the file's for errors.

    An event that is there already changes nothing. Raises AcctError by line number for a line that is no event,
    and for other content under a (source, id) that was given before.
    """
    ledger.run(f"CREATE OR REPLACE TEMP VIEW event_lines AS {relation}")
    ledger.define_reading("merge/50_offered_events", file)
    bad = ledger.rows(
        "SELECT line_number, problem FROM offered_events WHERE problem IS NOT NULL ORDER BY line_number LIMIT 1"
    )
    if bad:
        raise AcctError(f"{name}, line {bad[0][0]}", bad[0][1], "mend the line and import the file again")
    ledger.define("merge/51_conflicting_events")
    other = ledger.rows("SELECT * FROM conflicting_events ORDER BY line_number LIMIT 1")
    if other:
        line, source, identity = other[0]
        raise AcctError(
            f"{name}, line {line}",
            f"the event {identity!r} of {source!r} was given before with other content",
            "give it an id of its own",
        )
    ledger.define("merge/52_new_events")
    append(ledger, "new_events")
    new, known, foreign = ledger.rows(
        "SELECT (SELECT count(*) FROM new_events), count(*) FILTER (WHERE NOT foreign_type),"
        " count(*) FILTER (WHERE foreign_type) FROM offered_events"
    )[0]
    return Recorded(new, known - new, foreign)


def record_links(ledger: Ledger, file: Path, relation: str, at: int) -> Linked:
    """Record as events the links that `relation` (collectors.links_file) reads from a file, where they are others.

    A package that no event has linked was linked all along; another link counts from `at` (epoch seconds). Raises
    AcctError by line number for a row that cannot be taken.
    """
    ledger.run(f"CREATE OR REPLACE TEMP VIEW link_rows AS {relation}")
    ledger.define_reading("merge/66_offered_links", file)
    bad = ledger.rows("SELECT row, problem FROM offered_links WHERE problem IS NOT NULL ORDER BY row LIMIT 1")
    if bad:
        raise AcctError(position(file, bad[0][0]), bad[0][1], "mend the row and import the file again")
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE links_from AS SELECT 'acct:links' AS event_source, ?::BIGINT AS linked_at", [at]
    )
    ledger.define("merge/67_new_links")
    append(ledger, "new_links")
    packages, new = ledger.rows(
        "SELECT count(DISTINCT row(workspace, format, package)), (SELECT count(*) FROM new_links) FROM offered_links"
    )[0]
    return Linked(packages, new, unseen_packages(ledger, "acct:links"))


def unseen_packages(ledger: Ledger, event_source: str) -> tuple[str, ...]:
    """The packages that are there by a source of events and that no snapshot has ever held, as subjects; none before
    there is a snapshot. A name may be written in another way than the registry's.
    """
    rows = ledger.rows(
        "SELECT concat_ws('/', w.name, p.format, p.name) AS subject FROM events AS e"
        " JOIN packages AS p USING (package_id) JOIN workspaces AS w ON w.workspace_id = p.workspace_id"
        " ANTI JOIN versions AS v ON v.package_id = p.package_id"
        " WHERE e.event_source = ? AND EXISTS (FROM snapshots) GROUP BY ALL"
        " HAVING last(e.verb ORDER BY e.occurred_at, e.event_id) <> 'deleted' ORDER BY subject",
        [event_source],
    )
    return tuple(subject for (subject,) in rows)


def append(ledger: Ledger, relation: str) -> None:
    """Append the events of a relation (columns as in queries/merge/52_new_events), none of which the ledger holds."""
    if not ledger.rows(f"SELECT 1 FROM {relation} LIMIT 1"):
        return
    for new, table in (("20_new_workspaces", "workspaces"), ("21_new_packages", "packages")):
        ledger.run(
            f"CREATE OR REPLACE TEMP TABLE offered AS SELECT workspace, format, package FROM {relation}"
            + (" WHERE package IS NOT NULL" if table == "packages" else "")
        )
        ledger.define(f"merge/{new}")
        ledger.run(f"INSERT INTO {table} BY NAME SELECT * FROM {new[3:]} ORDER BY ALL")
    ledger.run(
        "INSERT INTO events SELECT n.event_source, n.event_id, n.occurred_at, n.kind, n.verb, w.workspace_id,"
        f" p.package_id, n.slug, n.plan, ? FROM {relation} AS n JOIN workspaces AS w ON w.name = n.workspace"
        " LEFT JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = n.format AND p.name = n.package"
        " ORDER BY w.workspace_id, n.occurred_at, n.event_id, n.event_source",
        [ledger.record_id()],
    )
