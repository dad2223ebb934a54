"""Objects that a source's snapshots found broken, from the first such snapshot to the last."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from accounting.collectors.layouts.collected import KINDS, Collected
from accounting.errors import AcctError
from accounting.ledger import Ledger
from accounting.text import counted

# If more than a few objects, and more than a twentieth of all, break at once, the place itself is probably failing.
FEW_BROKEN, BROKEN_OF = 10, 20


@dataclass(frozen=True)
class BrokenObject:
    """An object that a source's latest snapshot found broken, and all its snapshots `since` that instant (0: now).

    `problem` is the end of a sentence that begins with the key. Workspace and package are None if unknown.
    """

    source: str
    kind: str
    key: str
    workspace: str | None
    package: str | None
    problem: str
    since: int = 0


def broken_now(ledger: Ledger) -> list[BrokenObject]:
    """The broken objects in the latest snapshot of each source that is not retired."""
    rows = ledger.rows(
        "SELECT s.name, b.kind, b.key, w.name, b.package, b.problem, b.seen_from"
        " FROM broken_objects AS b JOIN sources AS s USING (source_id) LEFT JOIN workspaces AS w USING (workspace_id)"
        " WHERE b.seen_until IS NULL AND s.retired_at IS NULL ORDER BY ALL"
    )
    return [BrokenObject(*row) for row in rows]


def broken_in(source: str, broken: pl.DataFrame) -> list[BrokenObject]:
    """The broken objects, as collected.BROKEN, in a source that was just read."""
    return [BrokenObject(source, *row) for row in broken.iter_rows()]


def in_order(broken: Iterable[BrokenObject]) -> list[BrokenObject]:
    """Sorted, with the objects that are not billed first."""
    return sorted(broken, key=lambda each: (KINDS.index(each.kind), each.source, each.key))


def refuse_many_broken(source: str, found: Collected, before: frozenset[str]) -> None:
    """AcctError if many objects of one kind are broken that are not in `before` (keys)."""
    for kind, examined in found.examined.items():
        new = found.broken.filter(pl.col("kind") == kind).unique("key", keep="first", maintain_order=True)
        new = new.filter(~pl.col("key").is_in(pl.Series(sorted(before), dtype=pl.String()).implode()))
        if new.height >= FEW_BROKEN and new.height * BROKEN_OF > examined:
            key, problem = new.select("key", "problem").row(0)
            raise AcctError(
                f"source {source}",
                f"has {new.height:,} newly broken objects among {counted(examined, kind)}, such as {key},"
                f" which {problem}",
                "check the storage of the registry; if they are really broken, collect with --accept broken",
            )


def record_broken(ledger: Ledger, broken: pl.DataFrame) -> None:
    """Record the broken objects of a snapshot, as collected.BROKEN, after the snapshot (relation `merged`)."""
    ledger.register("found_broken", broken.to_arrow())
    ledger.run(
        "INSERT INTO workspaces SELECT (SELECT coalesce(max(workspace_id), 0) FROM workspaces)"
        " + row_number() OVER (ORDER BY f.workspace), f.workspace"
        " FROM (SELECT DISTINCT workspace FROM found_broken WHERE workspace IS NOT NULL) AS f"
        " ANTI JOIN workspaces AS w ON w.name = f.workspace"
    )
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE broken AS"
        " SELECT m.source_id, f.kind, f.key, w.workspace_id, f.package, f.problem, m.taken_at AS seen_from,"
        "  NULL::BIGINT AS seen_until"
        " FROM found_broken AS f CROSS JOIN merged AS m LEFT JOIN workspaces AS w ON w.name = f.workspace"
    )
    same = (
        "b.source_id = o.source_id AND b.key = o.key AND b.problem = o.problem AND b.kind = o.kind"
        " AND b.workspace_id IS NOT DISTINCT FROM o.workspace_id AND b.package IS NOT DISTINCT FROM o.package"
    )
    ledger.run(
        "UPDATE broken_objects AS o SET seen_until = m.taken_before FROM merged AS m"
        " WHERE o.source_id = m.source_id AND o.seen_until IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM broken AS b WHERE {same})"
    )
    ledger.run(
        "INSERT INTO broken_objects SELECT b.* FROM broken AS b"
        f" WHERE NOT EXISTS (SELECT 1 FROM broken_objects AS o WHERE o.seen_until IS NULL AND {same}) ORDER BY ALL"
    )
