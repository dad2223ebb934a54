"""A page as Markdown with GitHub tables. Names are code spans, so that nothing in them is markup."""

import re
from collections.abc import Sequence

from accounting.pages.statement_page import StatementPage
from accounting.rendering.statement.page_sections import (
    NO_REPOSITORY,
    Column,
    Section,
    by_day,
    known,
    sections,
    total_text,
)
from accounting.text import visible


def page_markdown(page: StatementPage) -> str:
    """The whole page."""
    statement = page.statement
    total = total_text(statement)
    head = [
        f"# {code(statement.workspace)}, {statement.month}",
        f"Package storage, {statement.status}. {known(page)}",
        *([] if total is None else [f"**{total}**"]),
        page.explanation,
    ]
    parts = [*sections(page), *([by_day(page)] if page.days else [])]
    return "\n\n".join([*head, *(section_markdown(section) for section in parts)]) + "\n"


def code(name: str) -> str:
    """A name as a code span, in which markup, links, mentions and HTML have no effect.

    >>> print(code("a`b"), code("`"))
    ``a`b`` `` ` ``
    """
    shown = visible(name)
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[:1] in (" ", "`") or shown[-1:] in (" ", "`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def section_markdown(section: Section) -> str:
    """A heading, a list of its sentences, and a table."""
    parts = [f"## {section.title}"]
    if section.sentences:
        parts.append("\n".join(f"- {sentence}" for sentence in section.sentences))
    if section.rows:
        lines = [
            _row([column.title for column in section.columns]),
            _row(["---:" if column.kind == "figure" else "---" for column in section.columns]),
            *(_row(_cells(section.columns, row)) for row in section.rows),
            *([_row([f"**{cell}**" if cell else "" for cell in section.total])] if section.total else []),
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cells(columns: Sequence[Column], row: Sequence[str]) -> list[str]:
    return [
        _in_table(cell) if column.kind == "name" and cell != NO_REPOSITORY else cell
        for column, cell in zip(columns, row, strict=True)
    ]


def _in_table(name: str) -> str:
    """A code span for a table, where a bar would end the cell even within code."""
    return code(name).replace("|", r"\|")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
