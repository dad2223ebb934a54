"""`acct source`: retiring a source."""

from typing import Annotated

import typer

from accounting.commands.context import Group, instant, say, settings

_group = typer.Typer(cls=Group)


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="source")


@_group.callback()
def _source() -> None:
    """Retire a source.

    Example: acct source retire old-registry --at 2026-10-31T00:00:00Z
    """


@_group.command()
def retire(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source.")],
    at: Annotated[str, typer.Option(metavar="INSTANT", help="When it was retired: not before its latest snapshot.")],
) -> None:
    """Record that a source brings no more snapshots.

    Coverage no longer waits for it.

    Example: acct source retire old-registry --at 2026-10-31T00:00:00Z
    """
    from accounting.facts.sources import retire as retire_source
    from accounting.ledger import writing

    when = instant("--at", at)
    with writing(settings(context).ledger) as ledger:
        new = retire_source(ledger, name, when)
    say(f"{name}: retired" if new else f"{name}: already retired at this instant; nothing changed")
