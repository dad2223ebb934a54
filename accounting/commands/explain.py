"""`acct explain`: from a line of the bill to everything that made it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import Workspace, month, progress, settings, write_out

_BLOBS = 20  # of each line, as text


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
    month_: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month.")],
    package: Annotated[
        str | None, typer.Option(metavar="FORMAT/NAME", help="One package, such as npm/@acme/ui [default: all]")
    ] = None,
    format_: Annotated[
        ExplanationFormat | None, typer.Option("--format", help="text unless --output has another ending")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A file to write instead of printing.")] = None,
) -> None:
    """Show how each line of a bill comes about: blobs, sharers, events, snapshots, rules.

    Example: acct explain --workspace acme --month 2026-10 --package container/team/api
    """
    from accounting.billing.explaining import explain as explain_bill
    from accounting.ledger import reading
    from accounting.rendering.explanation import explanation_text
    from accounting.rendering.explanation_data import explanation_csv, explanation_json

    wanted = month(month_)
    if format_ is None:
        ending = output.suffix[1:].lower() if output else ""
        format_ = ExplanationFormat(ending) if ending in set(ExplanationFormat) else ExplanationFormat.text
    blobs = _BLOBS if format_ is ExplanationFormat.text else None
    with progress(f"explaining {workspace}"), reading(settings(context).ledger) as ledger:
        explained = explain_bill(ledger, workspace, wanted, package, blobs)
    if format_ is ExplanationFormat.json:
        write_out(explanation_json(explained), output)
    elif format_ is ExplanationFormat.csv:
        write_out(explanation_csv(explained), output)
    else:
        write_out(explanation_text(explained), output)
