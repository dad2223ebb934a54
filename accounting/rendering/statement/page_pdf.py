"""A page as PDF/A-3a and PDF/UA-1, which typst makes from reports/statement.typ. The statement is attached as JSON.

The same page gives the same bytes: only the fonts in reports/fonts/ are used, and the date is that of the page.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.pages.statement_page import StatementPage
from accounting.paths import shipped
from accounting.rendering.statement.chart import drawn_or_why_not, stored_chart
from accounting.rendering.statement.fonts import broken, drawable, width
from accounting.rendering.statement.page_sections import Column, Section, by_day, known, sections, total_text

if TYPE_CHECKING:
    from typst import Compiler

_POINTS = 8.5  # the type size of tables; the widths below are multiples of it
_LINE = 58.0  # the width between the margins
_GAP = 0.8  # between columns
_LEAST = 16.0  # the least width for names, if necessary in smaller type
_NAME = 22.0  # a longer name does not make its column wider
_WORD = 13.0  # longer words are broken into lines like names
_SLACK = 0.05  # rounding may add this to a text
_MANY_LINES = 1_000
_RUNNING = 60  # characters of the workspace's name at the head of every page


def statement_pdf(page: StatementPage) -> bytes:
    """The page as one PDF file. Raises AcctError if typst or fonttools is not installed."""
    compiler = _compiler()
    pdf = compiler.compile(
        shipped("reports") / "statement.typ",
        sys_inputs={"page": json.dumps(_shown(page)), "statement": statement_json(page.statement)},
        format="pdf",
        pdf_standards=["a-3a", "ua-1"],
        timestamp=page.as_of,
    )
    if len(page.statement.lines) > _MANY_LINES:
        _forget(compiler)
    assert isinstance(pdf, bytes)
    return pdf


def _forget(compiler: "Compiler") -> None:
    """Free the memory that typst keeps until ten more documents are made: 0.1 MB for each line."""
    for _ in range(11):
        compiler.compile(b"", sys_inputs=None, format="pdf")


def _shown(page: StatementPage) -> dict[str, Any]:
    """What the template shows, with only characters that the fonts have."""
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
    """The chart, or why there is none, and its figures."""
    chart, no_chart = drawn_or_why_not(lambda: stored_chart(page)) if page.days else (None, None)
    statement = page.statement
    return {
        "chart": chart,
        "chart_in_words": f"{statement.unit} stored on each day of {statement.month}, stacked by state;"
        " the last page shows the figures.",
        "no_chart": no_chart,
        "by_day": _section(by_day(page)) if page.days else None,
    }


@cache
def _compiler() -> "Compiler":
    """One compiler for all pages, so that the work common to them is done once."""
    try:
        import fontTools  # noqa: F401  (accounting/rendering/statement/fonts.py needs it)
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
    """A section with its table measured, because measuring takes typst as long as everything else.

    `widths` are the columns' widths as multiples of the type size, and `lines` the number of lines of each row. `cells`
    holds the cells row by row.
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
    """The width of each column, and of the line. Figures and words get the width they need; names share the rest."""
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
    """A column's part of the remaining width; 0 for a column that already has the width it needs."""
    if column.kind == "figure" or (column.kind == "word" and longest <= _WORD):
        return 0
    return min(longest, _NAME)


def _fitted(cells: Sequence[str], measured: Sequence[float], room: float) -> list[str]:
    """A column's cells, broken into lines where they are wider than the column."""
    room -= _SLACK / 2
    return [cell if wide <= room else "\n".join(broken(cell, room)) for cell, wide in zip(cells, measured, strict=True)]
