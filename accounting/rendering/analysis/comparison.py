"""Comparisons of two rate cards, as text and JSON."""

from collections.abc import Sequence
from fractions import Fraction

from accounting.analysis.comparing import ComparedLine, Comparison, Figures, total_of
from accounting.instants import format_instant
from accounting.model import UNIT_BYTES, Statement
from accounting.rendering.common import STATE_WORDS, adding_up, coverage, nothing_of
from accounting.rendering.statement.page_sections import NO_REPOSITORY
from accounting.tables import json_text, table
from accounting.text import money, places, shown_money, visible


def comparisons_text(comparisons: Sequence[Comparison], name: str, width: int | None = None) -> str:
    """A table of the lines of each workspace, and one of the workspaces if there are several.

    `name` is the name of the other card.
    """
    blocks = [_workspace_text(comparison, name, width) for comparison in comparisons]
    if len(comparisons) > 1:
        blocks.append(_workspaces_text(comparisons, width))
    return "\n".join(blocks) or "The ledger has no workspace yet.\n"


def _workspace_text(comparison: Comparison, name: str, width: int | None) -> str:
    ours, theirs = comparison.in_force, comparison.other
    card = "that the month was sealed with" if ours.status == "closed" else "in force"
    head = [
        f"Workspace {visible(ours.workspace)}, {ours.month}, {ours.status}",
        coverage(ours.covered_until),
        f"Billed with the rate card {card}: {_money(ours, total_of(ours))} {ours.currency}. With {visible(name)}:"
        f" {_money(ours, total_of(theirs))} {ours.currency}. Change: {_signed(ours, comparison.change)}"
        f" {ours.currency}.",
    ]
    if ours.status == "unknown":
        return f"{head[0]}\n{nothing_of(ours)}\n"
    columns = ["repository", "package", "format", "state", f"{ours.unit}-months billed", "other card",
               f"{ours.currency} billed", "other card", "change"]  # fmt: skip
    of_month = [line for line in comparison.lines if line.month is None]
    corrections = [""] * (len(comparison.lines) - len(of_month))  # corrections are of other months, and come last
    now, stored_now = _unit_months(ours, [line.in_force for line in of_month])
    then, stored_then = _unit_months(ours, [line.other for line in of_month])
    rows = [
        [
            visible(line.key.repository or NO_REPOSITORY),
            visible(line.key.package),
            line.key.format,
            _state(line),
            *stored,
            *(_money(ours, figures) for figures in (line.in_force, line.other)),
            _signed(ours, line.change),
        ]
        for line, *stored in zip(comparison.lines, now + corrections, then + corrections, strict=True)
    ]
    total = ["", "", "", "total", stored_now, stored_then,
             *(_money(ours, total_of(bill)) for bill in (ours, theirs)), _signed(ours, comparison.change)]  # fmt: skip
    body = table(columns, rows, right=5, total=total, width=width) if rows else f"{nothing_of(ours)}\n"
    return "\n".join(head) + f"\n\n{body}"


def _workspaces_text(comparisons: Sequence[Comparison], width: int | None) -> str:
    """One row per workspace: what each card bills."""
    first = comparisons[0].in_force
    columns = ["workspace", f"{first.currency} billed", "other card", "change"]
    rows = [
        [
            visible(comparison.in_force.workspace),
            _money(first, total_of(comparison.in_force)),
            _money(first, total_of(comparison.other)),
            _signed(first, comparison.change),
        ]
        for comparison in comparisons
    ]
    ours, theirs, change = _sums(comparisons)
    total = ["total", _money(first, ours), _money(first, theirs), _signed(first, change)]
    return f"All workspaces, {first.month}\n\n" + table(columns, rows, right=3, total=total, width=width)


def comparisons_json(comparisons: Sequence[Comparison], name: str, month: str) -> str:
    """The schema `acct.compare/1`; byte-seconds and amounts are strings of exact digits, as in a statement."""
    workspaces = [
        {
            "workspace": comparison.in_force.workspace,
            "status": comparison.in_force.status,
            "covered_until": format_instant(comparison.in_force.covered_until),
            "total": _three(
                comparison.in_force, total_of(comparison.in_force), total_of(comparison.other), comparison.change
            ),
            "lines": [_line_json(comparison, line) for line in comparison.lines if line.month is None],
            "corrections": [
                {"month": str(line.month), **_line_json(comparison, line)}
                for line in comparison.lines
                if line.month is not None
            ],
        }
        for comparison in comparisons
    ]
    return json_text(
        {
            "schema": "acct.compare/1",
            "month": month,
            "other": name,
            "currency": comparisons[0].in_force.currency if comparisons else None,
            "total": _three(comparisons[0].in_force, *_sums(comparisons)) if comparisons else None,
            "workspaces": workspaces,
        }
    )


def _line_json(comparison: Comparison, line: ComparedLine) -> dict[str, object]:
    return {
        "repository": line.key.repository,
        "format": line.key.format,
        "package": line.key.package,
        "state": line.key.state,
        **_three(comparison.in_force, line.in_force, line.other, line.change),
    }


def _three(of: Statement, in_force: Figures | None, other: Figures | None, change: Figures) -> dict[str, object]:
    """Figures with the card in force, with the other one, and the difference; null if there is no such line."""
    named = {"in_force": in_force, "other": other, "difference": change}
    return {
        name: figures
        and {"byte_seconds": str(figures.byte_seconds), "amount": money(figures.amount_minor, of.minor_digits)}
        for name, figures in named.items()
    }


def _sums(comparisons: Sequence[Comparison]) -> tuple[Figures, Figures, Figures]:
    """The sums of all workspaces with the card in force, with the other one, and the difference."""
    columns = zip(*((total_of(c.in_force), total_of(c.other), c.change) for c in comparisons), strict=True)
    ours, theirs, change = (
        Figures(sum(f.byte_seconds for f in column), sum(f.amount_minor for f in column)) for column in columns
    )
    return ours, theirs, change


def _state(line: ComparedLine) -> str:
    """The state, and with which card it is free; for a correction, the month that it corrects."""
    if line.month is not None:
        return f"{STATE_WORDS[line.key.state]}, correction of {line.month}"
    cards = {"free as billed": line.in_force, "free with the other card": line.other}
    known = {words: figures for words, figures in cards.items() if figures}
    free = [words for words, figures in known.items() if not figures.charged]
    when = "free" if len(free) == len(known) else "".join(free)
    return STATE_WORDS[line.key.state] + (f" ({when})" if free else "")


def _unit_months(of: Statement, figures: Sequence[Figures | None]) -> tuple[list[str], str]:
    """A column of unit-months that adds up to its total as shown, with the decimals that suit the whole statement."""
    unit_month = UNIT_BYTES[of.unit] * of.month.seconds
    stored = [0 if each is None else each.byte_seconds for each in figures]
    shown, total = adding_up(stored, unit_month, places(Fraction(of.byte_seconds, unit_month)))
    return ["–" if each is None else cell for cell, each in zip(shown, figures, strict=True)], total


def _money(of: Statement, figures: Figures | None) -> str:
    return "–" if figures is None else shown_money(figures.amount_minor, of.minor_digits)


def _signed(of: Statement, figures: Figures) -> str:
    return ("+" if figures.amount_minor > 0 else "") + shown_money(figures.amount_minor, of.minor_digits)
