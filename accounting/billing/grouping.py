"""The statements of several months, and their lines in groups whose sums are exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from accounting.billing.statement import statement
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Correction, Line, LineKey, Statement

# What lines can be grouped by, and the members of a line that such a group is named by.
GROUPS = {"repository": ("repository",), "format": ("format",), "package": ("format", "package"), "state": ("state",)}


@dataclass(frozen=True)
class Sums:
    """Whole byte-seconds, the amount in minor units (None without a rate card), and `byte_months`: bytes stored for the
    whole of a month, where a correction counts by the month that it corrects.
    """

    byte_seconds: int
    amount_minor: int | None
    byte_months: Fraction


@dataclass(frozen=True)
class Group:
    """The lines of one name, such as ("container", "web"): their sums in each month, in the order of the months.

    Figures are those of the lines and the corrections, as in a statement's total.
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
    nothing = [Sums(0, None if bill.amount_minor is None else 0, Fraction(0)) for bill in bills]
    return tuple(
        Group(name, tuple(part.get(name, none) for part, none in zip(parts, nothing, strict=True))) for name in names
    )


def add(sums: Sequence[Sums]) -> Sums:
    """
    >>> add([Sums(1, 2, Fraction(1, 3)), Sums(3, 4, Fraction(1))])
    Sums(byte_seconds=4, amount_minor=6, byte_months=Fraction(4, 3))
    """
    amounts = [each.amount_minor for each in sums if each.amount_minor is not None]
    return Sums(
        sum(each.byte_seconds for each in sums),
        sum(amounts) if amounts else None,
        sum((each.byte_months for each in sums), Fraction(0)),
    )


def total(bill: Statement) -> Sums:
    """The total of a statement, corrections among it."""
    corrected = corrections_of(bill)
    lines = Fraction(bill.byte_seconds, bill.month.seconds)
    return Sums(bill.byte_seconds + corrected.byte_seconds, bill.amount_minor, lines + corrected.byte_months)


def corrections_of(bill: Statement) -> Sums:
    """What the corrections add to a statement."""
    return add([_of(correction, correction.month) for correction in bill.corrections])


def _of(line: Line | Correction, month: Month) -> Sums:
    return Sums(line.byte_seconds, line.amount_minor, Fraction(line.byte_seconds, month.seconds))


def _sums(bill: Statement, members: Sequence[str]) -> dict[tuple[str | None, ...], Sums]:
    sums: dict[tuple[str | None, ...], Sums] = {}
    figures: list[tuple[LineKey, Sums]] = [
        *((line.key, _of(line, bill.month)) for line in bill.lines),
        *((correction.key, _of(correction, correction.month)) for correction in bill.corrections),
    ]
    for key, of_line in figures:
        name = tuple(getattr(key, member) for member in members)
        sums[name] = add([sums[name], of_line]) if name in sums else of_line
    return sums
