"""`acct names`: image names that cannot be reused."""

import time
from typing import Annotated

import typer

from accounting.commands.context import OutputFormat, Workspace, instant, settings, terminal_width, write_out


def add_to(app: typer.Typer) -> None:
    app.command()(names)


def names(
    context: typer.Context,
    workspace: Workspace,
    at: Annotated[str | None, typer.Option(metavar="INSTANT", help="At which instant [default: now]")] = None,
    format_: Annotated[OutputFormat, typer.Option("--format", help="How to print it.")] = OutputFormat.text,
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
    write_out(names_json(held) if format_ is OutputFormat.json else names_text(held, terminal_width()), None)
