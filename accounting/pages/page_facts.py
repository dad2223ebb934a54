"""What a month's view says of its workspaces beside their bills, for their pages."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from accounting.billing.rating import apportion
from accounting.facts.broken import BrokenObject
from accounting.ledger import View
from accounting.pages.unseen import HiddenPackage, ReuploadedPackage, hidden_of, reuploaded_of

DAY_SECONDS = 86_400


class Holding(NamedTuple):
    """Bytes of shared blobs that a package holds together with others: how many hold them, and how many are charged."""

    holders: int
    charged_holders: int
    size_bytes: int


@dataclass
class PackageAtEnd:
    """A package that holds something in the last second of a month, or of what is covered of it."""

    repository: str | None
    format: str
    package: str
    state: str
    charged: bool
    kept_until: int | None
    held_bytes: int
    own_bytes: int
    shared: list[Holding] = field(default_factory=list)

    def shared_bytes(self) -> int:
        """Of its bytes those that another package holds too."""
        return sum(held.size_bytes for held in self.shared if held.holders > 1)

    def carried_parts(self, share: str) -> list[Fraction]:
        """What falls on it, bytes that are shared alike in one: its part of each blob (RULES, section 4)."""
        if share == "package":
            return [Fraction(self.held_bytes)]
        parts = [
            Fraction(held.size_bytes, held.charged_holders or held.holders)
            for held in self.shared
            if self.charged or not held.charged_holders
        ]
        return [Fraction(self.own_bytes), *parts]

    def saved_bytes(self, share: str) -> int:
        """What deleting it takes off what is charged: bytes that no other charged package holds."""
        if not self.charged:
            return 0
        if share == "package":
            return self.held_bytes
        return self.own_bytes + sum(held.size_bytes for held in self.shared if held.charged_holders == 1)


@dataclass
class Facts:
    """Of one workspace: byte-seconds by day and state; packages at the end, by name; when a repository was deleted, by
    its name and the end of its retention; of each source, by name, its snapshots, the first, the latest, and gaps; what
    was broken in the latest; what is charged and not shown, and what was uploaded after its deletion.
    """

    days: dict[tuple[int, str], int] = field(default_factory=dict)
    packages: list[PackageAtEnd] = field(default_factory=list)
    deleted_at: dict[tuple[str, int], int] = field(default_factory=dict)
    sources: list[tuple[str, int, int | None, int | None, list[list[int]]]] = field(default_factory=list)
    broken: list[BrokenObject] = field(default_factory=list)
    hidden: list[HiddenPackage] = field(default_factory=list)
    reuploaded: list[ReuploadedPackage] = field(default_factory=list)


def facts_of(view: View, month_days: range, closed: bool) -> dict[str, Facts]:
    """By workspace, in the rate periods asked for; `month_days` are counted from 1970-01-01.

    What was uploaded after its deletion is of today, so a closed month says nothing of it.
    """
    found: dict[str, Facts] = defaultdict(Facts)
    changes: dict[str, list[tuple[int, str, int, int, int]]] = {}
    for workspace, *change in view.rows(
        "SELECT w.name, c.day, c.state, c.carriers::BIGINT, c.size_bytes, c.byte_seconds FROM stored_changes AS c"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY ALL"
    ):
        changes.setdefault(workspace, []).append((change[0], change[1], change[2], change[3], change[4]))
    for workspace, of_workspace in changes.items():
        found[workspace].days = _days(of_workspace, month_days)
    for workspace, package in _packages(view):
        found[workspace].packages.append(package)
    for workspace, repository, kept_until, deleted_at in view.rows(
        "SELECT w.name, r.repository, r.kept_until, r.deleted_at FROM repositories_in_retention AS r"
        " JOIN workspaces AS w USING (workspace_id)"
    ):
        found[workspace].deleted_at[repository, kept_until] = deleted_at
    for workspace, *source in view.rows(
        "SELECT w.name, s.name, s.snapshots, s.first_at, s.latest_at, s.gaps FROM period_snapshots AS s"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY w.name, s.name"
    ):
        found[workspace].sources.append((source[0], source[1], source[2], source[3], source[4]))
    for broken in view.records(
        BrokenObject,
        "SELECT b.source, b.kind, b.key, w.name AS workspace, b.package, b.problem, b.since FROM period_broken AS b"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY ALL",
    ):
        found[broken.workspace or ""].broken.append(broken)
    for hidden in hidden_of(view):
        found[hidden.workspace].hidden.append(hidden)
    for again in [] if closed else reuploaded_of(view):
        found[again.workspace].reuploaded.append(again)
    return found


def _packages(view: View) -> Iterator[tuple[str, PackageAtEnd]]:
    shared: dict[int, list[Holding]] = {}
    for package_id, *held in view.rows(
        "SELECT package_id, holders, charged_holders::BIGINT, size_bytes FROM shared_at_end ORDER BY ALL"
    ):
        shared.setdefault(package_id, []).append(Holding(*held))
    for workspace, package_id, *row in view.rows(
        "SELECT w.name, e.package_id, e.repository, p.format, p.name, e.state, e.charged = 1, e.kept_until,"
        " e.held_bytes, e.own_bytes FROM packages_at_end AS e JOIN scope_packages AS p USING (package_id)"
        " JOIN workspaces AS w ON w.workspace_id = e.workspace_id ORDER BY w.name, p.format, p.name"
    ):
        package = PackageAtEnd(*row)
        package.shared = shared.get(package_id, [])
        yield workspace, package


def _days(changes: Iterable[tuple[int, str, int, int, int]], month_days: range) -> dict[tuple[int, str], int]:
    """Whole byte-seconds by day and state, from changes (day, state, carriers, bytes, byte-seconds of the day itself).

    What packages in several states share is divided exactly; a day's states add up to what was stored on it.
    """
    by_carriers: dict[tuple[str, int], dict[int, tuple[int, int]]] = {}
    for day, state, carriers, size_bytes, byte_seconds in changes:
        by_carriers.setdefault((state, carriers), {})[day] = (size_bytes, byte_seconds)
    states = sorted({state for state, _ in by_carriers})
    common = lcm(*(carriers for _, carriers in by_carriers))
    exact = {(day, state): 0 for day in month_days for state in states}
    for (state, carriers), of_day in by_carriers.items():
        stored = 0
        for day in month_days:
            grown, byte_seconds = of_day.get(day, (0, 0))
            exact[day, state] += (stored * DAY_SECONDS + byte_seconds) * (common // carriers)
            stored += grown
    whole: dict[tuple[int, str], int] = {}
    for day in month_days:
        shares = [exact[day, state] for state in states]
        of_day_whole = apportion(shares, common, sum(shares) // common)
        whole |= {(day, state): n for state, n in zip(states, of_day_whole, strict=True)}
    return whole
