"""A month under another rate card beside the same month under the card in force; nothing is stored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from accounting.billing.bills import MonthQuery
from accounting.billing.statement import query_of, require_workspace, statements, with_corrections
from accounting.errors import AcctError
from accounting.facts.cards import card_text
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import LineKey, Statement
from accounting.rates.ratecard import parse_card


@dataclass(frozen=True)
class Figures:
    """Whole byte-seconds, the amount in minor units, and whether a line's state was charged."""

    byte_seconds: int
    amount_minor: int
    charged: bool = True


NOTHING = Figures(0, 0)
_CORRECT = "correct the card, or a copy of the example, in a file and compare with that"


@dataclass(frozen=True)
class ComparedLine:
    """A line under both cards, None where a card knows no such line; or the correction of an earlier `month`."""

    key: LineKey
    month: Month | None
    in_force: Figures | None
    other: Figures | None

    @property
    def change(self) -> Figures:
        """What the other card adds."""
        return _change(self.in_force or NOTHING, self.other or NOTHING)


@dataclass(frozen=True)
class Comparison:
    """One workspace's month under the card in force and under another; lines as in RULES, section 4."""

    in_force: Statement
    other: Statement
    lines: tuple[ComparedLine, ...]

    @property
    def change(self) -> Figures:
        """What the other card adds to the total."""
        return _change(total_of(self.in_force), total_of(self.other))


def compare(ledger: Ledger, month: Month, toml: str, where: str, workspace: str | None = None) -> Iterator[Comparison]:
    """A month of one workspace, or of each, under the card in force and under that of a TOML text.

    `where` names the other card in errors. Raises AcctError where no card is in force, where the two bill in
    different currencies, where one of them cannot bill the month, and for an unknown workspace.
    """
    if card_text(ledger) is None:
        raise AcctError(
            f"ledger {ledger.path}", "holds no rate card to compare with", "load one with `acct rates load FILE`"
        )
    if workspace is not None:
        require_workspace(ledger, workspace)
    query = _query_under(ledger, month, toml, where)
    names = None if workspace is None else [workspace]
    in_force = {bill.workspace: bill for bill in statements(ledger, month, names)}
    try:
        other = {bill.workspace: bill for bill in with_corrections(ledger, query, names)}
    except AcctError as error:
        raise AcctError(f"{where}, {error.where}", error.what, _CORRECT) from error
    for name in sorted(in_force):
        yield side_by_side(in_force[name], other[name], where)


def side_by_side(in_force: Statement, other: Statement, where: str) -> Comparison:
    """Two statements of one workspace and month, line by line; AcctError where their currencies differ."""
    if in_force.currency != other.currency:
        raise AcctError(
            where,
            f"bills in {other.currency}, and {in_force.month} is billed in {in_force.currency or 'no currency'}",
            "compare cards of one currency",
        )
    ours, theirs = _figures(in_force), _figures(other)
    keys = sorted(
        ours.keys() | theirs.keys(), key=lambda key: (key[0] is not None, key[0] or other.month, key[1].sort_key)
    )
    lines = tuple(ComparedLine(key, month, ours.get((month, key)), theirs.get((month, key))) for month, key in keys)
    return Comparison(in_force, other, lines)


def total_of(statement: Statement) -> Figures:
    """The total of a statement that has amounts, corrections among it."""
    return Figures(statement.total_byte_seconds, statement.amount_minor or 0)


def _figures(statement: Statement) -> dict[tuple[Month | None, LineKey], Figures]:
    """The lines of a statement, and its corrections by the month that they correct."""
    figures: dict[tuple[Month | None, LineKey], Figures] = {
        (None, line.key): Figures(line.byte_seconds, line.amount_minor or 0, line.charged) for line in statement.lines
    }
    for correction in statement.corrections:
        figures[correction.month, correction.key] = Figures(correction.byte_seconds, correction.amount_minor or 0)
    return figures


def _change(in_force: Figures, other: Figures) -> Figures:
    return Figures(other.byte_seconds - in_force.byte_seconds, other.amount_minor - in_force.amount_minor)


def _query_under(ledger: Ledger, month: Month, toml: str, where: str) -> MonthQuery:
    """A month by another card: a closed one from the evidence of its closing, for later evidence is not a price."""
    return replace(query_of(ledger, month), card=parse_card(toml, where))
