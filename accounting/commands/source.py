"""`acct source`: what becomes of a source."""

from typing import Annotated

import typer

from accounting.commands.context import instant, say, settings

_group = typer.Typer(help="Retire a source.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="source")


@_group.callback()
def _source() -> None:
    """Retire a source."""


@_group.command()
def retire(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    at: Annotated[str, typer.Option(metavar="INSTANT", help="Since when: not before its latest snapshot.")],
) -> None:
    """Say that a source brings no more snapshots, so that it holds coverage back no more.

    Example: acct source retire old-registry --at 2026-10-31T00:00:00Z
    """
    from accounting.facts.sources import retire as retire_source
    from accounting.ledger import writing

    when = instant("--at", at)
    with writing(settings(context).ledger) as ledger:
        new = retire_source(ledger, name, when)
    say(f"{name}: retired" if new else f"{name}: is retired since then already; nothing changed")
