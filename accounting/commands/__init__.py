"""The command line: one file per command or group; each parses, calls and prints, and computes nothing.

Modules that import duckdb, polars or boto3 are imported when a command runs, so that `acct --help` is quick.
"""

import os
import select
import sys
from collections.abc import Sequence
from contextvars import copy_context
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands import (
    advise,
    calendar,
    close,
    collect,
    demo,
    explain,
    export,
    forecast,
    guide,
    imports,
    names,
    rates,
    reconcile,
    report,
    run,
    source,
    status,
    verify,
    whatif,
)
from accounting.commands.context import Group, be_quiet, give_up_printing, refuse, show_waiting, write_out
from accounting.errors import AcctError
from accounting.waiting import wait_at_most

app = typer.Typer(
    name="acct",
    cls=Group,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for room in (demo, collect, imports, rates, report, run, explain, close, verify, status, reconcile, names, whatif,
             advise, calendar, forecast, export, source, guide):  # fmt: skip
    room.add_to(app)

_INTERRUPTED = 130
_GLOBAL_OPTIONS = ("--ledger", "--config", "--wait")
_GLOBAL_FLAGS = ("--quiet", "-q")


def _version(wanted: bool) -> None:
    if wanted:
        write_out(f"acct {version('package-accounting')}\n", None)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    ledger: Annotated[
        Path | None,
        typer.Option(metavar="PATH", envvar="ACCT_LEDGER", help="The ledger file [default: acct.duckdb here]"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="PATH", envvar="ACCT_CONFIG", help="The configuration [default: acct.toml here, if any]"),
    ] = None,
    wait: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=0, help="How long to wait for another process that holds the ledger."),
    ] = 60,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors only: no notes and no progress on standard error.")
    ] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Show what the storage of a package registry costs, and why.

    Example: acct report --workspace acme --month 2026-10

    These options may be given before or after the command.
    """
    context.obj = (ledger, config)
    wait_at_most(wait, show_waiting)
    if quiet:
        be_quiet()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 refused, 2 a usage error, 3 not covered yet."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller: no other file may get its number
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    arguments = _globals_first(sys.argv[1:] if argv is None else argv)
    return copy_context().run(_run, arguments)  # context variables that it sets do not outlive it


def _run(arguments: list[str]) -> int:
    try:
        app(arguments, prog_name="acct")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError) and _nobody_reads():  # from --help; commands handle their own
            return 0
        if end.code == _INTERRUPTED:  # typer has caught the signal
            typer.echo("acct: interrupted. Unfinished work was not recorded.", err=True)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except AcctError as error:
        refuse(error)
        return error.exit_status
    except BrokenPipeError:  # typer was printing a usage error, and nobody reads it
        return 2
    except OSError as error:
        give_up_printing()
        what = f"cannot be used: {error.strerror or error}"
        refuse(AcctError(str(error.filename or "standard output"), what, "check its permissions and the disk space"))
        return 1
    return 0


def _nobody_reads() -> bool:
    """Whether the reading end of standard output is closed."""
    standard_output = select.poll()
    standard_output.register(1, 0)
    return bool(standard_output.poll(0))


def _globals_first(argv: Sequence[str]) -> list[str]:
    """The arguments with global options first, so that these work anywhere, as in aws and restic."""
    first: list[str] = []
    rest: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument == "--":
            rest += [argument, *arguments]
        elif argument in _GLOBAL_OPTIONS:
            first += [argument, *([value] if (value := next(arguments, None)) is not None else [])]
        elif argument in _GLOBAL_FLAGS:
            first.append(argument)
        else:
            (first if argument.startswith(tuple(f"{o}=" for o in _GLOBAL_OPTIONS)) else rest).append(argument)
    if rest[:1] == ["help"]:  # as git and the AWS command line take it
        rest = [*rest[1:], "--help"]
    return first + rest
