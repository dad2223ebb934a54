"""What changed between two months, line by line, and why: content, states, shares. The reasons add up exactly.

Figures are mean stored bytes, a line's byte-seconds over the seconds that were metered, so that months of different
length compare. What a package holds is compared blob by blob; what it would carry alone, less what it carries, is what
it shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from accounting.billing.statement import asked_of
from accounting.billing.usage import LIFECYCLE, PRESENCE, ask, parts_of, scopes
from accounting.ledger import Ledger
from accounting.model import LineKey, Statement


@dataclass(frozen=True)
class LineChange:
    """A line's mean stored bytes in two months, and the reasons of the change, which they add up to.

    `came` and `went` (negative) are content, `moved` is what came from another line of the package or went to one,
    because a state or a repository changed, `shared` is shares that moved. `amount_minor` is the change of its amount.
    """

    key: LineKey
    before: Fraction
    after: Fraction
    came: Fraction
    went: Fraction
    moved: Fraction
    shared: Fraction
    amount_minor: int | None

    @property
    def change(self) -> Fraction:
        return self.after - self.before


@dataclass(frozen=True)
class Trend:
    """The lines of two statements that differ, the largest change first."""

    first: Statement
    last: Statement
    changes: tuple[LineChange, ...]


@dataclass(frozen=True)
class Reasons:
    """Why what a package would carry alone on one line changed; they add up to that change."""

    came: Fraction
    went: Fraction
    moved: Fraction


_NO_REASON = Reasons(Fraction(0), Fraction(0), Fraction(0))


def trend(ledger: Ledger, bills: Sequence[Statement]) -> Trend | None:
    """The change from the first to the last statement of a workspace in which anything was metered, if it has two."""
    metered = [bill for bill in bills if _seconds(bill) > 0]
    if len(metered) < 2:
        return None
    first, last = metered[0], metered[-1]
    reasons = _reasons(ledger, first, last)
    before, after = ({line.key: line for line in bill.lines} for bill in (first, last))
    changes = []
    for key in {*before, *after, *reasons}:
        then, now = before.get(key), after.get(key)
        mean_then = Fraction(then.byte_seconds if then else 0, _seconds(first))
        mean_now = Fraction(now.byte_seconds if now else 0, _seconds(last))
        why = reasons.get(key, _NO_REASON)
        shared = mean_now - mean_then - why.came - why.went - why.moved
        amount = None
        if last.amount_minor is not None:
            amount = ((now and now.amount_minor) or 0) - ((then and then.amount_minor) or 0)
        changes.append(LineChange(key, mean_then, mean_now, why.came, why.went, why.moved, shared, amount))
    differing = [each for each in changes if each.change or each.amount_minor]
    return Trend(first, last, tuple(sorted(differing, key=lambda each: (-abs(each.change), each.key.sort_key))))


def _seconds(bill: Statement) -> int:
    """How much of a statement's month is metered."""
    return max(min(bill.month.end, bill.covered_until) - bill.month.start, 0)


def _reasons(ledger: Ledger, first: Statement, last: Statement) -> dict[LineKey, Reasons]:
    """By line, why what packages would carry alone changed."""
    _compare(ledger, (first, last))
    content = {
        package_id: (int(came), int(went))
        for package_id, came, went in ledger.rows("SELECT package_id, came, went FROM changed_content")
    }
    lines: dict[int, list[tuple[LineKey, int, int]]] = {}
    for package_id, format_, name, repository, state, before, after in ledger.rows(
        "SELECT l.package_id, p.format, p.name, l.repository, l.state, l.before, l.after FROM held_lines AS l"
        " JOIN scope_packages AS p USING (package_id) ORDER BY ALL"
    ):
        key = LineKey(repository, format_, name, state)
        lines.setdefault(package_id, []).append((key, int(before) * _seconds(last), int(after) * _seconds(first)))
    scale = _seconds(first) * _seconds(last)
    reasons: dict[LineKey, Reasons] = {}
    for package_id, of_package in lines.items():
        came, went = content[package_id]
        split = split_change([(before, after) for _, before, after in of_package], came, went)
        for (key, _, _), why in zip(of_package, split, strict=True):
            reasons[key] = Reasons(why.came / scale, why.went / scale, why.moved / scale)
    return reasons


def _compare(ledger: Ledger, bills: tuple[Statement, Statement]) -> None:
    """Bring what both months held into the relations that compare them; of a closed one, as it was known then."""
    ledger.run("CREATE OR REPLACE TEMP TABLE compared_months (month INTEGER, seconds BIGINT)")
    for _ in scopes(ledger, [bills[0].workspace]):
        for number, bill in enumerate(bills):
            asked = asked_of(ledger, bill.month)
            ask(ledger, parts_of(bill.month, asked.card), asked.until, asked.card.rules, asked.record_until)
            ledger.run("INSERT INTO compared_months VALUES (?, ?)", [number, _seconds(bill)])
            for name in (*PRESENCE, *LIFECYCLE, "900_held_seconds"):
                ledger.define(name)
            into = "INSERT INTO compared_seconds" if number else "CREATE OR REPLACE TEMP TABLE compared_seconds AS"
            ledger.run(f"{into} SELECT {number} AS month, * FROM held_seconds")
    for name in ("910_changed_content", "920_held_lines"):
        ledger.define(name)


def split_change(lines: Sequence[tuple[int, int]], came: int, went: int) -> list[Reasons]:
    """What came to a package and what went from it, and the rest that moved, given to its lines (before, after).

    `came` - `went` is the change of all lines together. What moved adds up to nothing; what was exchanged on the spot
    falls on the lines by their size.

    >>> [(str(r.came), str(r.went), str(r.moved)) for r in split_change([(10, 0), (0, 12)], 2, 0)]
    [('0', '0', '-10'), ('2', '0', '10')]
    >>> [(str(r.came), str(r.went), str(r.moved)) for r in split_change([(10, 11)], 4, 3)]
    [('4', '-3', '0')]
    """
    rises = [max(after - before, 0) for before, after in lines]
    falls = [max(before - after, 0) for before, after in lines]
    rise, fall, sizes = sum(rises), sum(falls), sum(before + after for before, after in lines)
    moved, exchanged = max(rise - came, 0), max(came - rise, 0)
    reasons = []
    for (before, after), up, down in zip(lines, rises, falls, strict=True):
        part_up, part_down = Fraction(up, rise or 1), Fraction(down, fall or 1)
        swapped = Fraction(exchanged * (before + after), sizes or 1)
        reasons.append(
            Reasons(
                (rise - moved) * part_up + swapped,
                -((fall - moved) * part_down + swapped),
                moved * (part_up - part_down),
            )
        )
    return reasons
