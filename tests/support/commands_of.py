"""What the command line knows: its commands, groups and options, for tests that read `--help` and README."""

from collections.abc import Iterator, Sequence
from typing import Any

from typer.main import get_command

from accounting.commands import app

ROOT = get_command(app)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and group with its full name, such as `acct rates load`, in the order of `--help`."""
    yield from _within("acct", ROOT)


def _within(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for each in getattr(command, "commands", {}):
        yield from _within(f"{name} {each}", command.commands[each])


def parse(words: Sequence[str]) -> None:
    """Read the words behind `acct` as the program does, and run nothing; raises a usage error as it would."""
    from accounting.commands import _globals_first

    command: Any = ROOT
    name, rest = "acct", _globals_first(words)
    while hasattr(command, "commands"):
        context = command.make_context(name, rest)
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, command, rest = command.resolve_command(context, rest)
    command.make_context(name, rest)
