"""What would save most: each piece of advice with the difference that it makes to the bills to come.

A saving is the difference of two bills: of what is supposed to happen, and of what is supposed not to (`scenario`). A
shared blob therefore saves nothing until its last holder goes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from accounting.billing.statement import require_workspace, statement
from accounting.billing.usage import coverage
from accounting.facts.cards import card_in_force
from accounting.foresight.deleting import (
    REPOSITORY_WRITE,
    WORKSPACE_ADMIN,
    Step,
    bytes_at_stake,
    deleted_repositories,
    look,
    packages_first,
)
from accounting.foresight.scenario import goes_on, happens, known_until, supposing, taken_back, versions_go
from accounting.instants import Month
from accounting.ledger import Ledger

KINDS = ("untagged", "old_versions", "deleted_repository", "copies")
UNTAGGED_DAYS = 14  # a manifest that has had no tag for so long is old
MOST = 10  # of each kind that are billed, the largest first


@dataclass(frozen=True)
class Version:
    """A version to delete, and since when its content is what it is."""

    version_id: int
    name: str
    since: int


@dataclass(frozen=True)
class Advice:
    """Something to delete: versions of a package (`subject` is FORMAT/NAME), or what a deleted repository still holds.

    `freed_bytes` are held by nobody else who is charged. `saved_minor` is what the bill of each month would be less, in
    minor units, if this alone were done; empty without a rate card.
    """

    kind: str
    subject: str
    repository: str | None
    versions: tuple[Version, ...]
    steps: tuple[Step, ...]
    role: str
    freed_bytes: int
    saved_minor: tuple[int, ...] = ()


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


def advise(path: Path, workspace: str, kept_versions: int, news: Callable[[str], None]) -> Advised:
    """What would save most in a workspace, if it were done where what is known ends.

    Billed are the month in which that lies, for its rest, and the first that begins after it. Raises AcctError for an
    unknown workspace and where a month cannot be billed.
    """
    with supposing(path, workspace) as ledger:
        require_workspace(ledger, workspace)
        covered_until = coverage(ledger)
        at = known_until(ledger)
        card = card_in_force(ledger)
        look(ledger, workspace, at, card.rules)
        months = _months(at)
        found = [*_versions_to_delete(ledger, at, kept_versions), *_repositories_to_empty(ledger)]
        found.sort(key=lambda advice: (-advice.freed_bytes, advice.kind, advice.subject))
        with _done(ledger, workspace, [], at, months[-1]):
            before = _amounts(ledger, workspace, months)

        def saved(advice: Sequence[Advice]) -> tuple[int, ...]:
            with _done(ledger, workspace, advice, at, months[-1]):
                after = _amounts(ledger, workspace, months)
            return tuple(a - b for a, b in zip(before, after, strict=True))

        largest = [advice for kind in KINDS for advice in [a for a in found if a.kind == kind][:MOST]]
        billed = []
        for number, advice in enumerate(largest, 1):
            news(f"{number:,} of {len(largest):,} billed")
            billed.append(replace(advice, saved_minor=saved([advice])))
        billed.sort(key=lambda each: (-sum(each.saved_minor), -each.freed_bytes, each.kind, each.subject))
        return Advised(workspace, at, covered_until, months, kept_versions, card.currency, card.minor_digits,
                       tuple(billed), len(found) - len(billed), saved(found))  # fmt: skip


def _months(at: int) -> tuple[Month, ...]:
    """The month that is under way, unless it begins now, and the next full one."""
    month = Month.holding(at)
    return (month,) if month.start == at else (month, month.next)


@contextmanager
def _done(ledger: Ledger, workspace: str, advice: Sequence[Advice], at: int, last: Month) -> Iterator[None]:
    """Suppose that advice is taken at an instant, and that all else goes on until the end of a month."""
    with taken_back(ledger):
        versions = [version.version_id for each in advice for version in each.versions]
        if versions:
            versions_go(ledger, versions, at)
        happens(ledger, workspace, [step.event for each in advice for step in each.steps], at)
        goes_on(ledger, last.end)
        yield


def _amounts(ledger: Ledger, workspace: str, months: Sequence[Month]) -> list[int]:
    """The bills of these months, in minor units; none without a rate card."""
    amounts = [statement(ledger, workspace, month).amount_minor for month in months]
    return [amount for amount in amounts if amount is not None]


def _versions_to_delete(ledger: Ledger, at: int, kept_versions: int) -> Iterator[Advice]:
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE advice_asked AS SELECT ?::BIGINT AS untagged_before, ?::BIGINT AS kept_versions",
        [at - UNTAGGED_DAYS * 86_400, kept_versions],
    )
    for name in ("830_present_versions", "840_copied_versions", "850_doomed_versions", "860_freed_bytes"):
        ledger.define(name)
    rows = ledger.rows(
        "SELECT f.kind, p.format || '/' || p.name, p.slug, f.size_bytes, list(d.version_id ORDER BY d.since, d.name),"
        " list(d.name ORDER BY d.since, d.name), list(d.since ORDER BY d.since, d.name)"
        " FROM freed_bytes AS f JOIN doomed_versions AS d USING (kind, package_id)"
        " JOIN present_packages AS p USING (package_id) WHERE f.size_bytes > 0 GROUP BY ALL"
    )
    for kind, subject, slug, freed_bytes, *columns in rows:
        versions = tuple(Version(*version) for version in zip(*columns, strict=True))
        role = WORKSPACE_ADMIN if slug is None else REPOSITORY_WRITE
        yield Advice(kind, subject, slug, versions, (), role, freed_bytes)


def _repositories_to_empty(ledger: Ledger) -> Iterator[Advice]:
    for target in deleted_repositories(ledger):
        freed_bytes, _ = bytes_at_stake(ledger, target)
        steps = packages_first(target)
        if freed_bytes:
            yield Advice("deleted_repository", target.name, target.name, (), steps, steps[0].role, freed_bytes)
