"""A month's usage from the ledger: the periods and the scope as data, the relations of queries/, exact shares."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from accounting.billing.sharing import HighChurnHolding, LinePart, share_out
from accounting.errors import AcctError
from accounting.instants import Month, midnight
from accounting.ledger import EVERYTHING, Ledger
from accounting.model import HeldName, Part, PlanInterval, Rate, RateCard, Rule, StoredState, WorkspaceUsage

_FOREVER = 2**63 - 1
NO_PLAN: list[PlanInterval] = [(-_FOREVER, _FOREVER, None)]
LIFECYCLE = (
    "110_scope_packages",
    "200_ordered_events",
    "210_workspace_deletions",
    "220_package_deletions",
    "230_repository_events",
    "240_repository_deletions",
    "250_package_links",
    "260_state_intervals",
    "270_package_states",
)
HOLDINGS = ("275_deletion_intervals", "276_hidden_holdings", "277_scope_holdings")
PRESENCE = (*HOLDINGS, "278_twice_seen_packages", "279_held_blobs")
_USAGE = (
    "300_unshared_usage",
    "310_shared_holdings",
    "320_sharing_intervals",
    "330_high_churn_blobs",
    "340_shared_usage",
    "350_usage",
)
_HIGH_CHURN = ("360_high_churn_holdings", "370_high_churn_lines")
RELATIONS = (*LIFECYCLE, *PRESENCE, *_USAGE)
# Workspaces are metered in batches of about so many holdings: memory follows the batch, not the month.
_BATCH_HOLDINGS = 1_000_000


def coverage(ledger: Ledger) -> int:
    """The instant up to which the ledger knows what was stored; AcctError where it has no snapshot at all."""
    ledger.define("100_coverage")
    rows = ledger.rows("SELECT covered_until FROM coverage")
    if not rows:
        raise AcctError(f"ledger {ledger.path}", "holds no snapshot yet", "collect or import one first")
    return int(rows[0][0])


def parts_of(month: Month, card: RateCard) -> list[Part]:
    """The month cut where a rule or a rate comes into force (RULES, section 5).

    Raises AcctError for a month with an instant before the first of them.
    """
    dated: list[tuple[str, Sequence[Rule | Rate]]] = [("rule", card.rules), ("rate", card.rates)]
    for kind, entries in dated:
        if entries and midnight(entries[0].effective_from) > month.start:
            raise AcctError(
                f"month {month}",
                f"begins before the rate card's first {kind}, of {entries[0].effective_from}, so it cannot be billed",
                f"add an earlier [[{kind}]] to the card and load it",
            )
    changes = {midnight(entry.effective_from) for _, entries in dated for entry in entries}
    cuts = {month.start, month.end, *(change for change in changes if month.start < change < month.end)}
    parts = []
    for start, end in pairwise(sorted(cuts)):
        rates = [rate for rate in card.rates if midnight(rate.effective_from) <= start]
        parts.append(Part(start, end, rule_at(card.rules, start), rates[-1] if rates else None))
    return parts


def parts_under(rules: Sequence[Rule], start: int, end: int) -> list[Part]:
    """The time from one instant to another, cut where another rule comes into force; without rates."""
    changes = (midnight(rule.effective_from) for rule in rules)
    cuts = [start, *(change for change in changes if start < change < end), end]
    return [Part(here, there, rule_at(rules, here), None) for here, there in pairwise(cuts)]


def rule_at(rules: Sequence[Rule], instant: int) -> Rule:
    """The rule in force at an instant, or the first where that is later (RULES, section 3)."""
    return ([rule for rule in rules if midnight(rule.effective_from) <= instant] or rules[:1])[-1]


def unit_of(parts: Sequence[Part]) -> Literal["GB", "GiB"]:
    """The unit of a month's last rate; GB without a rate card."""
    rate = parts[-1].rate
    return "GB" if rate is None else rate.unit


def meter(ledger: Ledger, parts: Sequence[Part], until: int, rules: Sequence[Rule],
          workspace: str | None = None) -> Iterator[WorkspaceUsage]:  # fmt: skip
    """The exact usage of one workspace, or of each that holds something, in the parts of a month up to `until`."""
    ask(ledger, parts, until, rules)
    for _ in scopes(ledger, None if workspace is None else [workspace]):
        yield from usage_of_scope(ledger)


def usage_of_scope(ledger: Ledger) -> Iterator[WorkspaceUsage]:
    """The exact usage of each workspace in scope that holds something, in the periods asked for."""
    for name in RELATIONS:
        ledger.define(name)
    usage = ledger.rows(
        "SELECT w.name, u.sharers, u.byte_seconds::HUGEINT, u.period_id, u.repository, u.format, u.package,"
        " u.state, u.charged FROM usage AS u JOIN workspaces AS w USING (workspace_id) ORDER BY w.name"
    )
    high_churn, intervals = _high_churn(ledger)
    yield from share_out(
        ((name, LinePart(*line), sharers, byte_seconds) for name, sharers, byte_seconds, *line in usage),
        high_churn,
        intervals,
    )


def _high_churn(ledger: Ledger) -> tuple[list[HighChurnHolding], dict[int, LinePart]]:
    """The holdings of high-churn blobs, and the lines of their intervals; few workspaces have any."""
    if not ledger.rows("SELECT 1 FROM high_churn_blobs LIMIT 1"):
        return [], {}
    for name in _HIGH_CHURN:
        ledger.define(name)
    holdings = ledger.rows(
        "SELECT w.name, h.* EXCLUDE (workspace_id) FROM high_churn_holdings AS h JOIN workspaces AS w"
        " USING (workspace_id) ORDER BY w.name, h.period_id, h.blob_id"
    )
    intervals = ledger.rows("SELECT * FROM high_churn_lines")
    return holdings, {interval: LinePart(*line) for interval, *line in intervals}


def plans_of_scope(ledger: Ledger) -> dict[str, list[PlanInterval]]:
    """The intervals in which workspaces in scope have a plan, from the beginning of time, by workspace.

    One that has never had a plan is not among them.
    """
    for name in ("200_ordered_events", "290_workspace_plans"):
        ledger.define(name)
    rows = ledger.rows(
        "SELECT w.name, p.plan_from, p.plan_until, p.plan FROM workspace_plans AS p"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY w.name, p.plan_from"
    )
    plans: dict[str, list[PlanInterval]] = {}
    for name, *interval in rows:
        plans.setdefault(name, [(-_FOREVER, interval[0], None)]).append((interval[0], interval[1], interval[2]))
    return plans


def held_names_of_scope(ledger: Ledger, instant: int, rules: Sequence[Rule],
                        record_until: int = EVERYTHING) -> dict[str, tuple[HeldName, ...]]:  # fmt: skip
    """The image names that cannot be reused at an instant, by workspace in scope and by name (RULES, section 3)."""
    ask_instant(ledger, instant, rules, record_until)
    for name in (*LIFECYCLE, "280_held_names"):
        ledger.define(name)
    rows = ledger.rows(
        "SELECT w.name, h.name, h.repository, h.held_until FROM held_names AS h JOIN workspaces AS w"
        " USING (workspace_id) ORDER BY w.name, h.name"
    )
    held: dict[str, tuple[HeldName, ...]] = {}
    for workspace, name, repository, held_until in rows:
        held[workspace] = (*held.get(workspace, ()), HeldName(name, repository, held_until))
    return held


def stored_states(ledger: Ledger, source: str, instant: int, rules: Sequence[Rule]) -> list[StoredState]:
    """What a source's latest snapshot holds, each blob of a workspace once, by its state at a later instant."""
    ask_instant(ledger, instant, rules)
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE scope AS SELECT DISTINCT p.workspace_id FROM packages AS p"
        " JOIN holdings AS h USING (package_id) JOIN sources AS s USING (source_id)"
        " WHERE s.name = ? AND h.valid_until IS NULL",
        [source],
    )
    for name in (*LIFECYCLE, *HOLDINGS, "400_stored_states"):
        ledger.define(name)
    rows = ledger.rows(
        "SELECT w.name, t.state, t.charged = 1, t.charging_stops_at, t.blobs, t.size_bytes::HUGEINT"
        " FROM stored_states AS t JOIN sources AS s USING (source_id) JOIN workspaces AS w USING (workspace_id)"
        " WHERE s.name = ? ORDER BY ALL",
        [source],
    )
    return [StoredState(*row) for row in rows]


def ask_instant(ledger: Ledger, instant: int, rules: Sequence[Rule], record_until: int = EVERYTHING) -> None:
    """One instant as the period asked for."""
    ask(ledger, [Part(instant, instant + 1, rule_at(rules, instant), None)], instant + 1, rules, record_until)


def ask(ledger: Ledger, parts: Sequence[Part], until: int, rules: Sequence[Rule],
        record_until: int = EVERYTHING, seen_only: bool = False) -> None:  # fmt: skip
    """The periods, the rules and the evidence asked for, as the relations that the queries join.

    With `seen_only` nothing of a source is there after its latest snapshot; else what it held last is there on and on.
    """
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE evidence AS SELECT ?::INTEGER AS record_until, ?::BOOLEAN AS seen_only",
        [record_until, seen_only],
    )
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE periods (period_id INTEGER, period_from BIGINT, period_until BIGINT,"
        " share VARCHAR)"
    )
    ledger.run("CREATE OR REPLACE TEMP TABLE charged_states (period_id INTEGER, state VARCHAR)")
    ledger.run("CREATE OR REPLACE TEMP TABLE rules (rule_from BIGINT, rule_until BIGINT, retention_seconds BIGINT)")
    for number, part in enumerate(parts):
        if part.start < until:
            ledger.run(
                "INSERT INTO periods VALUES (?, ?, ?, ?)",
                [number, part.start, min(part.end, until), part.rule.share],
            )
        for state in part.rule.charged:
            ledger.run("INSERT INTO charged_states VALUES (?, ?)", [number, state])
    starts = [-_FOREVER, *(midnight(rule.effective_from) for rule in rules[1:]), _FOREVER]
    for rule, (start, end) in zip(rules, pairwise(starts), strict=True):
        ledger.run("INSERT INTO rules VALUES (?, ?, ?)", [start, end, rule.retention_days * 86_400])


def scopes(ledger: Ledger, workspaces: Sequence[str] | None = None) -> Iterator[list[str]]:
    """Bring workspaces into scope, all or those of these names, batch by batch; gives the names of each batch."""
    if workspaces is not None and len(workspaces) == 1:
        asked = ledger.rows("SELECT workspace_id, name, 0 FROM workspaces WHERE name = ?", workspaces)
    else:
        asked = ledger.rows(
            "SELECT w.workspace_id, w.name, coalesce(h.holdings, 0) FROM workspaces AS w LEFT JOIN ("
            "  SELECT p.workspace_id, sum(n.holdings)::BIGINT AS holdings FROM packages AS p JOIN ("
            "    SELECT package_id, count(*) AS holdings FROM holdings GROUP BY ALL) AS n USING (package_id)"
            "  GROUP BY ALL) AS h USING (workspace_id) WHERE $1::VARCHAR[] IS NULL OR w.name IN (SELECT unnest($1))"
            " ORDER BY w.workspace_id",
            [workspaces],
        )
    for batch in _batches(asked):
        ledger.run(
            "CREATE OR REPLACE TEMP TABLE scope AS SELECT unnest(?::INTEGER[]) AS workspace_id",
            [[workspace_id for workspace_id, _ in batch]],
        )
        yield [name for _, name in batch]


def _batches(asked: Sequence[tuple[int, str, int]]) -> Iterator[list[tuple[int, str]]]:
    """Workspaces (id, name, holdings) in batches of about as many holdings."""
    batch: list[tuple[int, str]] = []
    room = _BATCH_HOLDINGS
    for workspace_id, name, holdings in asked:
        if batch and room < holdings:
            yield batch
            batch, room = [], _BATCH_HOLDINGS
        batch.append((workspace_id, name))
        room -= holdings
    if batch:
        yield batch
