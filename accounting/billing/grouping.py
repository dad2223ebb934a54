"""The statements of several months, and their lines in groups whose sums are exact."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounting.billing.statement import statement
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import LineKey, Statement

# What lines can be grouped by, and the members of a line that such a group is named by.
GROUPS = {"repository": ("repository",), "format": ("format",), "package": ("format", "package"), "state": ("state",)}


@dataclass(frozen=True)
class Sums:
    """Whole byte-seconds, and the amount in minor units (None without a rate card)."""

    byte_seconds: int
    amount_minor: int | None


@dataclass(frozen=True)
class Group:
    """The lines of one name, such as ("container", "web"): their sums in each month, in the order of the months.

    Byte-seconds are those of the lines, amounts those of the lines and the corrections, as in a statement's total.
    """

    name: tuple[str | None, ...]
    months: tuple[Sums, ...]

    @property
    def total(self) -> Sums:
        return add(self.months)


def statements(ledger: Ledger, workspace: str, months: Sequence[Month | None]) -> tuple[Statement, ...]:
    """A workspace's statements of some months (None: the latest with evidence).

    Raises AcctError as `statement` does, and where two months were billed in different currencies.
    """
    bills = tuple(statement(ledger, workspace, month) for month in months)
    for bill in bills:
        if bill.currency != bills[0].currency:
            raise AcctError(
                f"workspace {workspace}",
                f"{bills[0].month} is billed in {bills[0].currency or 'no currency'},"
                f" {bill.month} in {bill.currency or 'no currency'}",
                "report them apart",
            )
    return bills


def grouped(bills: Sequence[Statement], by: str) -> tuple[Group, ...]:
    """The lines and corrections of some months by one of GROUPS, in the order of the names, null first."""
    parts = [_sums(bill, GROUPS[by]) for bill in bills]
    names = sorted({name for part in parts for name in part}, key=lambda name: [(n is not None, n or "") for n in name])
    nothing = [Sums(0, None if bill.amount_minor is None else 0) for bill in bills]
    return tuple(
        Group(name, tuple(part.get(name, none) for part, none in zip(parts, nothing, strict=True))) for name in names
    )


def add(sums: Sequence[Sums]) -> Sums:
    """
    >>> add([Sums(1, 2), Sums(3, 4)]), add([Sums(1, None)])
    (Sums(byte_seconds=4, amount_minor=6), Sums(byte_seconds=1, amount_minor=None))
    """
    amounts = [each.amount_minor for each in sums if each.amount_minor is not None]
    return Sums(sum(each.byte_seconds for each in sums), sum(amounts) if amounts else None)


def total(bill: Statement) -> Sums:
    """The total of a statement."""
    return Sums(bill.byte_seconds, bill.amount_minor)


def _sums(bill: Statement, members: Sequence[str]) -> dict[tuple[str | None, ...], Sums]:
    sums: dict[tuple[str | None, ...], Sums] = {}
    figures: list[tuple[LineKey, Sums]] = [
        *((line.key, Sums(line.byte_seconds, line.amount_minor)) for line in bill.lines),
        *((correction.key, Sums(0, correction.amount_minor)) for correction in bill.corrections),
    ]
    for key, of_line in figures:
        name = tuple(getattr(key, member) for member in members)
        sums[name] = add([sums[name], of_line]) if name in sums else of_line
    return sums
