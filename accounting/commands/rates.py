"""`acct rates`: the rate card."""

from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import say, settings, write_out
from accounting.errors import AcctError

_group = typer.Typer(help="Load, show or check the rate card.", no_args_is_help=True)
_File = Annotated[Path, typer.Argument(metavar="FILE", help="A rate card in TOML.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="rates")


@_group.command()
def load(
    context: typer.Context,
    file: _File,
    retroactive: Annotated[
        bool, typer.Option("--retroactive", help="Correct closed months by it, on the next open month.")
    ] = False,
) -> None:
    """Check a rate card and put it in force, as a whole, in place of the one before.

    Example: acct rates load rates.toml
    """
    from accounting.cards import load_card
    from accounting.ledger import writing

    text = _checked(file)
    with writing(settings(context).ledger) as ledger:
        new = load_card(ledger, text, retroactive)
    say(f"{file}: in force" if new else f"{file}: is in force already; nothing changed")


@_group.command()
def show(context: typer.Context) -> None:
    """Print the rate card that is in force, as it was loaded.

    Example: acct rates show
    """
    from accounting.cards import card_text
    from accounting.ledger import reading

    path = settings(context).ledger
    with reading(path) as ledger:
        text = card_text(ledger)
    if text is None:
        raise AcctError(f"ledger {path}", "holds no rate card", "load one with `acct rates load FILE`")
    write_out(text, None)


@_group.command()
def check(file: _File) -> None:
    """Check a rate card without loading it.

    Example: acct rates check rates.toml
    """
    _checked(file)
    say(f"{file}: is a rate card")


def _checked(file: Path) -> str:
    from accounting.ratecard import parse_card

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AcctError(str(file), "is not written in UTF-8", "save it as UTF-8") from error
    parse_card(text, str(file))
    return text
