"""`acct report`: one workspace's statement, or its statements of several months."""

from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import (
    Workspace,
    month,
    month_range,
    progress,
    settings,
    terminal_width,
    write_out,
)


class StatementFormat(StrEnum):
    """The formats of a statement."""

    text = "text"
    json = "json"
    html = "html"


class GroupBy(Enum):
    """What lines can be added up by."""

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
    by_: Annotated[GroupBy | None, typer.Option("--by", help="Add the lines up by what they have in common.")] = None,
    format_: Annotated[
        StatementFormat | None, typer.Option("--format", help="text unless --output has another ending")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A file to write instead of printing.")] = None,
) -> None:
    """Show what a workspace stored in a month or in a range of months, and its cost.

    Example: acct report --workspace acme --month 2026-10 --output acme.html
    """
    from accounting.grouping import statements
    from accounting.ledger import reading
    from accounting.render import statement_html, statement_text
    from accounting.render_groups import grouped_json, months_html, months_json, months_text
    from accounting.statement_json import statement_json
    from accounting.trend import trend

    by = by_ and by_.value
    ranged = month_ is not None and ".." in month_
    months = month_range(month_) if month_ is not None and ranged else [month(month_)]
    if format_ is None:
        ending = output.suffix[1:].lower() if output else ""
        format_ = StatementFormat(ending) if ending in set(StatementFormat) else StatementFormat.text
    with progress(f"billing {workspace}"), reading(settings(context).ledger) as ledger:
        bills = statements(ledger, workspace, months)
        changes = trend(ledger, bills)
    alone = bills[0] if not ranged else None
    width = None if output else terminal_width()
    if format_ is StatementFormat.json:
        if alone:
            write_out(grouped_json(alone, by) if by else statement_json(alone), output)
        else:
            write_out(months_json(bills, by, changes), output)
    elif format_ is StatementFormat.html:
        write_out(statement_html(alone) if alone and not by else months_html(bills, by, changes), output)
    else:
        write_out(statement_text(alone, width) if alone and not by else months_text(bills, by, width, changes), output)
