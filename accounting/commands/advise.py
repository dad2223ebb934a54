"""`acct advise`: what would save most."""

from typing import Annotated

import typer

from accounting.commands.context import OutputFormat, Workspace, progress, settings, terminal_width, write_out


def add_to(app: typer.Typer) -> None:
    app.command()(advise)


def advise(
    context: typer.Context,
    workspace: Workspace,
    keep: Annotated[int, typer.Option(metavar="N", min=1, help="How many versions of a package to keep.")] = 10,
    format_: Annotated[OutputFormat, typer.Option("--format", help="How to print it.")] = OutputFormat.text,
) -> None:
    """Show what would save most: old and untagged versions, deleted repositories, copies.

    Example: acct advise --workspace acme --keep 5
    """
    from accounting.foresight.advising import advise as advised_of
    from accounting.rendering.advice import advice_json, advice_text

    with progress(f"billing advice for {workspace}") as news:
        advised = advised_of(settings(context).ledger, workspace, keep, news)
    write_out(advice_json(advised) if format_ is OutputFormat.json else advice_text(advised, terminal_width()), None)
