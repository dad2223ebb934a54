"""`acct close`: seal a month."""

import sys
from typing import Annotated

import typer

from accounting.commands.context import Month_, month_of, say, settings, showing_progress
from accounting.errors import AcctError
from accounting.text import counted


def add_to(app: typer.Typer) -> None:
    app.command()(close)


def close(
    context: typer.Context,
    month: Month_,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    without_rates: Annotated[
        bool, typer.Option("--without-rates", help="Seal statements without amounts if no rate card is loaded.")
    ] = False,
) -> None:
    """Seal a final month: its statements never change again.

    Example: acct close --month 2026-10 --yes
    """
    from accounting.closing.closing import close as close_month
    from accounting.closing.closing import months_left_open, require_closable
    from accounting.facts.cards import card_in_force
    from accounting.facts.sealed import is_closed
    from accounting.ledger import reading, writing

    wanted = month_of(month)
    path = settings(context).ledger
    with reading(path, before_writing=True) as ledger:
        if is_closed(ledger, wanted):
            say(f"{wanted}: already closed; nothing changed")
            return
        require_closable(ledger, wanted)
        left, has_rates = months_left_open(ledger, wanted), bool(card_in_force(ledger).rates)
    if left is not None:
        first, last = left
        months = f"{first} is" if first == last else f"{first} to {last} are"
        say(f"{wanted}: {months} not closed, and cannot be closed after {wanted} is")
    if not has_rates:
        if not without_rates:
            raise AcctError(
                f"month {wanted}",
                "would be sealed without amounts, because no rate card is loaded",
                "load one with `acct rates load FILE`, or give --without-rates",
            )
        say(f"{wanted}: no rate card is loaded, so statements are sealed without amounts")
    if not yes:
        if not sys.stdin.isatty():
            what = "closing needs a confirmation, and standard input is not a terminal"
            raise AcctError(f"month {wanted}", what, "give --yes to confirm")
        typer.confirm(f"Seal {wanted}? Its statements will never change again.", abort=True, err=True)
    with showing_progress(f"closing {wanted}") as progress, writing(path) as ledger:
        sealed = close_month(ledger, wanted, progress)
    if sealed is None:
        say(f"{wanted}: already closed; nothing changed")
    else:
        say(f"{wanted}: closed, {counted(sealed, 'statement')} sealed")
