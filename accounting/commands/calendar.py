"""`acct calendar`: when charging for deleted packages ends, and when image names are free."""

from enum import StrEnum
from typing import Annotated

import typer

from accounting.commands.context import FORMAT, Output, Workspace, format_of, settings, write_out, write_text


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
    format_: Annotated[CalendarFormat | None, FORMAT] = None,
    output: Output = None,
) -> None:
    """Show when charging for deletions ends and names are free.

    Example: acct calendar --workspace acme --output acme.ics
    """
    from accounting.analysis.retention import retention_calendar
    from accounting.ledger import reading
    from accounting.rendering.analysis.calendar import calendar_ics, calendar_json, calendar_text

    as_ = format_of(CalendarFormat, format_, output)
    with reading(settings(context).ledger) as ledger:
        dates = retention_calendar(ledger, workspace)
    if as_ is CalendarFormat.json:
        write_out(calendar_json(dates), output)
    elif as_ is CalendarFormat.ics:
        write_out(calendar_ics(dates), output)
    else:
        write_text(lambda width: calendar_text(dates, width), output)
