"""A page as text for a terminal, and as one HTML file."""

from collections.abc import Sequence

from accounting.billing.statement_page import StatementPage
from accounting.errors import AcctError
from accounting.instants import format_instant
from accounting.rendering.chart import stored_chart
from accounting.rendering.common import page as rendered
from accounting.rendering.page_sections import Column, Section, amount_text, by_day, sections
from accounting.tables import table
from accounting.text import counted, visible

_SHOWN_ROWS = 50  # of a table on a terminal; the statement's own lines are all shown


def page_text(page: StatementPage, width: int | None = None) -> str:
    """The page for a terminal of `width` columns, or as wide as it needs; without what was stored day by day."""
    statement = page.statement
    head = [
        f"Workspace {visible(statement.workspace)}, {statement.month}, {statement.status}",
        f"Covered until {format_instant(statement.covered_until)}",
        page.explanation,
    ]
    return "\n\n".join(["\n".join(head), *(_section_text(section, width) for section in sections(page))])


def _section_text(section: Section, width: int | None) -> str:
    told = "\n".join([section.title.upper(), *section.sentences]) + "\n"
    if not section.rows:
        return told
    rows = section.rows if section.anchor == "packages" else section.rows[:_SHOWN_ROWS]
    figures = sum(column.kind == "figure" for column in section.columns)
    drawn = table(
        [column.title for column in section.columns],
        [_cells(section.columns, row) for row in rows],
        right=figures,
        total=section.total,
        width=width,
    )
    more = len(section.rows) - len(rows)
    return f"{told}\n{drawn}" + (f"and {counted(more, 'more row')}\n" if more else "")


def _cells(columns: Sequence[Column], row: Sequence[str]) -> list[str]:
    return [visible(cell) if column.kind == "name" else cell for column, cell in zip(columns, row, strict=True)]


def page_html(page: StatementPage) -> str:
    """The page as one HTML file that needs nothing else."""
    statement = page.statement
    chart, no_chart = None, None
    if page.days:
        try:
            chart = stored_chart(page)
        except AcctError as error:
            no_chart = str(error)
    return rendered(
        "statement.html.j2",
        statement=statement,
        total=amount_text(statement, statement.amount_minor),
        explanation=page.explanation,
        chart=chart,
        no_chart=no_chart,
        by_day=by_day(page) if page.days else None,
        sections=sections(page),
    )
