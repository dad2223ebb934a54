"""`acct run`: the monthly billing run."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from accounting.commands.context import Month_, month_of, say, settings, showing_progress
from accounting.text import counted


def add_to(app: typer.Typer) -> None:
    app.command()(run)


def run(
    context: typer.Context,
    month: Month_,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to write: new, empty, or with the same content already.")
    ],
    provisional: Annotated[
        bool, typer.Option("--provisional", help="Bill a month that is not covered yet; every page says so.")
    ] = False,
) -> None:
    """Write every workspace's statement, a summary and an index page.

    Statements are written in every format, and a manifest lists the digest of every file.

    Example: acct run --month 2026-10 --out bills-2026-10
    """
    from accounting.ledger import reading
    from accounting.monthly.run import run as run_month

    wanted = month_of(month)
    with (
        _ended_in_order(),
        showing_progress(f"billing {wanted}") as progress,
        reading(settings(context).ledger) as ledger,
    ):
        summary = run_month(ledger, wanted, out, provisional, progress)
    if summary.currency is None:
        say(f"{wanted}: no rate card is loaded, so there are no amounts")
    say(f"{wanted}: {summary.status}, {counted(len(summary.workspaces), 'statement')} in {out}")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Make SIGTERM remove what the run has written, as an interrupt from the keyboard does."""

    def end(number: int, _: object) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
