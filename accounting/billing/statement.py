"""Statements: of closed months what was sealed, of others what the evidence says; corrections on the next open one."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from accounting.billing.bills import Bill, MonthQuery, bills
from accounting.billing.corrections import corrections_on
from accounting.billing.usage import coverage, held_names_of
from accounting.errors import AcctError
from accounting.facts.cards import card_in_force, card_sealed_with
from accounting.facts.sealed import closings, is_closed, sealed_text
from accounting.facts.statement_json import parse_statement
from accounting.instants import Month
from accounting.ledger import Ledger, Query
from accounting.model import Correction, HeldName, Statement


def require_workspace(ledger: Ledger, workspace: str) -> None:
    """AcctError, with the nearest name, where no snapshot and no event names the workspace."""
    names = workspace_names(ledger)
    if workspace not in names:
        near = difflib.get_close_matches(workspace, names, n=1, cutoff=0.5)
        known = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        raise AcctError(
            f"workspace {workspace}",
            "is in no snapshot and no event of this ledger",
            f"did you mean {near[0]}?" if near else f"the ledger knows {known or 'no workspace yet'}",
        )


def workspace_names(ledger: Ledger) -> list[str]:
    """Every workspace that a snapshot or an event names."""
    return [name for (name,) in ledger.rows("SELECT name FROM workspaces ORDER BY name")]


def statement(ledger: Ledger, workspace: str, month: Month | None = None) -> Statement:
    """The statement of a workspace for a month, by default the latest that coverage reaches into.

    Raises AcctError for an unknown workspace, a ledger without snapshots, and a month that the rate card
    cannot bill.
    """
    require_workspace(ledger, workspace)
    return next(statements(ledger, month or latest_month(ledger), [workspace]))


def latest_month(ledger: Ledger) -> Month:
    """The latest month that coverage reaches into; AcctError for a ledger without snapshots."""
    return Month.holding(coverage(ledger) - 1)


def statements(ledger: Ledger, month: Month, workspaces: Sequence[str] | None = None) -> Iterator[Statement]:
    """The statements of all workspaces, or of those named, in no order. Raises AcctError as `statement` does."""
    if not is_closed(ledger, month):
        yield from computed(ledger, month, workspaces)
        return
    for workspace in workspace_names(ledger) if workspaces is None else workspaces:
        sealed = sealed_statement(ledger, month, workspace)
        yield _unknown_then(ledger, month, workspace) if sealed is None else sealed


def sealed_statement(ledger: Ledger, month: Month, workspace: str) -> Statement | None:
    """The statement of a closed month as it was sealed; None where the workspace was not known then."""
    sealed = sealed_text(ledger, month, workspace)
    return None if sealed is None else parse_statement(sealed)


def as_stated(
    ledger: Ledger, query: MonthQuery, workspaces: Sequence[str] | None = None
) -> Callable[[Statement], Statement]:
    """From a bill to its statement: with its corrections or, in a closed month, as it was sealed."""
    if is_closed(ledger, query.month):
        return lambda bill: sealed_statement(ledger, query.month, bill.workspace) or replace(bill, status="closed")
    corrections = corrections_on(ledger, query.month, workspaces, query.record_until)
    return lambda bill: _corrected(bill, corrections.get(bill.workspace, ()))


def _unknown_then(ledger: Ledger, month: Month, workspace: str) -> Statement:
    """The empty statement of a workspace that was unknown when the month was closed."""
    return replace(next(bills(ledger, query_of(ledger, month), [workspace])).statement, status="closed")


def computed(ledger: Ledger, month: Month, workspaces: Sequence[str] | None = None) -> Iterator[Statement]:
    """The statements of a month that is not closed."""
    yield from with_corrections(ledger, query_of(ledger, month), workspaces)


def query_of(ledger: Ledger, month: Month) -> MonthQuery:
    """What a month is computed from: all that is known; of a closed one what was known then, by its card."""
    for closing in closings(ledger):
        if closing.month == month:
            return MonthQuery(month, card_sealed_with(ledger, month), closing.covered_until, closing.record_id - 1)
    return MonthQuery(month, card_in_force(ledger), coverage(ledger))


def with_corrections(ledger: Ledger, query: MonthQuery, workspaces: Sequence[str] | None = None) -> Iterator[Statement]:
    """The statements of bills, with the corrections of closed months on those of the next open one."""
    yield from (bill.statement for bill in corrected_bills(ledger, query, workspaces))


def corrected_bills(ledger: Ledger, query: MonthQuery, workspaces: Sequence[str] | None = None) -> Iterator[Bill]:
    """Bills, with the corrections of closed months on the statements of the next open one."""
    corrections = corrections_on(ledger, query.month, workspaces, query.record_until)
    for bill in bills(ledger, query, workspaces):
        of_workspace = corrections.get(bill.statement.workspace, ())
        yield replace(bill, statement=_corrected(bill.statement, of_workspace))


def _corrected(bill: Statement, corrections: tuple[Correction, ...]) -> Statement:
    amounts = [correction.amount_minor for correction in corrections if correction.amount_minor is not None]
    total = bill.amount_minor
    return replace(bill, corrections=corrections, amount_minor=None if total is None else total + sum(amounts))


def names_held(ledger: Ledger, workspace: str, instant: int) -> tuple[HeldName, ...]:
    """The image names of a workspace that cannot be reused at an instant, by name."""
    require_workspace(ledger, workspace)
    with ledger.view(Query.at(instant, card_in_force(ledger).rules), [workspace]) as view:
        return held_names_of(view).get(workspace, ())
