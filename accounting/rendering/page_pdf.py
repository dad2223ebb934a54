"""A page as PDF/A-3a and PDF/UA-1, set by typst from reports/statement.typ; the statement as JSON is attached.

The same page gives the same bytes: fonts are those of reports/fonts/ alone, and the date is the page's own.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from accounting.billing.statement_page import StatementPage
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.paths import shipped
from accounting.rendering.chart import drawn_or_why_not, stored_chart
from accounting.rendering.fonts import broken, drawable, width
from accounting.rendering.page_sections import Column, Section, by_day, known, sections, total_text

if TYPE_CHECKING:
    from typst import Compiler

_POINTS = 8.5  # the size of tables, which the widths that follow are drawn in
_LINE = 58.0  # between the margins
_GAP = 0.8  # between columns
_LEAST = 16.0  # of the line for names, in smaller type where need be
_NAME = 22.0  # a longer name gets no wider column
_WORD = 13.0  # longer words are broken into lines, as names are
_SLACK = 0.05  # what rounding may add to a text
_MANY_LINES = 1_000
_RUNNING = 60  # so much of the workspace's name stands at the head of every page


def statement_pdf(page: StatementPage) -> bytes:
    """The page as a file that needs nothing else. Raises AcctError where what sets it is not installed."""
    compiler = _compiler()
    pdf = compiler.compile(
        shipped("reports") / "statement.typ",
        sys_inputs={"page": json.dumps(_told(page)), "statement": statement_json(page.statement)},
        format="pdf",
        pdf_standards=["a-3a", "ua-1"],
        timestamp=page.as_of,
    )
    if len(page.statement.lines) > _MANY_LINES:
        _forget(compiler)
    assert isinstance(pdf, bytes)
    return pdf


def _forget(compiler: "Compiler") -> None:
    """Typst keeps what it has worked out until ten more documents are made; of a line that is 0.1 MB."""
    for _ in range(11):
        compiler.compile(b"", sys_inputs=None, format="pdf")


def _told(page: StatementPage) -> dict[str, Any]:
    """What the template shows, in characters that the fonts draw."""
    statement = page.statement
    workspace, month = drawable(statement.workspace), str(statement.month)
    unsettled = statement.status in ("provisional", "unknown")
    return {
        "title": f"{workspace}, {month}: package storage" + (f", {statement.status}" if unsettled else ""),
        "head": f"Package storage, {_shortened(workspace)}, {month}",
        "month": month,
        "workspace": workspace,
        "status": statement.status,
        "unsettled": unsettled,
        "known": known(page),
        "total": total_text(statement),
        "explanation": page.explanation,
        **_by_day(page),
        "sections": [_section(section) for section in sections(page)],
    }


def _by_day(page: StatementPage) -> dict[str, Any]:
    """The chart, or why there is none, and the figures that it shows."""
    chart, no_chart = drawn_or_why_not(lambda: stored_chart(page)) if page.days else (None, None)
    statement = page.statement
    return {
        "chart": chart,
        "chart_in_words": f"{statement.unit} stored on each day of {statement.month}, stacked by state;"
        " the last page has the figures.",
        "no_chart": no_chart,
        "by_day": _section(by_day(page)) if page.days else None,
    }


@cache
def _compiler() -> "Compiler":
    """One for all pages: what does not change from page to page is not done again."""
    try:
        import fontTools  # noqa: F401  (for accounting/rendering/fonts.py)
        from typst import Compiler, Fonts
    except ImportError:
        raise AcctError(
            "a statement as PDF",
            "needs typst and fonttools, which are not installed",
            "install acct with its extra `pdf`, in a checkout with `uv sync --extra pdf`",
        ) from None
    reports = shipped("reports")
    fonts = Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[reports / "fonts"])
    return Compiler(root=reports, font_paths=fonts)


def _shortened(name: str) -> str:
    return name if len(name) <= _RUNNING else f"{name[:_RUNNING]}…"


def _section(section: Section) -> dict[str, Any]:
    """A section with all of its table measured, for that takes typst as long as all the rest.

    `widths` are of columns in sizes of the type, `lines` how many lines each row has; the cells follow each other, row
    by row.
    """
    drawn = [[drawable(row[i]) for row in section.rows] for i in range(len(section.columns))]
    measured = [[width(cell) for cell in cells] for cells in drawn]
    widths, line = _widths(section, [max(sizes, default=0) for sizes in measured])
    rows = list(zip(*map(_fitted, drawn, measured, widths), strict=True))
    return {
        "title": section.title,
        "sentences": [drawable(sentence) for sentence in section.sentences],
        "points": _POINTS * _LINE / line,
        "columns": [{"title": column.title, "kind": column.kind} for column in section.columns],
        "widths": widths,
        "lines": [1 + max(cell.count("\n") for cell in row) for row in rows],
        "cells": [cell for row in rows for cell in row],
        "total": section.total,
    }


def _widths(section: Section, longest: Sequence[float]) -> tuple[list[float], float]:
    """How wide each column is, and the line: figures and words are as wide as they are, names share what is left."""
    titles = [column.title for column in section.columns]
    natural = [
        max(cells, width(title, bold=True), width(total, bold=True)) + _SLACK
        for cells, title, total in zip(longest, titles, section.total or [""] * len(titles), strict=True)
    ]
    shares = [_share(column, wide) for column, wide in zip(section.columns, natural, strict=True)]
    fixed = sum(wide for wide, share in zip(natural, shares, strict=True) if not share) + _GAP * (len(natural) - 1)
    shared = sum(shares)
    line = max(_LINE, fixed + min(shared, _LEAST))
    widths = [(line - fixed) * share / shared if share else wide for wide, share in zip(natural, shares, strict=True)]
    return widths, line


def _share(column: Column, longest: float) -> float:
    """A column's part of what is left of a line; none where it is as wide as what is in it."""
    if column.kind == "figure" or (column.kind == "word" and longest <= _WORD):
        return 0
    return min(longest, _NAME)


def _fitted(cells: Sequence[str], measured: Sequence[float], room: float) -> list[str]:
    """A column's cells, in lines where they are wider than it is."""
    room -= _SLACK / 2
    return [cell if wide <= room else "\n".join(broken(cell, room)) for cell, wide in zip(cells, measured, strict=True)]
