"""Closing a month seals its statements (RULES, section 6)."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from accounting.billing.statement import computed
from accounting.billing.usage import coverage
from accounting.errors import AcctError
from accounting.facts.cards import card_in_force_id
from accounting.facts.sealed import closings, digest_of, is_closed
from accounting.facts.sources import first_snapshot_at
from accounting.facts.statement_json import statement_json
from accounting.instants import Month, format_instant
from accounting.ledger import Ledger
from accounting.model import Correction, Line, Statement
from accounting.text import counted


class NotCoveredError(AcctError):
    """A month that is not final yet."""

    exit_status = 3


def require_known(ledger: Ledger, month: Month) -> None:
    """AcctError for a month that ends before the first snapshot: it has no bill (RULES, section 2)."""
    first_at = first_snapshot_at(ledger)
    if first_at is not None and month.end <= first_at:
        raise AcctError(
            f"month {month}",
            f"is unknown, since it ends before the first snapshot, of {format_instant(first_at)}: it has no bill",
            f"name {Month.holding(first_at)} or a later month",
        )


def require_final(ledger: Ledger, month: Month) -> None:
    """NotCoveredError, naming the sources whose snapshots end before the month does, unless it is final.

    Raises AcctError for a month that is unknown.
    """
    require_known(ledger, month)
    covered_until = coverage(ledger)
    if covered_until >= month.end:
        return
    late = ledger.rows(
        "SELECT s.name, max(n.taken_at) AS latest FROM sources AS s JOIN snapshots AS n USING (source_id)"
        " WHERE s.retired_at IS NULL GROUP BY s.name HAVING latest < ? ORDER BY ALL",
        [month.end],
    )
    ends = ", ".join(f"{name} at {format_instant(latest)}" for name, latest in late[:5])
    more = f" and {len(late) - 5} more" if len(late) > 5 else ""
    raise NotCoveredError(
        f"month {month}",
        f"is not covered yet: what is known ends with {ends or format_instant(covered_until)}{more}",
        "collect or import a snapshot of its end or later, or retire the source",
    )


def require_closable(ledger: Ledger, month: Month) -> None:
    """Raises NotCoveredError for an open month that is not final, and AcctError for one out of order."""
    closed = [closing.month for closing in closings(ledger)]
    if closed and month != closed[-1].next:
        raise AcctError(
            f"month {month}", f"is not the next after {closed[-1]}, which is closed", f"close {closed[-1].next}"
        )
    require_final(ledger, month)


def close(ledger: Ledger, month: Month, progress: Callable[[str], None]) -> int | None:
    """Seal the statements of a final month; gives their number, None where it is closed already.

    Raises NotCoveredError for a month that is not final, and AcctError for one out of order.
    """
    if is_closed(ledger, month):
        return None
    require_closable(ledger, month)
    sealed = []
    for statement in computed(ledger, month):
        sealed.append(replace(statement, status="closed"))
        progress(f"{counted(len(sealed), 'statement')} computed")
    _seal(ledger, month, sealed)
    return len(sealed)


def months_left_open(ledger: Ledger, month: Month) -> tuple[Month, Month] | None:
    """The first and the last month before one to be closed that evidence tells of and that will stay open.

    None where an earlier one is closed, and where there is none.
    """
    if closings(ledger):
        return None
    first_at = first_snapshot_at(ledger)
    first = month if first_at is None else Month.holding(first_at)
    return (first, month.before) if first < month else None


def _seal(ledger: Ledger, month: Month, sealed: list[Statement]) -> None:
    ledger.run(
        "INSERT INTO closings VALUES (?, ?, ?, ?)",
        [str(month), coverage(ledger), card_in_force_id(ledger), ledger.record_id()],
    )
    texts = [(statement.workspace, statement_json(statement)) for statement in sealed]
    ledger.register(
        "sealed_now",
        pa.table(
            {
                "workspace": [workspace for workspace, _ in texts],
                "statement": [text for _, text in texts],
                "digest": [digest_of(text) for _, text in texts],
            },
            schema=pa.schema([(name, pa.string()) for name in ("workspace", "statement", "digest")]),
        ),
    )
    ledger.run(
        "INSERT INTO sealed_statements SELECT ?, w.workspace_id, n.statement, n.digest FROM sealed_now AS n"
        " JOIN workspaces AS w ON w.name = n.workspace ORDER BY w.workspace_id",
        [str(month)],
    )
    lines = list(_lines(sealed))
    names = ("of_month", "workspace", "repository", "format", "package", "state", "byte_seconds", "amount_minor")
    ledger.register(
        "sealed_lines_now",
        pa.table(
            {name: [line[i] for line in lines] for i, name in enumerate(names)},
            schema=pa.schema([(name, pa.string()) for name in names]),
        ),
    )
    ledger.run(
        "INSERT INTO sealed_lines SELECT ?, n.of_month, w.workspace_id, n.repository, n.format, n.package, n.state,"
        " n.byte_seconds::DECIMAL(38, 0), n.amount_minor::DECIMAL(38, 0) FROM sealed_lines_now AS n"
        " JOIN workspaces AS w ON w.name = n.workspace ORDER BY w.workspace_id",
        [str(month)],
    )


def _lines(sealed: list[Statement]) -> Iterator[tuple[str | None, ...]]:
    """Every line and correction, figures as text: they are exact whatever their size."""
    for statement in sealed:
        for line in statement.lines:
            yield _line(str(statement.month), statement.workspace, line)
        for correction in statement.corrections:
            yield _line(str(correction.month), statement.workspace, correction)


def _line(of_month: str, workspace: str, line: Line | Correction) -> tuple[str | None, ...]:
    key = line.key
    amount = None if line.amount_minor is None else str(line.amount_minor)
    return (of_month, workspace, key.repository, key.format, key.package, key.state, str(line.byte_seconds), amount)
