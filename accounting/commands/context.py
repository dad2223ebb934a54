"""What every command needs: the ledger and the configuration, instants, output, progress."""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import typer
from typer.core import TyperGroup

from accounting.config import Config, find_ledger
from accounting.errors import AcctError
from accounting.instants import Month, parse_instant
from accounting.model import Source
from accounting.tables import folded
from accounting.text import shortened

SourceNames = Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="Sources in acct.toml [default: all]")]
Month_ = Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month.")]
Workspace = Annotated[
    str, typer.Option("--workspace", "-w", metavar="W", help="The workspace, as the registry names it.")
]
FORMAT = typer.Option("--format", help="The format [default: from the name of --output, else text]")
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write to this file instead of printing.")
]

F = TypeVar("F", bound=StrEnum)
_quiet = ContextVar("_quiet", default=False)
_status: ContextVar[Callable[[str], None] | None] = ContextVar("_status", default=None)


class OutputFormat(StrEnum):
    """The formats of most results: one for people and one for programs."""

    text = "text"
    json = "json"


PrintedFormat = Annotated[OutputFormat, typer.Option("--format", help="The format.")]
WrittenFormat = Annotated[OutputFormat | None, FORMAT]


class Group(TyperGroup):
    """A group of commands, which shows its help if no command is given, as gh and restic do."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ([] if ctx.resilient_parsing else ["--help"]))


@dataclass(frozen=True)
class Settings:
    """The ledger and the configuration that this call uses."""

    ledger: Path
    config: Config


def settings(context: typer.Context) -> Settings:
    """Options override ACCT_LEDGER and ACCT_CONFIG (typer has merged them), and these override acct.toml here."""
    return Settings(*find_ledger(*context.obj))


def chosen_sources(config: Config, names: list[str] | None) -> list[Source]:
    """The configured sources of these names, or all of them; AcctError if there are none."""
    configured = {source.name: source for source in config.sources}
    if config.file is None:
        hint = "create one, change to a folder that has one, or give one with --config"
        raise AcctError(str(config.folder), "there is no acct.toml in this folder", hint)
    if not configured:
        raise AcctError(str(config.file), "has no source", "add a [[source]], or give another file with --config")
    for name in names or []:
        if name not in configured:
            raise AcctError(f"source {name}", "is not configured", f"use one of {', '.join(configured)}")
    return [configured[name] for name in dict.fromkeys(names or configured)]


def instant(option: str, text: str) -> int:
    """Epoch seconds of an INSTANT argument; AcctError if it is not an instant or has no offset."""
    try:
        return parse_instant(text)
    except ValueError:
        raise AcctError(
            f"{option} {text}", "is not an ISO 8601 instant with an offset", "write it as 2026-10-01T00:00:00Z"
        ) from None


def month(text: str | None) -> Month | None:
    """The value of an optional --month."""
    return None if text is None else month_of(text)


def month_of(text: str) -> Month:
    """The value of a required --month; a usage error if it is not a month."""
    try:
        return Month.parse(text)
    except AcctError as error:
        raise typer.BadParameter(str(error)) from None


def month_range(text: str) -> list[Month]:
    """The months of FIRST..LAST, both included; a usage error if it is not a range."""
    first, _, last = text.partition("..")
    try:
        months, end = [Month.parse(first)], Month.parse(last)
    except AcctError as error:
        raise typer.BadParameter(f"{error} Write a range as 2026-01..2026-06.") from None
    if end < months[0]:
        raise typer.BadParameter(f"months {text!r}: the last month is before the first. Swap them.")
    while months[-1] < end:
        months.append(months[-1].next)
    return months


def format_of(kinds: type[F], wanted: F | None, output: Path | None) -> F:
    """The format that was given, else that of the file's suffix, else text; AcctError for an unknown suffix."""
    if wanted is not None:
        return wanted
    ending = output.suffix[1:].lower() if output else ""
    if ending in ("", "txt"):
        return kinds("text")
    if ending not in set(kinds):
        known = ", ".join(".txt" if kind == "text" else f".{kind}" for kind in kinds)
        raise AcctError(f"--output {output}", f"does not end in one of {known}", "change its name, or give --format")
    return kinds(ending)


def be_quiet() -> None:
    """From here on, show no notes and no progress; errors are always shown."""
    _quiet.set(True)


def say(text: str) -> None:
    """Print a note for people on standard error."""
    if not _quiet.get():
        _tell(shortened(text))


def say_what_was_uploaded_again(ledger_path: Path) -> None:
    """Print a note for each package that was uploaded after its deletion, with the event that corrects this."""
    from accounting.ledger import reading
    from accounting.pages.unseen import reuploaded_now
    from accounting.rendering.status import reuploaded_sentence

    with reading(ledger_path) as ledger:
        for package in reuploaded_now(ledger):
            say(reuploaded_sentence(package))


def refuse(error: AcctError) -> None:
    """Print on standard error why something is refused."""
    _tell(f"acct: {error}")


def _tell(text: str) -> None:
    with suppress(BrokenPipeError):  # nobody reads the notes, but the work continues
        typer.echo(text, err=True)


def terminal_width(output: Path | None = None) -> int | None:
    """The columns of standard output if it is a terminal; else None, and nothing is folded."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None


def write_out(content: str | bytes, output: Path | None) -> None:
    """Write to standard output, or to a file that appears whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    if output is not None:
        with appearing(output) as file:
            file.write(data)
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        give_up_printing()
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough is not an error
            what = f"cannot be written: {error.strerror}"
            raise AcctError("standard output", what, "free some space, or give --output") from error


def write_text(draw: Callable[[int | None], str], output: Path | None = None) -> None:
    """Write the text that `draw` makes for the columns of the terminal (None: a file or a pipe), folded to them."""
    width = terminal_width(output)
    write_out(folded(draw(width), width), output)


def give_up_printing() -> None:
    """Discard what is left in the buffer of standard output, which would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def appearing(output: Path) -> Iterator[BinaryIO]:
    """A file beside `output`, which replaces it when the block ends without an error.

    Raises AcctError if it cannot be written; then, as after any error, an earlier file is unchanged.
    """
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name[:80]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            Path(name).replace(output)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise AcctError(
            str(output), f"cannot be written: {error.strerror or error}", "give another --output"
        ) from error


def show_waiting(words: str) -> None:
    """Show what a command waits for: as its progress if that is shown, else as a note."""
    (_status.get() or say)(words)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def showing_progress(task: str) -> Iterator[Callable[[str], None]]:
    """Show the progress of a task on standard error, if that is a terminal, once it takes more than a second.

    The block gets a function and calls it with a few words of progress.
    """
    if _quiet.get() or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.markup import escape

    status = Console(stderr=True).status(escape(task))
    start = threading.Timer(1, status.start)
    start.start()

    def update(progress: str) -> None:
        status.update(escape(f"{task}: {progress}"))

    shown = _status.set(update)
    try:
        yield update
    finally:
        _status.reset(shown)
        start.cancel()
        status.stop()
