"""`acct report`: one workspace's statement."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import Workspace, month, progress, settings, terminal_width, write_out


class StatementFormat(StrEnum):
    """The formats of a statement."""

    text = "text"
    json = "json"
    html = "html"


def add_to(app: typer.Typer) -> None:
    app.command()(report)


def report(
    context: typer.Context,
    workspace: Workspace,
    month_: Annotated[
        str | None,
        typer.Option("--month", metavar="YYYY-MM", help="The month [default: the latest with evidence]"),
    ] = None,
    format_: Annotated[
        StatementFormat | None, typer.Option("--format", help="text unless --output has another ending")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A file to write instead of printing.")] = None,
) -> None:
    """Show what a workspace stored in a month, and its cost.

    Example: acct report --workspace acme --month 2026-10 --output acme.html
    """
    from accounting.ledger import reading
    from accounting.render import statement_html, statement_text
    from accounting.statement import statement
    from accounting.statement_json import statement_json

    wanted = month(month_)
    if format_ is None:
        ending = output.suffix[1:].lower() if output else ""
        format_ = StatementFormat(ending) if ending in set(StatementFormat) else StatementFormat.text
    with progress(f"billing {workspace}"), reading(settings(context).ledger) as ledger:
        bill = statement(ledger, workspace, wanted)
    if format_ is StatementFormat.json:
        write_out(statement_json(bill), output)
    elif format_ is StatementFormat.html:
        write_out(statement_html(bill), output)
    else:
        write_out(statement_text(bill, None if output else terminal_width()), output)
