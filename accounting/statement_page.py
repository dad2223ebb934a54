"""What a person is shown of a workspace's month: the statement, and what it rests on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from accounting.explanation import RateStep
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Line, Part, Statement
from accounting.sealed import digest_of
from accounting.statement import asked_of, statements
from accounting.statement_json import statement_json
from accounting.usage import parts_of


@dataclass(frozen=True)
class StoredDay:
    """What was stored in one state on one day, in whole byte-seconds of that day as the lines share them.

    All days add up to the statement's byte-seconds. `seconds` of the day were metered, so that
    `byte_seconds / seconds` is what was stored on average.
    """

    day: date
    state: str
    byte_seconds: int
    seconds: int


@dataclass(frozen=True)
class RepositoryLines:
    """The lines of one repository (None: linked to none), the largest first, and their sums."""

    repository: str | None
    byte_seconds: int
    amount_minor: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class ChargedDeletion:
    """A repository that is deleted and charged for at the page's instant.

    `size_bytes` is what its packages carry then, their part of shared blobs included. `cost_a_day` is exact, in the
    major unit: their part of a day's bill if all stays as it is, at the rate and by the plan of then (None without a
    rate card).
    """

    repository: str
    deleted_at: int
    charged_until: int
    packages: int
    size_bytes: Fraction
    cost_a_day: Fraction | None


@dataclass(frozen=True)
class FreeUsage:
    """What the rules keep free of charge in one state: the lines' byte-seconds, and how many packages they are of."""

    state: str
    packages: int
    byte_seconds: int


@dataclass(frozen=True)
class SharedPackage:
    """A package that holds blobs together with others of the workspace, at the page's instant, in bytes.

    `alone_bytes` is all that it holds: what it would carry alone. `shared_bytes` of them another package holds too.
    `carried_bytes` is its part. `saved_bytes` is what deleting it would take off what is charged: what no other charged
    package holds. `saved_a_month` is what that would take off a month's bill, exact and in the major unit, if all else
    stays as it is then (None without a rate card).
    """

    repository: str | None
    format: str
    package: str
    state: str
    alone_bytes: int
    shared_bytes: int
    carried_bytes: Fraction
    saved_bytes: int
    saved_a_month: Fraction | None


@dataclass(frozen=True)
class SourceEvidence:
    """The snapshots of a source that a workspace's month rests on; gaps are longer than 48 hours and reach into it.

    `first_at` and `latest_at` are the first and the latest in the month, its end included; None where there is none.
    """

    source: str
    snapshots: int
    first_at: int | None
    latest_at: int | None
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class StatementPage:
    """One object that every format is made from.

    `as_of` is the instant that deletions, held names and shared layers are told of: the month's end, or how far it is
    covered. `rates` are the steps from charged usage to money, empty without a rate card; `explanation` is the sentence
    that says them. `parts` are the stretches of the month with their rules and rates. `digest` is the SHA-256 of the
    statement's JSON. Of a closed month all rests on what was recorded at its closing.
    """

    statement: Statement
    as_of: int
    explanation: str
    rates: tuple[RateStep, ...]
    days: tuple[StoredDay, ...]
    repositories: tuple[RepositoryLines, ...]
    deletions: tuple[ChargedDeletion, ...]
    free: tuple[FreeUsage, ...]
    shared: tuple[SharedPackage, ...]
    parts: tuple[Part, ...]
    sources: tuple[SourceEvidence, ...]
    digest: str


def statement_pages(ledger: Ledger, month: Month, workspaces: Sequence[str] | None = None) -> Iterator[StatementPage]:
    """The pages of all workspaces, or of those named, in no order. Raises AcctError as `statements` does."""
    asked = asked_of(ledger, month)
    parts = tuple(parts_of(month, asked.card))
    for statement in statements(ledger, month, workspaces):
        digest = digest_of(statement_json(statement))
        repositories = repository_lines(statement)
        yield StatementPage(statement, asked.until, "", (), (), repositories, (), (), (), parts, (), digest)


def repository_lines(statement: Statement) -> tuple[RepositoryLines, ...]:
    """Repositories and their lines, those first that cost most, then those that stored most, then by name."""
    found: dict[str | None, list[Line]] = {}
    for line in statement.lines:
        found.setdefault(line.key.repository, []).append(line)
    groups = [
        RepositoryLines(
            repository,
            sum(line.byte_seconds for line in lines),
            None if statement.amount_minor is None else sum(line.amount_minor or 0 for line in lines),
            tuple(sorted(lines, key=lambda line: (*_largest(line), line.key.sort_key))),
        )
        for repository, lines in found.items()
    ]
    return tuple(sorted(groups, key=lambda group: (*_largest(group), group.lines[0].key.sort_key[:2])))


def _largest(figures: Line | RepositoryLines) -> tuple[int, int]:
    return (-(figures.amount_minor or 0), -figures.byte_seconds)
