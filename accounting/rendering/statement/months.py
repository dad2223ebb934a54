"""Several months, or lines in groups, as text, JSON, HTML and Markdown."""

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from accounting.analysis.trend import Trend
from accounting.billing.grouping import GROUPS, Group, Sums, add, corrections_of, grouped, total
from accounting.facts.statement_json import statement_json
from accounting.instants import format_instant
from accounting.model import UNIT_BYTES, Statement
from accounting.rendering.analysis.trend import trend_members, trend_section
from accounting.rendering.common import STATE_WORDS, adding_up, coverage, page, rounded, shown_to
from accounting.rendering.statement.chart import drawn_or_why_not
from accounting.rendering.statement.months_chart import months_chart
from accounting.rendering.statement.page import section_table
from accounting.rendering.statement.page_markdown import code, section_markdown
from accounting.rendering.statement.page_sections import NO_REPOSITORY, NONE, Column, Section
from accounting.tables import json_text
from accounting.text import in_words, money, places, shown_money, visible


def months_text(bills: Sequence[Statement], by: str | None, width: int | None = None,
                trend: Trend | None = None) -> str:  # fmt: skip
    """The months for a terminal: a row per month, or a row per group and a column per month.

    A table of months is followed by the lines that changed most.
    """
    head = [
        f"Workspace {visible(bills[0].workspace)}, {_period(bills)}{_by_words(by)}",
        coverage(bills[-1].covered_until),
        *_not_settled(bills),
        _summary(bills),
    ]
    section = _groups_section(bills, by) if by else _months_section(bills)
    body = section_table(section, width) if section.rows else f"Nothing {_nothing(bills)}.\n"
    if trend and trend.changes and not by:
        members = trend_section(trend)
        body += f"\n{members.title}\n{' '.join(members.sentences)}\n\n{section_table(members, width)}"
    return "\n".join(head) + f"\n\n{body}"


def _sections(bills: Sequence[Statement], by: str | None, trend: Trend | None) -> list[Section]:
    sections = [_months_section(bills)]
    if by:
        sections.append(_groups_section(bills, by))
    if trend and trend.changes:
        sections.append(trend_section(trend))
    return sections


def months_markdown(bills: Sequence[Statement], by: str | None, trend: Trend | None = None) -> str:
    """The months as a page of Markdown, without the chart."""
    amount = _total(bills)
    head = [
        f"# {code(bills[0].workspace)}, {_period(bills)}",
        f"Package storage. {coverage(bills[-1].covered_until)}",
        *_not_settled(bills),
        *([] if amount is None else [f"**{amount} {bills[0].currency}**"]),
        _summary(bills),
    ]
    return "\n\n".join([*head, *(section_markdown(section) for section in _sections(bills, by, trend))]) + "\n"


def months_html(bills: Sequence[Statement], by: str | None, trend: Trend | None = None) -> str:
    """The months as one HTML page that needs no other file."""
    chart, no_chart = drawn_or_why_not(lambda: months_chart(bills)) if trend else (None, None)
    return page(
        "months.html.j2",
        workspace=bills[0].workspace,
        period=_period(bills),
        currency=bills[0].currency,
        total=_total(bills),
        summary=_summary(bills),
        not_settled=_not_settled(bills),
        coverage=coverage(bills[-1].covered_until),
        chart=chart,
        no_chart=no_chart,
        sections=_sections(bills, by, trend),
    )


def months_json(bills: Sequence[Statement], by: str | None, trend: Trend | None = None) -> str:
    """The schema `acct.report-range/1`: the months' statements, with the groups of each month and of all."""
    sums = add([total(bill) for bill in bills])
    return json_text(
        {
            "schema": "acct.report-range/1",
            "workspace": bills[0].workspace,
            "from": str(bills[0].month),
            "to": str(bills[-1].month),
            "covered_until": format_instant(bills[-1].covered_until),
            "currency": bills[0].currency,
            "total": {
                "byte_seconds": str(sums.byte_seconds),
                "charged_byte_seconds": str(sum(bill.charged_byte_seconds for bill in bills)),
                "amount": _digits(bills, sums),
            },
            **(_group_members(bills, by) if by else {}),
            **({"trend": trend_members(trend)} if trend else {}),
            "months": [_month_members(bill, by) for bill in bills],
        }
    )


def grouped_json(bill: Statement, by: str) -> str:
    """The schema `acct.report/1` with the groups of one month."""
    return json_text(_month_members(bill, by))


def _month_members(bill: Statement, by: str | None) -> dict[str, Any]:
    """A month's statement as in `acct.report/1`, and its groups."""
    members: dict[str, Any] = json.loads(statement_json(bill))
    return members | (_group_members([bill], by) if by else {})


def _group_members(bills: Sequence[Statement], by: str) -> dict[str, object]:
    groups = [
        {
            **dict(zip(GROUPS[by], group.name, strict=True)),
            "byte_seconds": str(group.total.byte_seconds),
            "amount": _digits(bills, group.total),
        }
        for group in grouped(bills, by)
    ]
    return {"by": by, "groups": groups}


def _months_section(bills: Sequence[Statement]) -> Section:
    """A row per month: status, what was stored and charged, and amount. Below it, a row for its bill's corrections."""
    unit, priced = f"{bills[-1].unit}-months", bills[0].currency is not None
    usage, rows = _usage(bills), []
    for i, bill in enumerate(bills):
        corrected = corrections_of(bill).amount_minor or 0
        if bill.status == "unknown":
            rows.append((str(bill.month), bill.status, *[NONE] * (3 if priced else 2)))
            continue
        figures = (_shown(usage, usage.stored[i]), _shown(usage, usage.charged[i]))
        rows.append((str(bill.month), bill.status, *figures, *_priced(bill, (bill.amount_minor or 0) - corrected)))
        if bill.corrections:
            months = in_words(sorted({str(correction.month) for correction in bill.corrections}))
            figures = (_shown(usage, usage.corrected[i]), NONE)
            rows.append((str(bill.month), f"corrections of {months}", *figures, *_priced(bill, corrected)))
    in_all = (_shown(usage, sum(usage.stored) + sum(usage.corrected)), _shown(usage, sum(usage.charged)))
    return Section(
        "months",
        "Months",
        (),
        (
            Column("Month", "word"),
            Column("Status", "word"),
            *(Column(title, "figure") for title in (unit, f"{unit} charged")),
            *([Column(bills[0].currency or "", "figure")] if priced else []),
        ),
        tuple(rows),
        ("Total", "", *in_all, *_priced(bills[0], add([total(bill) for bill in bills]).amount_minor or 0)),
    )


def _groups_section(bills: Sequence[Statement], by: str) -> Section:
    """A row per group: the amount of each month (unit-months if there is no rate card), then the sums."""
    priced, unit, groups = bills[0].currency is not None, f"{bills[-1].unit}-months", grouped(bills, by)
    figures: list[tuple[list[str], str]] = []
    for i in range(len(bills)) if len(bills) > 1 else ():
        if bills[i].status == "unknown":
            figures.append(([NONE] * len(groups), NONE))
            continue
        of_month = [group.months[i] for group in groups]
        figures.append(_amounts(bills, of_month) if priced else _used(bills, [each.byte_months for each in of_month]))
    in_all = [group.total for group in groups]
    figures += [
        _used(bills, [each.byte_months for each in in_all]),
        *([_amounts(bills, in_all)] if priced else []),
    ]
    months = [f"{bill.month} {bill.currency or unit}" for bill in bills] if len(bills) > 1 else []
    stored = f"{unit} with corrections" if any(bill.corrections for bill in bills) else unit
    return Section(
        "groups",
        f"By {by}",
        (),
        (
            *(Column(name.capitalize(), "name") for name in GROUPS[by]),
            *(Column(title, "figure") for title in (*months, stored, *([bills[0].currency or ""] if priced else []))),
        ),
        tuple((*_words(by, group), *(cells[i] for cells, _ in figures)) for i, group in enumerate(groups)),
        ("Total", *[""] * (len(GROUPS[by]) - 1), *(whole for _, whole in figures)),
    )


def _words(by: str, group: Group) -> list[str]:
    if by == "state":
        return [STATE_WORDS[name or ""] for name in group.name]
    return [NO_REPOSITORY if name is None else name for name in group.name]


def _summary(bills: Sequence[Statement]) -> str:
    """Some sentences that sum up the months."""
    if _with_status(bills, "unknown") == list(bills):
        return f"Nothing {_nothing(bills)}. So there is no bill."
    unit = f"{bills[-1].unit}-months"
    usage = _usage(bills)
    stored, charged = (_shown(usage, sum(column)) for column in (usage.stored, usage.charged))
    included = sum((Fraction(bill.included_byte_seconds, bill.month.seconds) for bill in bills), Fraction(0))
    sentences = f"{stored} {unit} were stored. Of these, {charged} were charged"
    if included:
        sentences += f", of which {_used(bills, [included])[1]} are included"
    if any(bill.corrections for bill in bills):
        sentences += f". Corrections add {_shown(usage, sum(usage.corrected))}, each in {unit} of the month it corrects"
    amount = _amount(bills, add([total(bill) for bill in bills]))
    if amount is None:
        return f"{sentences}. No rate card is loaded, so there are no amounts."
    return f"{sentences}. The total is {amount} {bills[0].currency}."


def _period(bills: Sequence[Statement]) -> str:
    return f"{_months(bills)}, {bills[0].status}" if len(bills) == 1 else _months(bills)


def _months(bills: Sequence[Statement]) -> str:
    return str(bills[0].month) if len(bills) == 1 else f"{bills[0].month} to {bills[-1].month}"


def _by_words(by: str | None) -> str:
    return f", by {by}" if by else ""


def _total(bills: Sequence[Statement]) -> str | None:
    """The sum of all months; None without a rate card, and if no month has a bill."""
    has_bill = len(_with_status(bills, "unknown")) < len(bills)
    return _amount(bills, add([total(bill) for bill in bills])) if has_bill else None


def _not_settled(bills: Sequence[Statement]) -> list[str]:
    """Which months are only partly covered, and which end before the first snapshot; empty for a single month."""
    if len(bills) == 1:
        return []
    found = {word: _with_status(bills, word) for word in ("provisional", "unknown")}
    notes = {"provisional": "", "unknown": ", before the first snapshot"}
    return [
        f"{word.capitalize()}: {', '.join(str(bill.month) for bill in of_word)}{notes[word]}"
        for word, of_word in found.items()
        if of_word
    ]


def _with_status(bills: Sequence[Statement], status: str) -> list[Statement]:
    return [bill for bill in bills if bill.status == status]


def _nothing(bills: Sequence[Statement]) -> str:
    """The words for months without lines."""
    known = len(_with_status(bills, "unknown")) < len(bills)
    return "was stored" if known else f"is known of {_months(bills)}, because no snapshot is that old"


def _digits(bills: Sequence[Statement], sums: Sums) -> str | None:
    """An amount in exact digits; None without a rate card."""
    return None if sums.amount_minor is None else money(sums.amount_minor, bills[0].minor_digits)


def _amount(bills: Sequence[Statement], sums: Sums) -> str | None:
    """An amount as people read it."""
    return None if sums.amount_minor is None else shown_money(sums.amount_minor, bills[0].minor_digits)


def _amounts(bills: Sequence[Statement], sums: Sequence[Sums]) -> tuple[list[str], str]:
    """Amounts, and their sum."""
    return [_amount(bills, each) or "" for each in sums], _amount(bills, add(sums)) or ""


def _stored(bills: Sequence[Statement]) -> Fraction:
    """Bytes stored for whole months, without corrections."""
    return sum((Fraction(bill.byte_seconds, bill.month.seconds) for bill in bills), Fraction(0))


class _Usage(NamedTuple):
    """For each month what was stored, charged, and corrected by its bill, in 10^-decimals of a unit-month."""

    decimals: int
    stored: list[int]
    charged: list[int]
    corrected: list[int]


def _usage(bills: Sequence[Statement]) -> _Usage:
    """Usage rounded so that each column adds up, and that stored and charged are equal where nothing is free.

    For that, charged and free usage are rounded, and what is stored is their sum.
    """
    unit, decimals = UNIT_BYTES[bills[-1].unit], places(_stored(bills) / UNIT_BYTES[bills[-1].unit])
    stored = [_stored([bill]) for bill in bills]
    charged = [Fraction(bill.charged_byte_seconds, bill.month.seconds) for bill in bills]
    corrected = [corrections_of(bill).byte_months for bill in bills]
    all_stored, all_charged, whole = (
        sum(rounded(column, unit, decimals)) for column in (stored, charged, [*stored, *corrected])
    )
    shown = rounded(charged, unit, decimals)
    free = rounded([a - b for a, b in zip(stored, charged, strict=True)], unit, decimals, all_stored - all_charged)
    return _Usage(
        decimals,
        [a + b for a, b in zip(shown, free, strict=True)],
        shown,
        rounded(corrected, unit, decimals, whole - all_stored),
    )


def _shown(usage: _Usage, figure: int) -> str:
    return shown_to(figure, usage.decimals)


def _priced(bill: Statement, minor: int) -> list[str]:
    """The cell of an amount; no cell without a rate card."""
    return [] if bill.currency is None else [shown_money(minor, bill.minor_digits)]


def _used(shown: Sequence[Statement], byte_months: Sequence[Fraction]) -> tuple[list[str], str]:
    """Bytes stored for whole months in the unit of the last month shown, and their sum, as columns that add up.

    They have as many decimals as suit the sum of what was stored, as in a statement.
    """
    unit = UNIT_BYTES[shown[-1].unit]
    return adding_up(byte_months, unit, places(_stored(shown) / unit))
