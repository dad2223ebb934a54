"""`acct report`: one workspace's statement, or its statements for several months."""

from collections.abc import Sequence
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import (
    FORMAT,
    Output,
    Workspace,
    format_of,
    month,
    month_range,
    settings,
    showing_progress,
    terminal_width,
    write_out,
    write_text,
)
from accounting.errors import AcctError
from accounting.instants import Month


class StatementFormat(StrEnum):
    """The formats of a statement."""

    text = "text"
    json = "json"
    html = "html"
    md = "md"
    csv = "csv"
    pdf = "pdf"


class GroupBy(Enum):
    """What lines can be grouped by."""

    repository = "repository"
    format = "format"
    package = "package"
    state = "state"


def add_to(app: typer.Typer) -> None:
    app.command()(report)


def report(
    context: typer.Context,
    workspace: Workspace,
    month_: Annotated[
        str | None,
        typer.Option(
            "--month",
            metavar="YYYY-MM[..YYYY-MM]",
            help="The month, or the first and the last of a range [default: the latest with evidence]",
        ),
    ] = None,
    by_: Annotated[GroupBy | None, typer.Option("--by", help="Group the lines and add them up.")] = None,
    format_: Annotated[StatementFormat | None, FORMAT] = None,
    output: Output = None,
) -> None:
    """Show what a workspace stored in a month or more, and the cost.

    Example: acct report --workspace acme --month 2026-10 --output acme.html
    """
    by = by_ and by_.value
    ranged = month_ is not None and ".." in month_
    as_ = format_of(StatementFormat, format_, output)
    if ranged or by:
        months = month_range(month_) if month_ is not None and ranged else [month(month_)]
        _write_months(context, workspace, months, by, as_, output)
    else:
        _write_page(context, workspace, month(month_), as_, output)


def _write_page(context: typer.Context, workspace: str, month: Month | None, format_: StatementFormat,
                output: Path | None) -> None:  # fmt: skip
    from accounting.ledger import reading
    from accounting.pages.statement_page import statement_page
    from accounting.rendering.statement.formats import FORMATS
    from accounting.rendering.statement.page import page_text

    if format_ is StatementFormat.pdf and output is None and terminal_width():
        raise AcctError("--format pdf", "cannot be printed on a terminal", "give a file with --output")
    with showing_progress(f"billing {workspace}"), reading(settings(context).ledger) as ledger:
        page = statement_page(ledger, workspace, month)
    if format_ is StatementFormat.text and output is None:
        write_text(lambda width: page_text(page, width))
    else:
        write_out(FORMATS[format_.value](page), output)


def _write_months(context: typer.Context, workspace: str, months: Sequence[Month | None], by: str | None,
                  format_: StatementFormat, output: Path | None) -> None:  # fmt: skip
    from accounting.analysis.trend import trend
    from accounting.billing.grouping import statements
    from accounting.ledger import reading
    from accounting.rendering.statement.months import (
        grouped_json,
        months_html,
        months_json,
        months_markdown,
        months_text,
    )
    from accounting.rendering.statement.page_csv import groups_csv, statements_csv

    if format_ is StatementFormat.pdf:
        raise typer.BadParameter("pdf is not available for --by or a range of months. Use another --format.")
    with showing_progress(f"billing {workspace}"), reading(settings(context).ledger) as ledger:
        bills = statements(ledger, workspace, months)
        plain = format_ is StatementFormat.csv or (by and format_ is StatementFormat.text)
        changes = None if plain else trend(ledger, bills)
    match format_:
        case StatementFormat.json:
            write_out(grouped_json(bills[0], by) if by and len(bills) == 1 else months_json(bills, by, changes), output)
        case StatementFormat.html:
            write_out(months_html(bills, by, changes), output)
        case StatementFormat.md:
            write_out(months_markdown(bills, by, changes), output)
        case StatementFormat.csv:
            write_out(groups_csv(bills, by) if by else statements_csv(bills), output)
        case _:
            write_text(lambda width: months_text(bills, by, width, changes), output)
