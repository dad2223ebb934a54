"""`acct forecast`: this month's and the next months' bills."""

from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import (
    Output,
    OutputFormat,
    Workspace,
    WrittenFormat,
    format_of,
    settings,
    showing_progress,
    write_out,
    write_text,
)
from accounting.errors import AcctError


def add_to(app: typer.Typer) -> None:
    app.command()(forecast)


def forecast(
    context: typer.Context,
    workspace: Workspace,
    format_: WrittenFormat = None,
    output: Output = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw a chart to this file.")] = None,
) -> None:
    """Forecast the bills of this month and the next three.

    Example: acct forecast --workspace acme --plot acme.svg
    """
    from accounting.analysis.forecasting import forecast as forecast_of
    from accounting.rendering.analysis.forecast import forecast_json, forecast_text
    from accounting.rendering.analysis.forecast_chart import forecast_chart

    as_ = format_of(OutputFormat, format_, output)
    if plot is not None and plot.suffix.lower() != ".svg":
        raise AcctError(f"--plot {plot}", "does not end in .svg", "change its name; only SVG is supported")
    with showing_progress(f"forecasting {workspace}"):
        found = forecast_of(settings(context).ledger, workspace)
    if plot is not None:
        write_out(forecast_chart(found), plot)
    if as_ is OutputFormat.json:
        write_out(forecast_json(found), output)
    else:
        write_text(lambda width: forecast_text(found, width), output)
