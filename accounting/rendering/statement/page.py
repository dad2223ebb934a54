"""A page as text for a terminal, and as one HTML file."""

from accounting.pages.statement_page import StatementPage
from accounting.rendering.common import page as rendered
from accounting.rendering.statement.chart import drawn_or_why_not, stored_chart
from accounting.rendering.statement.page_sections import Section, by_day, known, sections, total_text
from accounting.tables import table
from accounting.text import counted, visible

_SHOWN_ROWS = 50  # of each table on a terminal, except the statement's own lines, which are all shown


def page_text(page: StatementPage, width: int | None = None) -> str:
    """The page for a terminal of `width` columns, or as wide as necessary, without the table of days."""
    statement = page.statement
    head = [
        f"Workspace {visible(statement.workspace)}, {statement.month}, {statement.status}",
        known(page),
        page.explanation,
    ]
    return "\n\n".join(["\n".join(head), *(_section_text(section, width) for section in sections(page))])


def _section_text(section: Section, width: int | None) -> str:
    text = "\n".join([section.title.upper(), *section.sentences]) + "\n"
    if not section.rows:
        return text
    most = len(section.rows) if section.anchor == "packages" else _SHOWN_ROWS
    more = len(section.rows) - most
    return f"{text}\n{section_table(section, width, most)}" + (f"and {counted(more, 'more row')}\n" if more > 0 else "")


def section_table(section: Section, width: int | None, most: int | None = None) -> str:
    """A section's table for a terminal of `width` columns, or as wide as necessary, with at most `most` rows."""
    return table(
        [column.title for column in section.columns],
        [[visible(cell) for cell in row] for row in section.rows[:most]],
        right=sum(column.kind == "figure" for column in section.columns),
        total=section.total,
        width=width,
    )


def page_html(page: StatementPage) -> str:
    """The page as one HTML file that needs no other file."""
    statement = page.statement
    chart, no_chart = drawn_or_why_not(lambda: stored_chart(page)) if page.days else (None, None)
    return rendered(
        "statement.html.j2",
        statement=statement,
        total=total_text(statement),
        known=known(page),
        explanation=page.explanation,
        chart=chart,
        no_chart=no_chart,
        by_day=by_day(page) if page.days else None,
        sections=sections(page),
    )
