"""`acct verify`: sealed months computed again."""

from typing import Annotated

import typer

from accounting.commands.context import OutputFormat, PrintedFormat, refuse, say, settings, showing_progress, write_out
from accounting.commands.context import month as month_or_none
from accounting.errors import AcctError
from accounting.text import counted


def add_to(app: typer.Typer) -> None:
    app.command()(verify)


def verify(
    context: typer.Context,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="The month [default: every closed month]")
    ] = None,
    format_: PrintedFormat = OutputFormat.text,
) -> None:
    """Compute closed months again, and check the ledger.

    Example: acct verify
    """
    from accounting.closing.verifying import closings_of
    from accounting.closing.verifying import verify as verify_months
    from accounting.ledger import reading
    from accounting.rendering.verify import verified_json

    wanted = month_or_none(month)
    with showing_progress("verifying") as progress, reading(settings(context).ledger) as ledger:
        closings = closings_of(ledger, wanted)
        differences = list(verify_months(ledger, closings, progress))
    if format_ is OutputFormat.json:
        write_out(verified_json(closings, differences), None)
    for difference in differences[:-1]:
        refuse(AcctError(difference.where, difference.what))
    if differences:
        raise AcctError(differences[-1].where, differences[-1].what, "restore the ledger from an earlier backup")
    say(f"{counted(len(closings), 'closed month')} verified: every statement is the same, and every check passed")
