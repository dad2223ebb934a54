"""A month's usage from a view of the ledger: the relations of queries/, exact shares."""

from collections.abc import Iterator, Sequence

from accounting.billing.sharing import HighChurnHolding, LinePart, UsageRow, share_out
from accounting.errors import AcctError
from accounting.ledger import Ledger, Query, View
from accounting.ledger.view import FOREVER
from accounting.model import HeldName, PlanInterval, Rule, StoredState, WorkspaceUsage

NO_PLAN: list[PlanInterval] = [(-FOREVER, FOREVER, None)]


def coverage(ledger: Ledger) -> int:
    """The instant up to which the ledger knows what was stored; AcctError where it has no snapshot at all."""
    with ledger.keeping():
        ledger.relation("coverage")
        rows = ledger.rows("SELECT covered_until FROM coverage")
    if not rows:
        raise AcctError(f"ledger {ledger.path}", "holds no snapshot yet", "collect or import one first")
    return int(rows[0][0])


def usage_of(view: View) -> Iterator[WorkspaceUsage]:
    """The exact usage of each workspace that holds something, in the rate periods asked for."""
    usage = view.records(
        UsageRow,
        "SELECT w.name AS workspace, u.period_id AS part, u.repository, u.format, u.package, u.state, u.charged,"
        " u.sharers, u.byte_seconds::HUGEINT AS byte_seconds"
        " FROM usage AS u JOIN workspaces AS w USING (workspace_id) ORDER BY w.name",
    )
    high_churn, lines = _high_churn(view)
    yield from share_out(usage, high_churn, lines)


def usage_of_one(view: View) -> WorkspaceUsage:
    """The exact usage of the one workspace of a view, which may hold nothing."""
    return next(usage_of(view), WorkspaceUsage("".join(view.workspaces), 1, ()))


def _high_churn(view: View) -> tuple[list[HighChurnHolding], dict[int, LinePart]]:
    """The holding intervals of high-churn blobs, and the lines of their state intervals. Few workspaces have any."""
    if not view.rows("SELECT 1 FROM sharing_intervals WHERE high_churn LIMIT 1"):
        return [], {}
    holdings = view.records(
        HighChurnHolding,
        "SELECT w.name AS workspace, h.period_id AS part, h.blob_id, h.interval_id AS line_number, h.charged,"
        " h.size_bytes, h.held_from, h.held_until FROM high_churn_holdings AS h JOIN workspaces AS w"
        " USING (workspace_id) ORDER BY w.name, h.period_id, h.blob_id",
    )
    lines = view.rows(
        "SELECT interval_id, period_id, repository, format, package, state, charged FROM high_churn_lines"
    )
    return holdings, {interval_id: LinePart(*line) for interval_id, *line in lines}


def plans_of(view: View) -> dict[str, list[PlanInterval]]:
    """The intervals in which workspaces have a plan, from the beginning of time, by workspace.

    One that has never had a plan is not among them.
    """
    rows = view.rows(
        "SELECT w.name, p.plan_from, p.plan_until, p.plan FROM workspace_plans AS p"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY w.name, p.plan_from"
    )
    plans: dict[str, list[PlanInterval]] = {}
    for name, *interval in rows:
        plans.setdefault(name, [(-FOREVER, interval[0], None)]).append((interval[0], interval[1], interval[2]))
    return plans


def held_names_of(view: View) -> dict[str, tuple[HeldName, ...]]:
    """The image names that cannot be reused at the instant asked for, by workspace and by name (RULES, section 3)."""
    rows = view.rows(
        "SELECT w.name, h.name, h.repository, h.held_until FROM held_names AS h JOIN workspaces AS w"
        " USING (workspace_id) ORDER BY w.name, h.name"
    )
    held: dict[str, tuple[HeldName, ...]] = {}
    for workspace, name, repository, held_until in rows:
        held[workspace] = (*held.get(workspace, ()), HeldName(name, repository, held_until))
    return held


def stored_states(ledger: Ledger, source: str, instant: int, rules: Sequence[Rule]) -> list[StoredState]:
    """What a source's latest snapshot holds, each blob of a workspace once, by its state at a later instant."""
    workspaces = ledger.rows(
        "SELECT DISTINCT w.name FROM workspaces AS w JOIN packages AS p USING (workspace_id)"
        " JOIN holdings AS h USING (package_id) JOIN sources AS s USING (source_id)"
        " WHERE s.name = ? AND h.valid_until IS NULL",
        [source],
    )
    with ledger.view(Query.at(instant, rules), [name for (name,) in workspaces]) as view:
        return view.records(
            StoredState,
            "SELECT w.name AS workspace, t.state, t.charged = 1 AS charged, t.charging_stops_at, t.blobs,"
            " t.size_bytes::HUGEINT AS size_bytes"
            " FROM stored_states AS t JOIN sources AS s USING (source_id) JOIN workspaces AS w USING (workspace_id)"
            " WHERE s.name = ? ORDER BY ALL",
            [source],
        )
