"""`acct export`: a month for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import Group, Month_, appearing, month_of, settings, showing_progress
from accounting.errors import AcctError

_group = typer.Typer(cls=Group)


class FocusVersion(StrEnum):
    """The versions of FOCUS that can be written."""

    v1_2 = "1.2"


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="export")


@_group.callback()
def _export() -> None:
    """Export a month for other tools.

    Example: acct export focus --month 2026-10 --output 2026-10.csv
    """


@_group.command()
def focus(
    context: typer.Context,
    month: Month_,
    output: Annotated[Path, typer.Option(metavar="FILE", help="The file to write: .csv or .parquet.")],
    focus_version: Annotated[FocusVersion, typer.Option(help="The version of the specification.")] = FocusVersion.v1_2,
) -> None:
    """Write a month's costs of all workspaces as FOCUS rows.

    Example: acct export focus --month 2026-10 --output 2026-10.parquet
    """
    from accounting.exports.focus import invoices, price_decimals
    from accounting.exports.focus_files import write_csv, write_parquet
    from accounting.ledger import reading

    ending = output.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise AcctError(f"--output {output}", "does not end in .csv or .parquet", "change its name")
    wanted = month_of(month)
    with (
        showing_progress(f"exporting {wanted}"),
        reading(settings(context).ledger) as ledger,
        appearing(output) as file,
    ):
        if ending == ".csv":
            write_csv(invoices(ledger, wanted), file)
        else:
            write_parquet(invoices(ledger, wanted), price_decimals(ledger, wanted), file)
