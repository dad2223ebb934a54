"""Lifecycle events into the ledger: each (source, id) once, and whole files or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accounting.collectors.files.json_lines import broken_array, is_array
from accounting.collectors.files.snapshot_file import position
from accounting.errors import AcctError
from accounting.facts.cards import card_in_force
from accounting.instants import midnight
from accounting.ledger import Ledger

_LAST_VERB = "last(e.verb ORDER BY e.occurred_at, e.event_id)"


@dataclass(frozen=True)
class Recorded:
    """How many events of a file are new, how many the ledger already had, and how many are of foreign types.

    `unseen` are packages that its events name but no snapshot contains; `latest_at` is the instant of its latest event;
    `unlisted_plans` are the workspaces to which its events give a plan that the rate card does not list.
    """

    new: int
    known: int
    foreign: int
    unseen: tuple[str, ...]
    latest_at: int | None
    unlisted_plans: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Linked:
    """How many packages a table of links has, how many links have changed, and which packages no snapshot contains."""

    packages: int
    changed: int
    unseen: tuple[str, ...]


def record(ledger: Ledger, file: Path, relation: str) -> Recorded:
    """Record the events that `relation` (collectors.event_file) reads from a file.

    An event that is already there changes nothing. Raises AcctError, with the number of the line or of the array
    element, for an invalid event, and for different content under a known (source, id).
    """
    batch = is_array(file)
    try:
        with ledger.reads(file):
            ledger.run(f"CREATE OR REPLACE TEMP TABLE offered_events AS {relation}")
    except AcctError as error:
        raise (broken_array(file) if batch else None) or error from error
    unit = "element" if batch else "line"
    bad = ledger.rows(
        "SELECT line_number, problem FROM offered_events WHERE problem IS NOT NULL ORDER BY line_number LIMIT 1"
    )
    if bad:
        raise AcctError(f"{file}, {unit} {bad[0][0]}", bad[0][1], f"correct the {unit} and import the file again")
    ledger.define("merge/51_conflicting_events")
    other = ledger.rows("SELECT * FROM conflicting_events ORDER BY line_number LIMIT 1")
    if other:
        number, source, identity = other[0]
        raise AcctError(
            f"{file}, {unit} {number}",
            f"the event {identity!r} of {source!r} is already known with different content",
            "give the event its own id",
        )
    ledger.define("merge/52_new_events")
    append(ledger, "new_events")
    new, known, foreign, latest_at = ledger.rows(
        "SELECT (SELECT count(*) FROM new_events), count(*) FILTER (WHERE NOT foreign_type),"
        " count(*) FILTER (WHERE foreign_type), max(occurred_at) FILTER (WHERE NOT foreign_type) FROM offered_events"
    )[0]
    named = "(w.name, p.format, p.name) IN (SELECT (workspace, format, package) FROM offered_events)"
    # A package that was created and deleted between two snapshots is in neither, and is not reported; one that was only
    # deleted may be misspelt.
    unseen = _unseen(ledger, named, f"{_LAST_VERB} <> 'deleted' OR bool_and(e.verb = 'deleted')")
    return Recorded(new, known - new, foreign, unseen, latest_at, _unlisted_plans(ledger))


def _unlisted_plans(ledger: Ledger) -> tuple[tuple[str, str], ...]:
    """Workspaces and plans from the offered events that a rate of the card in force does not list while both apply.

    Of several events at one instant, the last in their order applies (RULES, section 3).
    """
    rates = card_in_force(ledger).rates
    ends = [*(midnight(rate.effective_from) for rate in rates[1:]), None][: len(rates)]  # none without a card
    rows = ledger.rows(
        "WITH plans AS ("
        "  SELECT w.name, e.occurred_at, last(e.plan ORDER BY e.event_id, e.event_source) AS plan,"
        "    bool_or((e.event_source, e.event_id) IN (SELECT (event_source, event_id) FROM offered_events)) AS offered"
        "  FROM events AS e JOIN workspaces AS w USING (workspace_id) WHERE e.verb = 'plan_changed' GROUP BY ALL)"
        " SELECT name, plan, occurred_at, next_at FROM ("
        "  SELECT *, lead(occurred_at) OVER (PARTITION BY name ORDER BY occurred_at) AS next_at FROM plans)"
        " WHERE offered ORDER BY name, occurred_at"
    )
    unlisted = [
        (workspace, plan)
        for workspace, plan, begins, next_at in rows
        for rate, ends_at in zip(rates, ends, strict=True)
        if rate.included is not None
        and plan not in rate.included
        and (ends_at is None or begins < ends_at)
        and (next_at is None or midnight(rate.effective_from) < next_at)
    ]
    return tuple(dict.fromkeys(unlisted))


def record_links(ledger: Ledger, file: Path, relation: str, at: int) -> Linked:
    """Record as events the links that `relation` (collectors.links_file) reads from a file, if they have changed.

    A package that no event has linked counts as linked from the start; a changed link takes effect at `at` (epoch
    seconds). Raises AcctError, with the line number, for an invalid row.
    """
    with ledger.reads(file):
        ledger.run(f"CREATE OR REPLACE TEMP TABLE offered_links AS {relation}")
    bad = ledger.rows("SELECT row, problem FROM offered_links WHERE problem IS NOT NULL ORDER BY row LIMIT 1")
    if bad:
        raise AcctError(position(file, bad[0][0]), bad[0][1], "correct the row and import the file again")
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
    """The packages that exist according to a source of events but that no snapshot has ever contained, as subjects;
    their names may be misspelt. None before the first snapshot.
    """
    return _unseen(ledger, "e.event_source = ?", f"{_LAST_VERB} <> 'deleted'", [event_source])


def _unseen(ledger: Ledger, where: str, having: str, parameters: Sequence[str] = ()) -> tuple[str, ...]:
    rows = ledger.rows(
        "SELECT concat_ws('/', w.name, p.format, p.name) AS subject FROM events AS e"
        " JOIN packages AS p USING (package_id) JOIN workspaces AS w ON w.workspace_id = p.workspace_id"
        " ANTI JOIN versions AS v ON v.package_id = p.package_id"
        f" WHERE {where} AND EXISTS (FROM snapshots) GROUP BY ALL HAVING {having} ORDER BY subject",
        list(parameters),
    )
    return tuple(subject for (subject,) in rows)


def append(ledger: Ledger, relation: str) -> None:
    """Append the events of a relation (columns as in queries/merge/52_new_events), none of which the ledger has."""
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
