"""`acct advise`: what would save the most."""

from typing import Annotated

import typer

from accounting.commands.context import (
    Output,
    OutputFormat,
    Workspace,
    WrittenFormat,
    format_of,
    settings,
    showing_progress,
    write_out,
    write_text,
)


def add_to(app: typer.Typer) -> None:
    app.command()(advise)


def advise(
    context: typer.Context,
    workspace: Workspace,
    keep: Annotated[int, typer.Option(metavar="N", min=1, help="Keep this many versions of each package.")] = 10,
    format_: WrittenFormat = None,
    output: Output = None,
) -> None:
    """Show what would save the most, and how to do it.

    Example: acct advise --workspace acme --keep 5
    """
    from accounting.analysis.advising import advise as advised_of
    from accounting.rendering.analysis.advice import advice_json, advice_text

    as_ = format_of(OutputFormat, format_, output)
    with showing_progress(f"billing advice for {workspace}") as progress:
        advised = advised_of(settings(context).ledger, workspace, keep, progress)
    if as_ is OutputFormat.json:
        write_out(advice_json(advised), output)
    else:
        write_text(lambda width: advice_text(advised, width), output)
