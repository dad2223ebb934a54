"""What a registry's database shows, compared with the events in the ledger: each difference becomes an event."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accounting.collectors.database import Answer, ask
from accounting.errors import AcctError
from accounting.facts.events import append, unseen_packages
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
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE observation AS"
        " SELECT ? AS event_source, ?::BIGINT AS observed_at, ?::BIGINT AS observed_before",
        [event_source, answer.observed_at, observed_before],
    )
    ledger.register("observed_rows", answer.rows.to_arrow())
    ledger.define("merge/60_observed")
    _refuse_contradiction(ledger, answer)
    for name in ("61_observed_before", "62_observed_deletions", "63_observed_changes"):
        ledger.define(f"merge/{name}")
    if "loss" not in accepted:
        _refuse_loss(ledger, answer, rows_before or 0)
    for name in ("64_observed_links", "65_observed_events"):
        ledger.define(f"merge/{name}")
    append(ledger, "observed_events")
    ledger.run(
        "INSERT INTO observations VALUES (?, ?, ?, ?)",
        [event_source, answer.observed_at, answer.rows.height, ledger.record_id()],
    )
    verbs = dict(ledger.rows("SELECT verb, count(*) FROM observed_events GROUP BY verb"))
    return Changes(answer.rows.height, unseen=unseen_packages(ledger, event_source), **verbs)


def _refuse_contradiction(ledger: Ledger, answer: Answer) -> None:
    found = ledger.rows(
        "SELECT subject, slug, other_slug FROM observed WHERE slug <> other_slug ORDER BY subject, deleted_at LIMIT 1"
    )
    if found:
        subject, slug, other = found[0]
        raise AcctError(
            f"source {answer.source}",
            f"two rows link {subject} to different repositories, {slug} and {other}",
            "correct the query of the source",
        )


def _refuse_loss(ledger: Ledger, answer: Answer, rows_before: int) -> None:
    """Refuse what looks like a wrong query: everything that no longer has a row would count as deleted."""
    (there,) = ledger.rows(
        "SELECT count(*) FROM (SELECT last(verb ORDER BY occurred_at, event_id) AS verb FROM observed_before"
        " WHERE verb <> 'linked' GROUP BY subject) WHERE verb <> 'deleted'"
    )[0]
    (vanished,) = ledger.rows("SELECT count(*) FROM observed_changes WHERE vanished")[0]
    if rows_before >= LOSS_ROWS and 2 * vanished > there:
        raise AcctError(
            f"source {answer.source}",
            f"lacks {vanished:,} of the {there:,} workspaces, repositories and packages of the previous answer",
            "check the query of the source; if they are really gone, collect with --accept loss",
        )
