"""What a person is shown of a workspace's month: the statement, and what it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from accounting.billing.bills import Bill, MonthQuery, bill_batches
from accounting.billing.rating import apportion
from accounting.billing.statement import as_stated, latest_month, query_of, require_workspace
from accounting.explaining.explanation import RateStep, rate_steps, total
from accounting.facts.broken import BrokenObject
from accounting.facts.cards import card_of_closed
from accounting.facts.sealed import closings, digest_of, is_closed
from accounting.facts.sources import first_snapshot_at
from accounting.facts.statement_json import statement_json
from accounting.instants import LAST, Month, midnight
from accounting.ledger import Ledger
from accounting.model import STATES, Line, RateCard, RatePeriod, Statement, WorkspaceUsage
from accounting.pages.page_facts import DAY_SECONDS, Facts, PackageAtEnd, facts_of
from accounting.pages.reckoning import explanation_of, reckon
from accounting.pages.steady import Steady, steady_from
from accounting.pages.unseen import HiddenPackage, ReuploadedPackage
from accounting.rates.periods import rate_periods

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


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
    """A repository that is deleted and charged for at the page's instant, until its retention ends or a later rule
    charges it no more.

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

    `as_of` is the instant that deletions, held names and shared layers are stated of: the month's end, or how far it is
    covered. `known_from` is the instant of the first snapshot of all sources. `rates` are the steps from charged usage
    to money, empty without a rate card; `explanation` is the sentence that says them. `hidden` is charged though no
    snapshot shows it; `reuploaded` is what an open month leaves free of charge though it was uploaded after its
    deletion. `free_states` are, by closed month, the states that cost nothing in it: corrections tell of them. `parts`
    are the intervals of the month with their rules and rates. `broken` are the objects that the registry cannot read,
    or that contradict each other, by the latest snapshots that the month rests on. `digest` is the SHA-256 of the
    statement's JSON. Of a closed month all rests on what was recorded at its closing.
    """

    statement: Statement
    as_of: int
    known_from: int
    explanation: str
    rates: tuple[RateStep, ...]
    days: tuple[StoredDay, ...]
    repositories: tuple[RepositoryLines, ...]
    deletions: tuple[ChargedDeletion, ...]
    free: tuple[FreeUsage, ...]
    shared: tuple[SharedPackage, ...]
    hidden: tuple[HiddenPackage, ...]
    reuploaded: tuple[ReuploadedPackage, ...]
    free_states: Mapping[Month, frozenset[str]]
    parts: tuple[RatePeriod, ...]
    sources: tuple[SourceEvidence, ...]
    broken: tuple[BrokenObject, ...]
    digest: str


def statement_page(ledger: Ledger, workspace: str, month: Month | None = None) -> StatementPage:
    """The page of a workspace for a month, by default the latest that coverage reaches into.

    Raises AcctError as `statement` does.
    """
    require_workspace(ledger, workspace)
    return next(statement_pages(ledger, month or latest_month(ledger), [workspace]))


def statement_pages(ledger: Ledger, month: Month, workspaces: Sequence[str] | None = None) -> Iterator[StatementPage]:
    """The pages of all workspaces, or of those named, in no order. Raises AcctError as `statements` does."""
    query = query_of(ledger, month)
    stated = as_stated(ledger, query, workspaces)
    free_states = {
        closing.month: _free_states(closing.month, card_of_closed(ledger, closing.month, query.record_until))
        for closing in closings(ledger)
        if closing.record_id <= query.record_until
    }
    known_from = first_snapshot_at(ledger, query.record_until)
    assert known_from is not None  # without a snapshot nothing is covered, which is refused
    for view, bills in bill_batches(ledger, query, workspaces):
        facts = facts_of(view, _days_metered(query), is_closed(ledger, month))
        for bill in bills:
            of_workspace = facts.get(bill.statement.workspace, Facts())
            yield _page(query, stated(bill.statement), bill, of_workspace, free_states, known_from)


def _free_states(month: Month, card: RateCard) -> frozenset[str]:
    return frozenset(STATES).difference(*(part.rule.charged for part in rate_periods(month, card)))


def _page(query: MonthQuery, statement: Statement, bill: Bill, facts: Facts,
          free_states: Mapping[Month, frozenset[str]], known_from: int) -> StatementPage:  # fmt: skip
    parts = query.periods
    rates = rate_steps(bill.costs, bill.usage, parts, query.month)
    steady = steady_from(query, bill, facts.packages)
    return StatementPage(
        statement,
        query.until,
        known_from,
        explanation_of(statement, reckon(statement, rates), known_from),
        rates,
        _days(facts, query.until),
        repository_lines(statement),
        _deletions(query, facts, steady),
        _free(statement, bill.usage),
        _shared(facts, steady),
        tuple(facts.hidden),
        tuple(facts.reuploaded),
        free_states,
        tuple(parts),
        tuple(
            SourceEvidence(name, snapshots, first_at, latest_at, tuple((before, after) for before, after in gaps))
            for name, snapshots, first_at, latest_at, gaps in facts.sources
        ),
        tuple(facts.broken),
        digest_of(statement_json(statement)),
    )


def _days_metered(query: MonthQuery) -> range:
    """The days of the month, up to coverage, counted from 1970-01-01."""
    return range(query.month.start // DAY_SECONDS, (query.until + DAY_SECONDS - 1) // DAY_SECONDS)


def _days(facts: Facts, until: int) -> tuple[StoredDay, ...]:
    return tuple(
        StoredDay(
            date.fromordinal(_EPOCH_ORDINAL + day), state, byte_seconds, min(until - day * DAY_SECONDS, DAY_SECONDS)
        )
        for (day, state), byte_seconds in facts.days.items()
    )


def _deletions(query: MonthQuery, facts: Facts, steady: Steady) -> tuple[ChargedDeletion, ...]:
    found: dict[tuple[str, int], list[PackageAtEnd]] = {}
    for package in facts.packages:
        kept_until = package.kept_until
        if package.charged and package.repository is not None and kept_until is not None and kept_until > query.until:
            found.setdefault((package.repository, kept_until), []).append(package)
    stops = [midnight(rule.effective_from) for rule in query.card.rules if "repository_deleted" not in rule.charged]
    rule_stops = min((stop for stop in stops if stop > query.until), default=LAST)
    deletions = []
    for (repository, kept_until), packages in found.items():
        carried = total(part for package in packages for part in package.carried_parts(steady.share))
        deleted_at = facts.deleted_at[repository, kept_until]
        cost = steady.part_of_a_day(carried)
        charged_until = min(kept_until, rule_stops)
        deletions.append(ChargedDeletion(repository, deleted_at, charged_until, len(packages), carried, cost))
    return tuple(sorted(deletions, key=lambda each: (-each.size_bytes, each.repository, each.charged_until)))


def _free(statement: Statement, usage: WorkspaceUsage) -> tuple[FreeUsage, ...]:
    numerators: dict[str, int] = {}
    packages: dict[str, set[tuple[str, str]]] = {}
    for share in usage.shares:
        if not share.charged and share.numerator:
            state = share.key.state
            numerators[state] = numerators.get(state, 0) + share.numerator
            packages.setdefault(state, set()).add((share.key.format, share.key.package))
    states = sorted(numerators, key=STATES.index)
    free = statement.byte_seconds - statement.charged_byte_seconds
    whole = apportion([numerators[state] for state in states], usage.denominator, free)
    return tuple(FreeUsage(state, len(packages[state]), n) for state, n in zip(states, whole, strict=True))


def _shared(facts: Facts, steady: Steady) -> tuple[SharedPackage, ...]:
    shared = []
    for package in facts.packages:
        if package.shared_bytes():
            saved = package.saved_bytes(steady.share)
            shared.append(
                SharedPackage(
                    package.repository,
                    package.format,
                    package.package,
                    package.state,
                    package.held_bytes,
                    package.shared_bytes(),
                    total(package.carried_parts(steady.share)),
                    saved,
                    steady.saved_a_month(saved),
                )
            )
    return tuple(sorted(shared, key=lambda each: (-each.alone_bytes, each.format, each.package)))


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
