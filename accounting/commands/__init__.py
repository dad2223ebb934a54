"""The command line: one file per command or group; each parses, calls and prints, and computes nothing.

Modules that import duckdb, polars or boto3 are imported when a command runs, so that `acct --help` is quick.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands import (
    close,
    collect,
    demo,
    explain,
    export,
    imports,
    names,
    rates,
    reconcile,
    report,
    run,
    source,
    status,
    verify,
)
from accounting.errors import AcctError
from accounting.text import visible

app = typer.Typer(
    name="acct",
    help="What the storage of a package registry costs, and why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (demo, collect, imports, rates, report, run, explain, close, verify, status, reconcile, names, export,
             source):  # fmt: skip
    room.add_to(app)

_INTERRUPTED = 130
_GLOBAL_OPTIONS = ("--ledger", "--config")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"acct {version('package-accounting')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    ledger: Annotated[
        Path | None, typer.Option(envvar="ACCT_LEDGER", help="The ledger file [default: acct.duckdb here]")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(envvar="ACCT_CONFIG", help="The configuration [default: acct.toml here, if any]"),
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    context.obj = (ledger, config)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0 done, 1 refused, 2 a usage error, 3 not covered yet."""
    try:
        app(_globals_first(sys.argv[1:] if argv is None else argv), prog_name="acct")
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # typer has caught the signal
            typer.echo("acct: interrupted; what was not finished is not recorded", err=True)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except AcctError as error:
        typer.echo(f"acct: {visible(str(error))}", err=True)
        return error.exit_status
    return 0


def _globals_first(argv: Sequence[str]) -> list[str]:
    """--ledger and --config are taken wherever they stand, as users of aws and restic expect."""
    first: list[str] = []
    rest: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument == "--":
            rest += [argument, *arguments]
        elif argument in _GLOBAL_OPTIONS:
            first += [argument, *([value] if (value := next(arguments, None)) is not None else [])]
        else:
            (first if argument.startswith(tuple(f"{o}=" for o in _GLOBAL_OPTIONS)) else rest).append(argument)
    return first + rest
