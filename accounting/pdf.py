"""A page as PDF/A-3a and PDF/UA-1, set by typst from reports/statement.typ; the statement as JSON is attached.

The same page gives the same bytes: fonts are those of reports/fonts/ alone, and the date is the page's own.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from accounting.chart import stored_chart
from accounting.errors import AcctError
from accounting.fonts import drawable
from accounting.instants import format_instant
from accounting.page_sections import Column, Section, amount_text, by_day, sections
from accounting.paths import shipped
from accounting.statement_json import statement_json
from accounting.statement_page import StatementPage

if TYPE_CHECKING:
    from typst import Compiler

_POINTS = 8.5  # the size of tables, in which _LINE characters of a middling width are a line
_LINE = 105
_LEFT = 30  # so many characters are left for names, in smaller type where need be
_NAME = 40  # a longer name gets no wider column
_WORD = 24  # longer words are broken into lines, as names are
_RUNNING = 60  # so much of the workspace's name stands at the head of every page



def statement_pdf(page: StatementPage) -> bytes:
    """The page as a file that needs nothing else. Raises AcctError where typst is not installed."""
    statement = page.statement
    total = amount_text(statement, statement.amount_minor)
    workspace = drawable(statement.workspace)
    told = {
        "title": f"{workspace}, {statement.month}: package storage",
        "running_title": f"Package storage, {_shortened(workspace)}, {statement.month}",
        "kicker": f"Package storage, {statement.month}",
        "workspace": workspace,
        "status": statement.status,
        "provisional": statement.status == "provisional",
        "total": None if total is None else f"{total} {statement.currency}",
        "explanation": drawable(page.explanation),
        "covered_until": format_instant(statement.covered_until),
        "chart": stored_chart(page) if page.days else None,
        "chart_told": f"{statement.unit} stored on each day of {statement.month}, stacked by state; the last page has the figures.",
        "sections": [_section(section) for section in sections(page)],
        "by_day": _section(by_day(page)) if page.days else None,
    }
    inputs = {"page": json.dumps(told), "statement": statement_json(statement)}
    return _compiled(inputs, page.as_of)


def _compiled(inputs: dict[str, str], timestamp: int) -> bytes:
    pdf = _compiler().compile(
        sys_inputs=inputs, format="pdf", pdf_standards=["a-3a", "ua-1"], timestamp=timestamp
    )
    assert isinstance(pdf, bytes)
    return pdf


@cache
def _compiler() -> "Compiler":
    """One for all pages: what does not change from page to page is not done again."""
    try:
        from typst import Compiler, Fonts
    except ImportError:
        raise AcctError(
            "PDF", "needs typst and fonttools, which are not installed", "pip install 'package-accounting[pdf]'"
        ) from None
    reports = shipped("reports")
    fonts = Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[reports / "fonts"])
    return Compiler(reports / "statement.typ", root=reports, font_paths=fonts)


def _shortened(name: str) -> str:
    return name if len(name) <= _RUNNING else f"{name[:_RUNNING]}…"


def _section(section: Section) -> dict[str, Any]:
    rows = [[drawable(cell) for cell in row] for row in section.rows]
    return {
        "title": section.title,
        "sentences": [drawable(sentence) for sentence in section.sentences],
        "rows": rows,
        "total": section.total,
        **_widths(section.columns, rows),
    }


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """How a table fits the page: figures and words as wide as they are, names by their shares of what they leave.

    `unbroken` characters of a name fit its column, also where they are wide ones.
    """
    longest = [max(len(column.title), *(len(row[i]) for row in rows)) for i, column in enumerate(columns)]
    shares = [
        None if column.kind == "figure" or (column.kind == "word" and width <= _WORD) else min(width, _NAME)
        for column, width in zip(columns, longest, strict=True)
    ]
    fixed = sum(width + 2 for width, share in zip(longest, shares, strict=True) if share is None)
    shared = sum(share for share in shares if share)
    line = max(_LINE, fixed + min(shared, _LEFT))
    return {
        "points": round(_POINTS * _LINE / line, 1),
        "columns": [
            {
                "title": column.title,
                "kind": column.kind,
                "share": share,
                "unbroken": share and (line - fixed) * share // shared * 3 // 5,
            }
            for column, share in zip(columns, shares, strict=True)
        ],
    }
