"""`acct verify`: sealed months computed again."""

from typing import Annotated

import typer

from accounting.commands.context import month as month_or_none
from accounting.commands.context import progress, say, settings
from accounting.errors import AcctError
from accounting.text import counted, visible


def add_to(app: typer.Typer) -> None:
    app.command()(verify)


def verify(
    context: typer.Context,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="The month [default: every closed one]")
    ] = None,
) -> None:
    """Compute closed months again from the evidence of their closing, and check the laws of the ledger.

    Example: acct verify
    """
    from accounting.billing.verifying import verify as verify_months
    from accounting.facts.sealed import closings
    from accounting.ledger import reading

    wanted = month_or_none(month)
    with progress("verifying") as news, reading(settings(context).ledger) as ledger:
        differences = list(verify_months(ledger, wanted, news))
        verified = 1 if wanted else len(closings(ledger))
    for difference in differences[:-1]:
        say(f"acct: {visible(f'{difference.where}: {difference.what}')}")
    if differences:
        raise AcctError(differences[-1].where, differences[-1].what, "restore the ledger from a backup of before")
    say(f"{counted(verified, 'closed month')} verified: the same statements again, and every law holds")
