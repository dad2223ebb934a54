"""`acct forecast`: this month's and the next months' bills."""

from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import OutputFormat, Workspace, progress, settings, terminal_width, write_out


def add_to(app: typer.Typer) -> None:
    app.command()(forecast)


def forecast(
    context: typer.Context,
    workspace: Workspace,
    format_: Annotated[
        OutputFormat | None, typer.Option("--format", help="text unless --output has another ending")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A file to write instead of printing.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="A file to draw it in.")] = None,
) -> None:
    """Forecast the bills of this month and the next three.

    Example: acct forecast --workspace acme --plot acme.svg
    """
    from accounting.foresight.forecasting import forecast as forecast_of
    from accounting.rendering.forecast import forecast_json, forecast_text
    from accounting.rendering.forecast_chart import forecast_chart

    if format_ is None:
        ending = output.suffix[1:].lower() if output else ""
        format_ = OutputFormat(ending) if ending in set(OutputFormat) else OutputFormat.text
    with progress(f"forecasting {workspace}"):
        told = forecast_of(settings(context).ledger, workspace)
    if plot is not None:
        write_out(forecast_chart(told), plot)
    if format_ is OutputFormat.json:
        write_out(forecast_json(told), output)
    else:
        write_out(forecast_text(told, None if output else terminal_width()), output)
