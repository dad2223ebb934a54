"""`acct names`: image names that cannot be reused."""

import time
from typing import Annotated

import typer

from accounting.commands.context import (
    OutputFormat,
    PrintedFormat,
    Workspace,
    instant,
    settings,
    write_out,
    write_text,
)


def add_to(app: typer.Typer) -> None:
    app.command()(names)


def names(
    context: typer.Context,
    workspace: Workspace,
    at: Annotated[str | None, typer.Option(metavar="INSTANT", help="The instant [default: now]")] = None,
    format_: PrintedFormat = OutputFormat.text,
) -> None:
    """List image names that cannot be reused, and until when.

    Example: acct names --workspace acme --at 2026-10-16T00:00:00Z
    """
    from accounting.billing.statement import names_held
    from accounting.ledger import reading
    from accounting.rendering.common import names_json, names_text

    when = instant("--at", at) if at is not None else int(time.time())
    with reading(settings(context).ledger) as ledger:
        held = names_held(ledger, workspace, when)
    if format_ is OutputFormat.json:
        write_out(names_json(held), None)
    else:
        write_text(lambda width: names_text(held, width))
