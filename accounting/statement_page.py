"""What a person is shown of a workspace's month: the statement, and what it rests on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Statement
from accounting.statement import statements


@dataclass(frozen=True)
class StatementPage:
    """One object that every format is made from."""

    statement: Statement


def statement_pages(ledger: Ledger, month: Month, workspaces: Sequence[str] | None = None) -> Iterator[StatementPage]:
    """The pages of all workspaces, or of those named, in no order. Raises AcctError as `statements` does."""
    for statement in statements(ledger, month, workspaces):
        yield StatementPage(statement)
