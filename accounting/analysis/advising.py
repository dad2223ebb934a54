"""What would save most: each piece of advice with the difference that it makes to the bills to come.

A saving is the difference of two bills: of what is supposed to happen, and of what is supposed not to (`scenario`). A
shared blob therefore saves nothing until its last holder goes. Where that takes several items, as with a base layer
that the old versions of three packages hold, these are advised together too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from accounting.analysis.deleting import (
    REPOSITORY_WRITE,
    WORKSPACE_ADMIN,
    Step,
    deleted_repositories,
    packages_first,
    served_sources,
)
from accounting.analysis.scenario import goes_on, happens, known_until, supposing, taken_back, versions_go
from accounting.billing.statement import require_workspace, statement
from accounting.billing.usage import coverage
from accounting.facts.cards import card_in_force
from accounting.instants import Month
from accounting.ledger import Ledger, Query, View

KINDS = ("untagged", "old_versions", "deleted_repository", "copies", "together")
UNTAGGED_DAYS = 14  # a manifest that has had no tag for so long is old
MOST = 10  # of each kind that are billed, the largest first


@dataclass(frozen=True)
class Version:
    """A version to delete, and since when it is known to be what it is. `goes_along`: it hangs on the others, as a
    signature does, and on nothing that stays."""

    version_id: int
    name: str
    since: int
    goes_along: bool


@dataclass(frozen=True)
class Advice:
    """Something to delete: versions of a package (`subject` is FORMAT/NAME), what a deleted repository still holds, or
    the `parts` that free something only together, which have versions and steps of their own.

    `freed_bytes` are held by nobody else who is charged; `joint_bytes` of them go only when all parts do.
    `saved_minor` is what the bill of each month would be less, in minor units, if this alone were done; empty without a
    rate card, and of parts.
    """

    kind: str
    subject: str
    repository: str | None
    versions: tuple[Version, ...]
    steps: tuple[Step, ...]
    role: str
    freed_bytes: int
    saved_minor: tuple[int, ...] = ()
    parts: tuple["Advice", ...] = ()
    joint_bytes: int = 0

    @property
    def items(self) -> tuple["Advice", ...]:
        """What is to be done: its parts, or itself."""
        return self.parts or (self,)


@dataclass(frozen=True)
class Advised:
    """The advice for a workspace, what saves most first; `together` is what all of it saves, of what was left out too.

    Without a rate card there are no amounts, and the order is that of bytes.
    """

    workspace: str
    at: int
    covered_until: int
    months: tuple[Month, ...]
    kept_versions: int
    currency: str | None
    minor_digits: int
    advice: tuple[Advice, ...]
    left_out: int
    together: tuple[int, ...]
    served_sources: tuple[str, ...]


def advise(path: Path, workspace: str, kept_versions: int, progress: Callable[[str], None]) -> Advised:
    """What would save most in a workspace, if it were done where what is known ends.

    Billed are the month in which that lies, for its rest, and the first that begins after it. Raises AcctError for an
    unknown workspace and where a month cannot be billed.
    """
    with supposing(path, workspace) as ledger:
        require_workspace(ledger, workspace)
        covered_until = coverage(ledger)
        at = known_until(ledger)
        card = card_in_force(ledger)
        months = _months(at)
        with ledger.view(Query.at(at, card.rules), [workspace]) as view:
            served = served_sources(view)
            found = _found(view, at, kept_versions)
        with _done(ledger, workspace, [], at, months[-1]):
            before = _amounts(ledger, workspace, months)

        def saved(advice: Sequence[Advice]) -> tuple[int, ...]:
            with _done(ledger, workspace, advice, at, months[-1]):
                after = _amounts(ledger, workspace, months)
            return tuple(a - b for a, b in zip(before, after, strict=True))

        billed = []
        for number, advice in enumerate(found.largest, 1):
            progress(f"{number:,} of {len(found.largest):,} billed")
            billed.append(replace(advice, saved_minor=saved(advice.items)))
        billed.sort(key=lambda each: (-sum(each.saved_minor), -each.freed_bytes, each.kind, each.subject))
        return Advised(workspace, at, covered_until, months, kept_versions, card.currency, card.minor_digits,
                       tuple(billed), found.left_out, saved(found.items), served)  # fmt: skip


def _months(at: int) -> tuple[Month, ...]:
    """The month that is under way, unless it begins now, and the next full one."""
    month = Month.holding(at)
    return (month,) if month.start == at else (month, month.next)


@contextmanager
def _done(ledger: Ledger, workspace: str, advice: Sequence[Advice], at: int, last: Month) -> Iterator[None]:
    """Suppose that advice is taken at an instant, and that everything else stays until the end of a month."""
    with taken_back(ledger):
        versions = [version.version_id for each in advice for version in each.versions]
        if versions:
            versions_go(ledger, versions, at)
        happens(ledger, workspace, [step.event for each in advice for step in each.steps], at)
        goes_on(ledger, last.end)
        with ledger.keeping():
            yield


def _amounts(ledger: Ledger, workspace: str, months: Sequence[Month]) -> list[int]:
    """The bills of these months, in minor units; none without a rate card."""
    amounts = [statement(ledger, workspace, month).amount_minor for month in months]
    return [amount for amount in amounts if amount is not None]


class _Found(NamedTuple):
    """The largest advice of each kind, not billed yet, how much more there is, and all items of both."""

    largest: list[Advice]
    left_out: int
    items: list[Advice]


def _found(view: View, at: int, kept_versions: int) -> _Found:
    """What frees something, alone or together."""
    view.give(
        "advice_asked",
        "SELECT ?::BIGINT AS untagged_before, ?::BIGINT AS kept_versions",
        [at - UNTAGGED_DAYS * 86_400, kept_versions],
    )
    items = _items(view)
    singles = sorted(
        (item for item in items.values() if item.freed_bytes), key=lambda a: (-a.freed_bytes, a.kind, a.subject)
    )
    largest = [item for kind in KINDS for item in [single for single in singles if single.kind == kind][:MOST]]
    sets = _sets(view, items)
    ((number_of_sets,),) = view.rows("SELECT count(*) FROM freed_bytes WHERE len(items) > 1")
    return _Found([*largest, *sets], len(singles) - len(largest) + number_of_sets - len(sets), list(items.values()))


def _items(view: View) -> dict[int, Advice]:
    """The items of advice that free something, alone or in a set, by their numbers; with what each frees alone."""
    emptied = {(target.name, target.packages[0].of_present_repository): target for target in deleted_repositories(view)}
    items = {}
    for item_id, kind, subject, slug, present, freed_bytes, going in view.rows(
        "SELECT * REPLACE (size_bytes::HUGEINT AS size_bytes) FROM freeing_items ORDER BY item_id"
    ):
        versions = tuple(Version(**version) for version in going)
        role = WORKSPACE_ADMIN if slug is None else REPOSITORY_WRITE
        steps: tuple[Step, ...] = ()
        if kind == "deleted_repository":
            steps = packages_first(emptied[slug, present])
            role = steps[0].role
        items[item_id] = Advice(kind, subject, slug, versions, steps, role, int(freed_bytes))
    return items


def _sets(view: View, items: dict[int, Advice]) -> list[Advice]:
    """The sets of items that free most of what none of them frees alone."""
    view.give(
        "advised_sets",
        "SELECT items, size_bytes FROM freed_bytes WHERE len(items) > 1 ORDER BY size_bytes DESC, items LIMIT ?",
        [MOST],
    )
    sets = []
    for members, joint_bytes, freed_bytes in view.rows(
        "SELECT items, joint_bytes, size_bytes FROM set_bytes ORDER BY joint_bytes DESC, items"
    ):
        parts = tuple(items[member] for member in members)
        sets.append(Advice("together", "", None, (), (), "", int(freed_bytes), (), parts, int(joint_bytes)))
    return sets
