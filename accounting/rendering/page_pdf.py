"""A page as PDF/A-3a and PDF/UA-1, set by typst from reports/statement.typ; the statement as JSON is attached.

The same page gives the same bytes: fonts are those of reports/fonts/ alone, and the date is the page's own.
"""

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any

from accounting.billing.statement_page import StatementPage
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.instants import format_instant
from accounting.paths import shipped
from accounting.rendering.chart import stored_chart
from accounting.rendering.fonts import drawable
from accounting.rendering.page_sections import Column, Section, amount_text, by_day, sections

if TYPE_CHECKING:
    from typst import Compiler

_POINTS = 8.5  # the size of tables, in which _LINE characters of a middling width are a line
_LINE = 105
_LEFT = 30  # so many characters are left for names, in smaller type where need be
_NAME = 40  # a longer name gets no wider column
_WORD = 24  # longer words are broken into lines, as names are
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
    provisional = statement.status == "provisional"
    total = amount_text(statement, statement.amount_minor)
    return {
        "title": f"{workspace}, {month}: package storage" + (", provisional" if provisional else ""),
        "head": f"Package storage, {_shortened(workspace)}, {month}",
        "month": month,
        "workspace": workspace,
        "status": statement.status,
        "provisional": provisional,
        "covered_until": format_instant(statement.covered_until),
        "total": None if total is None else f"{total} {statement.currency}",
        "explanation": page.explanation,
        **_by_day(page),
        "sections": [_section(section) for section in sections(page)],
    }


def _by_day(page: StatementPage) -> dict[str, Any]:
    """The chart, or why there is none, and the figures that it shows."""
    chart, no_chart = None, None
    if page.days:
        try:
            chart = stored_chart(page)
        except AcctError as error:
            no_chart = str(error)
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
            "install acct with its extra `pdf`: pip install 'package-accounting[pdf]'",
        ) from None
    reports = shipped("reports")
    fonts = Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[reports / "fonts"])
    return Compiler(root=reports, font_paths=fonts)


def _shortened(name: str) -> str:
    return name if len(name) <= _RUNNING else f"{name[:_RUNNING]}…"


def _section(section: Section) -> dict[str, Any]:
    """Figures and words get columns as wide as they are, names their shares of what is left of a line.

    The cells follow each other, row by row; a list of one is a name that has to be broken into lines.
    """
    rows = [[drawable(cell) for cell in row] for row in section.rows]
    columns = section.columns
    longest = [max([len(column.title), *(len(row[i]) for row in rows)]) for i, column in enumerate(columns)]
    shares = [_share(column, width) for column, width in zip(columns, longest, strict=True)]
    fixed = sum(width + 2 for width, share in zip(longest, shares, strict=True) if share is None)
    shared = sum(share for share in shares if share)
    line = max(_LINE, fixed + min(shared, _LEFT))
    # So much fits its column also where it is wide letters.
    fits = [math.inf if share is None else (line - fixed) * share // shared * 3 // 5 for share in shares]
    return {
        "title": section.title,
        "sentences": [drawable(sentence) for sentence in section.sentences],
        "points": round(_POINTS * _LINE / line, 1),
        "columns": [
            {"title": column.title, "kind": column.kind, "share": share}
            for column, share in zip(columns, shares, strict=True)
        ],
        "cells": [cell if len(cell) <= most else [cell] for row in rows for cell, most in zip(row, fits, strict=True)],
        "total": section.total,
    }


def _share(column: Column, longest: int) -> int | None:
    if column.kind == "figure" or (column.kind == "word" and longest <= _WORD):
        return None
    return min(longest, _NAME)
