"""`acct calendar`: when charging of what was deleted stops, and when image names are free."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import Workspace, settings, terminal_width, write_out


class CalendarFormat(StrEnum):
    """The formats of a calendar."""

    text = "text"
    json = "json"
    ics = "ics"


def add_to(app: typer.Typer) -> None:
    app.command()(calendar)


def calendar(
    context: typer.Context,
    workspace: Workspace,
    format_: Annotated[
        CalendarFormat | None, typer.Option("--format", help="text unless --output has another ending")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A file to write instead of printing.")] = None,
) -> None:
    """Show when charging of deleted repositories stops, and when image names are free.

    Example: acct calendar --workspace acme --output acme.ics
    """
    from accounting.billing.retention import retention_calendar
    from accounting.ledger import reading
    from accounting.rendering.calendar import calendar_ics, calendar_json, calendar_text

    if format_ is None:
        ending = output.suffix[1:].lower() if output else ""
        format_ = CalendarFormat(ending) if ending in set(CalendarFormat) else CalendarFormat.text
    with reading(settings(context).ledger) as ledger:
        dates = retention_calendar(ledger, workspace)
    if format_ is CalendarFormat.json:
        write_out(calendar_json(dates), output)
    elif format_ is CalendarFormat.ics:
        write_out(calendar_ics(dates), output)
    else:
        write_out(calendar_text(dates, None if output else terminal_width()), output)
