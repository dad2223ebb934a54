"""A page as sections from top to bottom, the same for every format: a heading, sentences and a table.

Figures are text, rounded so that each column adds up as shown. Names are unchanged: each format escapes them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from accounting.facts.broken import in_order
from accounting.instants import shown_date, shown_instant
from accounting.model import STATES, UNIT_BYTES, Correction, Line, Rate, Rule, Statement
from accounting.pages.reckoning import Reckoning, amount_of_lines, reckon
from accounting.pages.statement_page import StatementPage
from accounting.rendering.common import STATE_WORDS, adding_up, coverage, rounded, shown_to
from accounting.text import counted, decimal, digits, shown_money

NO_REPOSITORY = "(none)"
NONE = "–"
CREATED = "registry.package.created"
_SHOWN_BROKEN = 100


@dataclass(frozen=True)
class Column:
    """A column: `name` holds names from the evidence, `word` holds words of this program, `figure` holds figures."""

    title: str
    kind: Literal["name", "word", "figure"]


@dataclass(frozen=True)
class Section:
    """A heading, the sentences under it, and a table, which may have a row of totals."""

    anchor: str
    title: str
    sentences: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    total: tuple[str, ...] | None = None


def sections(page: StatementPage) -> list[Section]:
    """The sections that are not empty, from top to bottom; `by_day` is shown with the chart instead."""
    reckoning = reckon(page.statement, page.rates)
    return [
        *_stored(page, reckoning),
        *_deletions(page, reckoning),
        *_hidden(page, reckoning),
        *_held_names(page),
        *_free(page, reckoning),
        *_reuploaded(page),
        *_corrections(page, reckoning),
        *_shared(page, reckoning),
        *_broken(page),
        _evidence(page),
    ]


def by_day(page: StatementPage) -> Section:
    """The average stored on each day, by state."""
    statement = page.statement
    decimals = reckon(statement, page.rates).decimals
    states = [state for state in STATES if any(day.state == state for day in page.days)]
    rows = []
    for day in sorted({each.day for each in page.days}):
        of_day = {each.state: each for each in page.days if each.day == day}
        unit_day = UNIT_BYTES[statement.unit] * of_day[states[0]].seconds
        shown, total = adding_up([of_day[state].byte_seconds for state in states], unit_day, decimals)
        rows.append((shown_date(day), *shown, *([total] if len(states) > 1 else [])))
    titles = [STATE_WORDS[state].capitalize() for state in states] + (["All"] if len(states) > 1 else [])
    return Section(
        "days",
        "Stored by day",
        (f"This table shows the average {statement.unit} stored on each day.",),
        (Column("Day", "word"), *(Column(title, "figure") for title in titles)),
        tuple(rows),
    )


def known(page: StatementPage) -> str:
    """What snapshots cover, and from when on if that is after the month's start."""
    if page.known_from <= page.statement.month.start:
        return coverage(page.statement.covered_until)
    before = f"Nothing is known before {shown_instant(page.known_from)}, the date of the first snapshot."
    return f"{before} {coverage(page.statement.covered_until)}"


def total_text(statement: Statement) -> str | None:
    """The total with its currency; None without a rate card, and for a month that has no bill."""
    if statement.amount_minor is None or statement.status == "unknown":
        return None
    return f"{shown_money(statement.amount_minor, statement.minor_digits)} {statement.currency}"


def amount_text(statement: Statement, minor: int | None) -> str | None:
    """An amount with its currency's digits; None without a rate card."""
    return None if minor is None else shown_money(minor, statement.minor_digits)


def _stored(page: StatementPage, reckoning: Reckoning) -> Iterator[Section]:
    statement = page.statement
    if not statement.lines:
        nothing = "Nothing was stored." if statement.metered_seconds else "It is not known what was stored."
        yield Section("packages", "Repositories and packages", (nothing,))
        return
    unit_month = UNIT_BYTES[statement.unit] * statement.month.seconds
    figures = [line.byte_seconds for line in statement.lines]
    keys = [line.key for line in statement.lines]
    shown = dict(zip(keys, rounded(figures, unit_month, reckoning.decimals), strict=True))
    total = decimal(reckoning.stored, reckoning.decimals)
    figure_columns = (Column(f"{statement.unit}-months", "figure"), *_money_column(statement))
    amount = _cells(amount_text(statement, amount_of_lines(statement)))
    if len(page.repositories) > 1:
        yield Section(
            "repositories",
            "Repositories, the largest first",
            (),
            (Column("Repository", "name"), Column("Packages", "figure"), *figure_columns),
            tuple(
                (
                    group.repository or NO_REPOSITORY,
                    f"{len({(line.key.format, line.key.package) for line in group.lines}):,}",
                    shown_to(sum(shown[line.key] for line in group.lines), reckoning.decimals),
                    *_cells(amount_text(statement, group.amount_minor)),
                )
                for group in page.repositories
            ),
            ("Total", "", total, *amount),
        )
    lines = sorted(statement.lines, key=lambda line: (-(line.amount_minor or 0), -line.byte_seconds, line.key.sort_key))
    share = ("Each amount is the line's share of the total, in proportion to its charged usage.",)
    yield Section(
        "packages",
        "Packages, the largest first",
        share if statement.amount_minor is not None else (),
        (*_line_columns(), *figure_columns),
        tuple(
            (
                *_names(line, not line.charged),
                shown_to(shown[line.key], reckoning.decimals),
                *_cells(amount_text(statement, line.amount_minor)),
            )
            for line in lines
        ),
        ("Total", "", "", "", total, *amount),
    )


def _deletions(page: StatementPage, reckoning: Reckoning) -> Iterator[Section]:
    statement = page.statement
    if not page.deletions:
        return
    money_digits = statement.minor_digits + 2
    costs = [deletion.cost_a_day for deletion in page.deletions if deletion.cost_a_day is not None]
    sizes = [deletion.size_bytes for deletion in page.deletions]
    shown, total = adding_up(sizes, UNIT_BYTES[statement.unit], reckoning.decimals)
    costs_shown, cost_total = adding_up(costs, 1, money_digits)
    columns = (
        Column("Repository", "name"),
        Column("Deleted", "word"),
        Column("Charged until", "word"),
        Column("Packages", "figure"),
        Column(statement.unit, "figure"),
        *([Column(f"{statement.currency} a day", "figure")] if costs else []),
    )
    yield Section(
        "deleted",
        "Deleted, but still charged",
        (
            f"As of {shown_instant(page.as_of)}. Charging ends at the time shown.",
            "To end it sooner, a repository admin has the repository restored, deletes its packages, then deletes the"
            " repository again.",
            *([f"{statement.currency} a day is the repository's share of one day's bill."] if costs else []),
        ),
        columns,
        tuple(
            (
                each.repository,
                shown_instant(each.deleted_at),
                shown_instant(each.charged_until),
                f"{each.packages:,}",
                size,
                *costs_shown[i : i + 1],
            )
            for i, (each, size) in enumerate(zip(page.deletions, shown, strict=True))
        ),
        ("Total", "", "", "", total, *([cost_total] if costs else [])) if len(shown) > 1 else None,
    )


def _hidden(page: StatementPage, reckoning: Reckoning) -> Iterator[Section]:
    if not page.hidden:
        return
    unit = page.statement.unit
    shown, total = adding_up([each.size_bytes for each in page.hidden], UNIT_BYTES[unit], reckoning.decimals)
    yield Section(
        "hidden",
        "Charged, but no longer shown by the registry",
        (
            "The registry's API no longer shows the packages of a deleted repository, but they are still charged. Their"
            " size is the one in the last snapshot before the deletion.",
        ),
        (
            Column("Package", "name"),
            Column("Repository", "name"),
            Column("Format", "word"),
            Column("Source", "name"),
            Column("Last seen", "word"),
            Column(unit, "figure"),
        ),
        tuple(
            (
                each.package,
                each.repository or NO_REPOSITORY,
                each.format,
                each.source,
                shown_instant(each.last_shown_at),
                size,
            )
            for each, size in zip(page.hidden, shown, strict=True)
        ),
        ("Total", "", "", "", "", total) if len(shown) > 1 else None,
    )


def _reuploaded(page: StatementPage) -> Iterator[Section]:
    if page.reuploaded:
        yield Section(
            "reuploaded",
            "Deleted, but uploaded again",
            (
                "According to their events, these packages are deleted, so they are free of charge. If a package exists"
                f" again, import the event {CREATED} with the package as its subject and the time of the upload as its"
                " time.",
            ),
            (
                Column("Package", "name"),
                Column("Format", "word"),
                Column("Deleted", "word"),
                Column("Uploaded", "word"),
            ),
            tuple(
                (each.package, each.format, shown_instant(each.deleted_at), shown_instant(each.uploaded_at))
                for each in page.reuploaded
            ),
        )


def _held_names(page: StatementPage) -> Iterator[Section]:
    held = page.statement.held_names
    if held:
        yield Section(
            "held",
            "Image names that cannot be reused",
            (f"Each name was held on {shown_instant(page.as_of)}, because its repository is deleted.",),
            (Column("Name", "name"), Column("Repository", "name"), Column("Held until", "word")),
            tuple((name.name, name.repository, shown_instant(name.held_until)) for name in held),
        )


def _free(page: StatementPage, reckoning: Reckoning) -> Iterator[Section]:
    if not page.free:
        return
    statement = page.statement
    unit_month = UNIT_BYTES[statement.unit] * statement.month.seconds
    figures = [free.byte_seconds for free in page.free]
    shown = rounded(figures, unit_month, reckoning.decimals, int(reckoning.free * 10**reckoning.decimals))
    yield Section(
        "free",
        "Stored free of charge",
        ("Packages in these states are stored, but nobody is charged for them.",),
        (Column("State", "word"), Column("Packages", "figure"), Column(f"{statement.unit}-months", "figure")),
        tuple(
            (
                STATE_WORDS[free.state],
                f"{free.packages:,}",
                shown_to(n, reckoning.decimals),
            )
            for free, n in zip(page.free, shown, strict=True)
        ),
        ("Total", "", decimal(reckoning.free, reckoning.decimals)) if len(page.free) > 1 else None,
    )


def _corrections(page: StatementPage, reckoning: Reckoning) -> Iterator[Section]:
    statement = page.statement
    if not statement.corrections:
        return
    lines = amount_of_lines(statement)
    sentences = [
        "Evidence or a retroactive rate card was added after these months were closed. Each row is what the line would"
        " be now, less what was charged before."
    ]
    unit_months, sum_of_them = adding_up(
        [Fraction(correction.byte_seconds, correction.month.seconds) for correction in statement.corrections],
        UNIT_BYTES[statement.unit],
        reckoning.decimals,
    )
    subtotal: tuple[str, ...] = ("Total", "", "", "", "", sum_of_them)
    if lines is not None and statement.amount_minor is not None:
        corrected, all_in_all = (
            shown_money(minor, statement.minor_digits)
            for minor in (statement.amount_minor - lines, statement.amount_minor)
        )
        subtotal = (*subtotal, corrected)
        sentences.append(
            f"{shown_money(lines, statement.minor_digits)} for {statement.month} plus {corrected} for closed months is"
            f" {all_in_all} {statement.currency}."
        )
    yield Section(
        "corrections",
        "Corrections of closed months",
        tuple(sentences),
        (
            Column("Month", "word"),
            *_line_columns(),
            Column(f"{statement.unit}-months", "figure"),
            *_money_column(statement),
        ),
        tuple(
            (
                str(correction.month),
                *_names(correction, _is_free(correction, page)),
                stored,
                *_cells(amount_text(statement, correction.amount_minor)),
            )
            for correction, stored in zip(statement.corrections, unit_months, strict=True)
        ),
        subtotal,
    )


def _shared(page: StatementPage, reckoning: Reckoning) -> Iterator[Section]:
    statement = page.statement
    if not page.shared:
        return
    priced = page.shared[0].saved_a_month is not None

    def size(size_bytes: int | Fraction) -> str:
        return decimal(Fraction(size_bytes) / UNIT_BYTES[statement.unit], reckoning.decimals)

    unit = statement.unit
    titles = [f"{unit} held", f"{unit} shared", f"{unit} counted", f"{unit} saved"]
    titles += [f"{statement.currency} a month saved"] if priced else []
    yield Section(
        "shared",
        "Shared layers",
        (
            f"As of {shown_instant(page.as_of)}, these packages hold content that other packages hold too.",
            f"{unit} held is all that a package holds. {unit} shared is what other packages hold too. {unit} counted is"
            " what counts for this package. What is saved is what deleting only this package would take off the bill.",
        ),
        (
            Column("Package", "name"),
            Column("Format", "word"),
            Column("State", "word"),
            *(Column(title, "figure") for title in titles),
        ),
        tuple(
            (
                each.package,
                each.format,
                STATE_WORDS[each.state],
                size(each.alone_bytes),
                size(each.shared_bytes),
                size(each.carried_bytes),
                size(each.saved_bytes),
                *([] if each.saved_a_month is None else [decimal(each.saved_a_month, statement.minor_digits)]),
            )
            for each in page.shared
        ),
    )


def _broken(page: StatementPage) -> Iterator[Section]:
    if page.broken:
        more = len(page.broken) - _SHOWN_BROKEN
        yield Section(
            "broken",
            "Broken objects in the registry",
            (
                "The registry cannot read these objects, or their content does not match their description. A manifest"
                " or a tag that cannot be read is not billed. Everything else is billed as it is stored.",
                *([f"{more:,} more are not shown here."] if more > 0 else []),
            ),
            (
                Column("Package", "name"),
                Column("Since", "word"),
                Column("Object", "name"),
                Column("What is wrong", "name"),
            ),
            tuple(
                (each.package or NO_REPOSITORY, shown_instant(each.since), each.key, each.problem)
                for each in in_order(page.broken)[:_SHOWN_BROKEN]
            ),
        )


def _evidence(page: StatementPage) -> Section:
    rates = dict.fromkeys(part.rate for part in page.parts if part.rate is not None)
    rules = dict.fromkeys(part.rule for part in page.parts)
    sentences = [
        f"{f'Rule of {shown_date(rule.effective_from)}' if rates else 'Without a rate card'}: {_rule(rule)}"
        for rule in rules
    ]
    sentences += [_rate(page.statement, rate) for rate in rates]
    sentences.append(f"SHA-256 of this statement as JSON: {page.digest}")
    return Section(
        "made",
        "How this bill was made",
        tuple(sentences),
        (
            Column("Source", "name"),
            Column("Gaps over 48 hours", "word"),
            Column("Snapshots", "figure"),
            Column("First", "figure"),
            Column("Latest", "figure"),
        )
        if page.sources
        else (),
        tuple(
            (
                source.source,
                _gaps(source.gaps),
                f"{source.snapshots:,}",
                NONE if source.first_at is None else shown_instant(source.first_at),
                NONE if source.latest_at is None else shown_instant(source.latest_at),
            )
            for source in page.sources
        ),
    )


def _gaps(gaps: Sequence[tuple[int, int]]) -> str:
    if not gaps:
        return "none"
    before, after = max(gaps, key=lambda gap: gap[1] - gap[0])
    return f"{len(gaps):,}, the longest {(after - before) // 3600:,} hours from {shown_instant(before)}"


def _rule(rule: Rule) -> str:
    states = " or ".join(STATE_WORDS[state] for state in rule.charged)
    charged = f"packages that are {states} are charged" if states else "nothing is charged"
    shared = (
        "split equally among the charged packages that hold it"
        if rule.share == "workspace"
        else "counted in full for each package"
    )
    days = counted(rule.retention_days, "day")
    return f"{charged}. Shared content is {shared}. Deleted repositories and workspaces are kept for {days}."


def _rate(statement: Statement, rate: Rate) -> str:
    tiers = [
        f"{digits(tier.price, statement.minor_digits)} {statement.currency}"
        + (f" up to {digits(tier.up_to, 0)} {rate.unit}-months" if tier.up_to is not None else "")
        for tier in rate.tiers
    ]
    return f"Rate of {shown_date(rate.effective_from)}: {', then '.join(tiers)} per {rate.unit}-month."


def _line_columns() -> tuple[Column, ...]:
    return (
        Column("Package", "name"),
        Column("Repository", "name"),
        Column("Format", "word"),
        Column("State", "word"),
    )


def _is_free(correction: Correction, page: StatementPage) -> bool:
    """Whether the state costs nothing in the corrected month, and cost nothing when that month was closed."""
    free = correction.key.state in page.free_states.get(correction.month, frozenset())
    return free and not correction.amount_minor


def _names(line: Line | Correction, free: bool) -> tuple[str, ...]:
    words = STATE_WORDS[line.key.state] + (" (free)" if free else "")
    return (line.key.package, line.key.repository or NO_REPOSITORY, line.key.format, words)


def _money_column(statement: Statement) -> tuple[Column, ...]:
    return () if statement.amount_minor is None else (Column(statement.currency or "", "figure"),)


def _cells(amount: str | None) -> tuple[str, ...]:
    return () if amount is None else (amount,)
