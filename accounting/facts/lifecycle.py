"""What a registry's database shows, compared with the events in the ledger: each difference becomes an event."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from accounting.collectors.database import Answer, ask
from accounting.errors import AcctError
from accounting.facts.events import append, unseen_packages
from accounting.facts.observed import Event, Known, Observation, Row
from accounting.ledger import Ledger, writing
from accounting.model import Source

LOSS_ROWS = 100  # a source with fewer rows may lose any of them


@dataclass(frozen=True)
class Changes:
    """How many rows an answer had, and how many new events of each verb.

    `repeated`: it is not later than the previous answer, and so changes nothing; `unseen` are its packages that no
    snapshot contains.
    """

    rows: int
    created: int = 0
    deleted: int = 0
    restored: int = 0
    linked: int = 0
    repeated: bool = False
    unseen: tuple[str, ...] = ()


def collect(ledger_path: Path, source: Source, progress: Callable[[str], None],
            accepted: frozenset[str] = frozenset()) -> Changes:  # fmt: skip
    """Query a source's database, and record what has changed since the previous query.

    Raises AcctError if the answer is refused; then nothing is recorded.
    """
    answer = ask(source, progress)
    progress("comparing it with the events known")
    with writing(ledger_path) as ledger:
        return take_in(ledger, answer, accepted)


def take_in(ledger: Ledger, answer: Answer, accepted: frozenset[str] = frozenset()) -> Changes:
    """Record as events how an answer differs from the events of earlier answers (RULES, section 3).

    Raises AcctError if two rows of one package contradict each other and, unless `loss` is accepted, if more than half
    of what existed no longer has a row.
    """
    event_source = f"acct:{answer.source}"
    observed_before, rows_before = ledger.rows(
        "SELECT max(observed_at), arg_max(row_count, observed_at) FROM observations WHERE event_source = ?",
        [event_source],
    )[0]
    if observed_before is not None and answer.observed_at <= observed_before:
        return Changes(answer.rows.height, repeated=True)
    seen = Observation.of(
        map(Row._make, answer.rows.select(Row._fields).iter_rows()),
        _known(ledger, event_source),
        answer.observed_at,
        observed_before,
        answer.source,
    )
    if "loss" not in accepted:
        _refuse_loss(answer, seen, rows_before or 0)
    events = list(seen.events())
    _append(ledger, event_source, events)
    ledger.run(
        "INSERT INTO observations VALUES (?, ?, ?, ?)",
        [event_source, answer.observed_at, answer.rows.height, ledger.record_id()],
    )
    verbs = Counter(event.verb for event in events)
    return Changes(answer.rows.height, verbs["created"], verbs["deleted"], verbs["restored"], verbs["linked"],
                   unseen=unseen_packages(ledger, event_source))  # fmt: skip


def _known(ledger: Ledger, event_source: str) -> list[Known]:
    """The events that earlier collections of the source have recorded."""
    return ledger.records(
        Known,
        "SELECT concat_ws('/', w.name, CASE WHEN e.kind = 'repository' THEN e.slug END, p.format, p.name) AS subject,"
        " e.kind, w.name AS workspace, p.format, p.name AS package, e.slug, e.verb, e.occurred_at, e.event_id"
        " FROM events AS e JOIN workspaces AS w USING (workspace_id) LEFT JOIN packages AS p USING (package_id)"
        " WHERE e.event_source = ?",
        [event_source],
    )


def _append(ledger: Ledger, event_source: str, events: Sequence[Event]) -> None:
    if not events:
        return
    columns = {name: list(column) for name, column in zip(Event._fields, zip(*events, strict=True), strict=True)}
    text = {name: pa.string() for name in ("event_source", *Event._fields, "plan")}
    schema = pa.schema(text | {"occurred_at": pa.int64()})
    nothing = {"event_source": [event_source] * len(events), "plan": [None] * len(events)}
    ledger.register("observed_events", pa.table(columns | nothing, schema=schema))
    append(ledger, "observed_events")


def _refuse_loss(answer: Answer, seen: Observation, rows_before: int) -> None:
    """Refuse what looks like a wrong query: everything that no longer has a row would count as deleted."""
    if rows_before >= LOSS_ROWS and 2 * seen.vanished > seen.were_there:
        raise AcctError(
            f"source {answer.source}",
            f"lacks {seen.vanished:,} of the {seen.were_there:,} workspaces, repositories and packages of the previous"
            " answer",
            "check the query of the source; if they are really gone, collect with --accept loss",
        )
