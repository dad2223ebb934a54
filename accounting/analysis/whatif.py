"""What each option of deleting something would cost: its packages first, itself first, or leave it.

Each option is supposed in a ledger of its own and billed there, so that a figure is what the bill would be. Everything
else stays as it is: what is stored, and the rate card that is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from accounting.analysis.deleting import (
    Kind,
    Step,
    Target,
    bytes_at_stake,
    itself,
    packages_first,
    served_sources,
    target_of,
)
from accounting.analysis.scenario import (
    goes_on,
    happens,
    known_until,
    months_from,
    require_foreseeable,
    supposing,
    taken_back,
)
from accounting.billing.bills import Bill, MonthQuery
from accounting.billing.statement import corrected_bills, names_held, query_of, require_workspace
from accounting.billing.usage import coverage
from accounting.errors import AcctError
from accounting.facts.cards import card_in_force
from accounting.instants import Month, format_instant
from accounting.ledger import Ledger, Query, View
from accounting.model import HeldName, Statement
from accounting.rates.periods import rule_at

_DAY = 86_400
_MOST_MONTHS = 24  # that are billed, however long a card keeps what is deleted


@dataclass(frozen=True)
class Carried:
    """What an interval of a month costs the workspace with one option, exact.

    `charged_bytes` is charged on average, `of_it` the part that packages to be deleted carry. `cost` is the interval's
    share of the month's cost before rounding, by its charged usage; None without a rate card.
    """

    charged_bytes: Fraction
    of_it: Fraction
    cost: Fraction | None


@dataclass(frozen=True)
class Interval:
    """An interval of a month in which every day costs the same from the deletion on: what it costs by option."""

    start: int
    until: int
    options: tuple[Carried, ...]


@dataclass(frozen=True)
class Option:
    """One option: its steps, a bill for each month, the image names of it that are held after the steps."""

    name: str
    steps: tuple[Step, ...]
    bills: tuple[Statement, ...]
    held_names: tuple[HeldName, ...]

    @property
    def amount_minor(self) -> int | None:
        """All bills together."""
        amounts = [bill.amount_minor for bill in self.bills if bill.amount_minor is not None]
        return sum(amounts) if amounts else None


@dataclass(frozen=True)
class WhatIf:
    """A deletion at the instant `on`, and its options; the last of them is to leave it.

    What is deleted then is kept until `kept_until`; bills may end before it, for there are 24 months of them at most.
    Of what the packages to be deleted hold only `unique_bytes` go with them: other packages that are charged hold
    `shared_bytes` too. `served_sources` hide what is deleted from then on.
    """

    workspace: str
    target: Target
    on: int
    kept_until: int
    covered_until: int
    currency: str | None
    minor_digits: int
    unique_bytes: int
    shared_bytes: int
    served_sources: tuple[str, ...]
    options: tuple[Option, ...]
    intervals: tuple[Interval, ...]


def what_if(
    path: Path, kind: Kind, workspace: str, name: str, on: int | None, progress: Callable[[str], None]
) -> WhatIf:
    """The options of deleting something at an instant, by default where what is known ends.

    Raises AcctError for an instant before that, for what the ledger at `path` does not know, and for a month that the
    rate card cannot bill.
    """
    with supposing(path, workspace) as ledger:
        require_workspace(ledger, workspace)
        covered_until = coverage(ledger)
        on = _instant(ledger, on)
        card = card_in_force(ledger)
        with ledger.view(Query.at(on, card.rules), [workspace]) as view:
            target = target_of(view, kind, workspace, name)
            unique_bytes, shared_bytes = bytes_at_stake(view, target)
            served = served_sources(view, target.packages)
            kept_until = on + rule_at(card.rules, on).retention_days * _DAY
            cuts = (on, kept_until, *_retentions_that_end(view))
        months = months_from(on, max(kept_until, target.kept_until or on))[:_MOST_MONTHS]
        options, carried = [], []
        for option, steps in _steps(target):
            progress(option.replace("_", " "))
            with taken_back(ledger):
                happens(ledger, workspace, [step.event for step in steps], on)
                goes_on(ledger, months[-1].end)
                with ledger.keeping():
                    bills = [_bill(ledger, workspace, month, cuts) for month in months]
                    all_held = names_held(ledger, workspace, on)
                names = {package.name for package in target.packages if package.format == "container"}
                held = tuple(name for name in all_held if name.name in names)
                options.append(Option(option, steps, tuple(bill.statement for _, bill in bills), held))
                carried.append([each for query, bill in bills for each in _carried(query, bill, target)])
        intervals = tuple(
            Interval(here[0], here[1], tuple(of_option[i][2] for of_option in carried))
            for i, here in enumerate(carried[0])
        )
        return WhatIf(workspace, target, on, kept_until, covered_until, card.currency, card.minor_digits, unique_bytes,
                      shared_bytes, served, tuple(options), intervals)  # fmt: skip


def _instant(ledger: Ledger, on: int | None) -> int:
    known = known_until(ledger)
    on = known if on is None else on
    if on < known:
        raise AcctError(
            f"--on {format_instant(on)}",
            f"lies before the latest snapshot, event or closing, of {format_instant(known)}, and what is past stays",
            "name that instant or a later one",
        )
    require_foreseeable(on, f"--on {format_instant(on)}")
    return on


def _steps(target: Target) -> list[tuple[str, tuple[Step, ...]]]:
    """The options that there are; what is deleted already can only be restored, emptied and deleted again."""
    options: list[tuple[str, tuple[Step, ...]]] = []
    if target.packages:
        options.append(("packages_first" if target.kind != "package" else "delete", packages_first(target)))
    if target.kind != "package" and not target.deleted:
        options.append((f"{target.kind}_first", itself(target)))
    return [*options, ("leave", ())]


def _retentions_that_end(view: View) -> list[int]:
    """The instants at which the retention of earlier deletions ends."""
    rows = view.rows("SELECT DISTINCT kept_until FROM deletions WHERE kind IN ('repository', 'workspace')")
    return [int(kept_until) for (kept_until,) in rows]


def _bill(ledger: Ledger, workspace: str, month: Month, cuts: tuple[int, ...]) -> tuple[MonthQuery, Bill]:
    """The bill of a month, corrections included, with the usage of the intervals between cuts."""
    query = replace(query_of(ledger, month), cuts=cuts)
    return query, next(corrected_bills(ledger, query, [workspace]))


def _carried(query: MonthQuery, bill: Bill, target: Target) -> list[tuple[int, int, Carried]]:
    """The month in the intervals between cuts, each with its share of the exact cost (RULES, section 5)."""
    usage, parts = bill.usage, query.periods
    packages = {(package.format, package.name) for package in target.packages}
    found = []
    for number, part in enumerate(parts):
        charged = [share for share in usage.shares if share.part == number and share.charged]
        numerator = sum(share.numerator for share in charged)
        of_it = sum(share.numerator for share in charged if (share.key.format, share.key.package) in packages)
        seconds = usage.denominator * (part.end - part.start)
        cost = None if part.rate is None else Fraction(0)
        if part.rate is not None and numerator:
            cost = bill.costs[part.rate].cost * numerator / bill.costs[part.rate].charged
        found.append((part.start, part.end, Carried(Fraction(numerator, seconds), Fraction(of_it, seconds), cost)))
    return found
