"""`acct explain`: from a line of the bill to the evidence and the rules behind it."""

from enum import StrEnum
from typing import Annotated

import typer

from accounting.commands.context import (
    FORMAT,
    Month_,
    Output,
    Workspace,
    format_of,
    month_of,
    settings,
    showing_progress,
    write_out,
)

_BLOBS = 20  # per line, in text output


class ExplanationFormat(StrEnum):
    """The formats of an explanation."""

    text = "text"
    json = "json"
    csv = "csv"


def add_to(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    context: typer.Context,
    workspace: Workspace,
    month: Month_,
    package: Annotated[
        str | None, typer.Option(metavar="FORMAT/NAME", help="One package, such as npm/@acme/ui [default: all]")
    ] = None,
    format_: Annotated[ExplanationFormat | None, FORMAT] = None,
    output: Output = None,
) -> None:
    """Show how each line of a bill was computed.

    Example: acct explain --workspace acme --month 2026-10 --package container/team/api
    """
    from accounting.explaining.explaining import explain as explain_bill
    from accounting.ledger import reading
    from accounting.rendering.explaining.explanation import explanation_text
    from accounting.rendering.explaining.explanation_data import explanation_csv, explanation_json

    wanted = month_of(month)
    as_ = format_of(ExplanationFormat, format_, output)
    blobs = _BLOBS if as_ is ExplanationFormat.text else None
    with showing_progress(f"explaining {workspace}"), reading(settings(context).ledger) as ledger:
        explained = explain_bill(ledger, workspace, wanted, package, blobs)
    if as_ is ExplanationFormat.json:
        write_out(explanation_json(explained), output)
    elif as_ is ExplanationFormat.csv:
        write_out(explanation_csv(explained), output)
    else:
        write_out(explanation_text(explained), output)
