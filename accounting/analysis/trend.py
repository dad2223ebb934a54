"""What changed from the first to the last of some months, line by line, and why: content, states, shares.

The reasons are those of the steps from each month to the next, added up: so what came and went between counts too, and
they add up to the change exactly. Figures are mean stored bytes, a line's byte-seconds over the seconds that were
metered, so that months of different length compare. What a package holds is compared blob by blob; what it would carry
alone, less what it carries, is what it shares.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from accounting.billing.grouping import corrections_of
from accounting.billing.statement import query_of
from accounting.facts.sources import first_snapshot_at
from accounting.ledger import Ledger
from accounting.model import LineKey, Statement


@dataclass(frozen=True)
class Reasons:
    """Why what a package would carry alone on one line changed; they add up to that change.

    `came` and `went` (negative) are content, `moved` is what came from another line of the package or went to one,
    because a state or a repository changed.
    """

    came: Fraction = Fraction(0)
    went: Fraction = Fraction(0)
    moved: Fraction = Fraction(0)

    def __add__(self, other: "Reasons") -> "Reasons":
        return Reasons(self.came + other.came, self.went + other.went, self.moved + other.moved)


@dataclass(frozen=True)
class Versions:
    """How many versions of a package came after a month without them, and how many were gone in the next."""

    came: int = 0
    gone: int = 0


@dataclass(frozen=True)
class LineChange:
    """A line's mean stored bytes in each month, and the reasons of the change, which they and the shares add up to.

    `amount_minor` is the change of its amount from the first month to the last; None without a rate card.
    """

    key: LineKey
    means: tuple[Fraction, ...]
    reasons: Reasons
    versions: Versions
    amount_minor: int | None

    @property
    def before(self) -> Fraction:
        return self.means[0]

    @property
    def after(self) -> Fraction:
        return self.means[-1]

    @property
    def change(self) -> Fraction:
        return self.after - self.before

    @property
    def shared(self) -> Fraction:
        """By how much shares that moved changed it."""
        return self.change - self.reasons.came - self.reasons.went - self.reasons.moved

    @property
    def swing(self) -> Fraction:
        """How far apart the months lie; of two months, how much changed."""
        return max(self.means) - min(self.means)


@dataclass(frozen=True)
class Trend:
    """The metered statements of some months, and their lines that differ: first what changed most from the first to
    the last, of those that changed alike what lies furthest apart. `known_from` is the instant of the first snapshot:
    what was there then came then, as far as is known."""

    bills: tuple[Statement, ...]
    changes: tuple[LineChange, ...]
    versions: Versions
    known_from: int = 0

    @property
    def first(self) -> Statement:
        return self.bills[0]

    @property
    def last(self) -> Statement:
        return self.bills[-1]

    @property
    def corrected_minor(self) -> int:
        """By how much corrections change the amount from the first month to the last."""
        first, last = (corrections_of(bill).amount_minor or 0 for bill in (self.first, self.last))
        return last - first

    def most_in(self, means: Sequence[Fraction]) -> Statement:
        """The month of which the step from the one before changed most of what changed in all."""
        steps = [after - before for before, after in pairwise(means)]
        whole = sum(steps)
        along = [step * whole if whole else abs(step) for step in steps]
        return self.bills[1 + along.index(max(along))]


def trend(ledger: Ledger, bills: Sequence[Statement]) -> Trend | None:
    """The change over the statements of a workspace in which anything was metered, if there are two."""
    metered = tuple(bill for bill in bills if bill.metered_seconds)
    if len(metered) < 2:
        return None
    _compare(ledger, metered)
    reasons, versions = _reasons(ledger, metered), _versions(ledger)
    lines = [{line.key: line for line in bill.lines} for bill in metered]
    changes = []
    for key in {*reasons, *(key for of_month in lines for key in of_month)}:
        found = [of_month.get(key) for of_month in lines]
        means = tuple(
            Fraction(line.byte_seconds if line else 0, bill.metered_seconds)
            for bill, line in zip(metered, found, strict=True)
        )
        first, last = ((line and line.amount_minor) or 0 for line in (found[0], found[-1]))
        amount = None if metered[-1].amount_minor is None else last - first
        changes.append(LineChange(key, means, reasons.get(key, Reasons()), versions.get(key, Versions()), amount))
    differing = [each for each in changes if each.swing or each.amount_minor or each.reasons != Reasons()]
    ordered = sorted(differing, key=lambda each: (-abs(each.change), -each.swing, each.key.sort_key))
    return Trend(metered, tuple(ordered), versions.get(None, Versions()), first_snapshot_at(ledger) or 0)


def _reasons(ledger: Ledger, bills: Sequence[Statement]) -> dict[LineKey, Reasons]:
    """By line, why what packages would carry alone changed, over all steps."""
    content = {
        (step, package_id): (int(came), int(went))
        for step, package_id, came, went in ledger.rows("SELECT step, package_id, came, went FROM changed_content")
    }
    held: dict[int, dict[LineKey, dict[int, int]]] = {}
    for package_id, month, byte_seconds, *line in ledger.rows(
        "SELECT c.package_id, c.month, sum(c.size_bytes::HUGEINT * c.seconds) AS byte_seconds, c.repository, p.format,"
        " p.name, c.state FROM compared_seconds AS c JOIN packages AS p USING (package_id) GROUP BY ALL ORDER BY ALL"
    ):
        held.setdefault(package_id, {}).setdefault(LineKey(*line), {})[month] = int(byte_seconds)
    reasons: dict[LineKey, Reasons] = {}
    for package_id, lines in held.items():
        for step, (first, last) in enumerate(pairwise(bill.metered_seconds for bill in bills)):
            came, went = content.get((step, package_id), (0, 0))
            pairs = [(of.get(step, 0) * last, of.get(step + 1, 0) * first) for of in lines.values()]
            if came or went or any(before != after for before, after in pairs):
                for key, why in zip(lines, split_change(pairs, came, went, first * last), strict=True):
                    reasons[key] = reasons.get(key, Reasons()) + why
    return reasons


def _versions(ledger: Ledger) -> dict[LineKey | None, Versions]:
    """By line, and of all lines as None, how many versions came and went."""
    rows = ledger.rows(
        "SELECT c.came, c.went, c.repository, p.format, p.name, c.state FROM changed_versions AS c"
        " LEFT JOIN packages AS p USING (package_id)"
    )
    return {LineKey(*line) if line[1] else None: Versions(came, gone) for came, gone, *line in rows}


def _compare(ledger: Ledger, bills: Sequence[Statement]) -> None:
    """Bring what each month held into the relations that compare them; of a closed one, as it was known then."""
    ledger.run("CREATE OR REPLACE TEMP TABLE compared_months (month INTEGER, seconds BIGINT)")
    for number, bill in enumerate(bills):
        ledger.run("INSERT INTO compared_months VALUES (?, ?)", [number, bill.metered_seconds])
        with ledger.view(query_of(ledger, bill.month).query, [bill.workspace]) as view:
            view.define(["held_seconds", "held_versions"])
            for held, compared in (("held_seconds", "compared_seconds"), ("held_versions", "compared_versions")):
                into = f"INSERT INTO {compared}" if number else f"CREATE OR REPLACE TEMP TABLE {compared} AS"
                ledger.run(f"{into} SELECT {number} AS month, * FROM {held}")
    for name in ("changed_content", "changed_versions"):
        ledger.define(f"analysis/{name}")


def split_change(lines: Sequence[tuple[int, int]], came: int, went: int, scale: int = 1) -> Iterator[Reasons]:
    """What came to a package and what went from it, and the rest that moved, given to its lines (before, after).

    `came` - `went` is the change of all lines together. What moved adds up to nothing; what was exchanged on the spot
    falls on the lines by their size. All that is given is multiplied by `scale`.

    >>> [(str(r.came), str(r.went), str(r.moved)) for r in split_change([(10, 0), (0, 12)], 2, 0)]
    [('0', '0', '-10'), ('2', '0', '10')]
    >>> [(str(r.came), str(r.went), str(r.moved)) for r in split_change([(10, 11)], 4, 3)]
    [('4', '-3', '0')]
    """
    rises = [max(after - before, 0) for before, after in lines]
    falls = [max(before - after, 0) for before, after in lines]
    rise, fall, sizes = sum(rises), sum(falls), sum(before + after for before, after in lines)
    moved, exchanged = max(rise - came, 0), max(came - rise, 0)
    for (before, after), up, down in zip(lines, rises, falls, strict=True):
        part_up, part_down = Fraction(up, (rise or 1) * scale), Fraction(down, (fall or 1) * scale)
        swapped = Fraction(exchanged * (before + after), (sizes or 1) * scale)
        yield Reasons(
            (rise - moved) * part_up + swapped,
            -((fall - moved) * part_down + swapped),
            moved * (part_up - part_down),
        )
