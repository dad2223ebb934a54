"""`acct rates`: the rate card, and a month under another card."""

from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import (
    Group,
    Output,
    OutputFormat,
    PrintedFormat,
    WrittenFormat,
    format_of,
    month_of,
    say,
    settings,
    showing_progress,
    write_out,
    write_text,
)
from accounting.errors import CHECK_PATH, AcctError

_group = typer.Typer(cls=Group)
_File = Annotated[Path, typer.Argument(metavar="FILE", help="A rate card in TOML.")]
_OptionalFile = Annotated[Path | None, typer.Argument(metavar="FILE", help="A rate card in TOML.")]
_Example = Annotated[
    str | None, typer.Option(metavar="NAME", help="Use an example card that comes with acct instead of a file.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="rates")


@_group.callback()
def _rates() -> None:
    """Load, show, check or compare rate cards.

    Example: acct rates load rates.toml
    """


@_group.command()
def load(
    context: typer.Context,
    file: _OptionalFile = None,
    example: _Example = None,
    retroactive: Annotated[
        bool,
        typer.Option("--retroactive", help="Also apply it to closed months, as corrections on the next open month."),
    ] = False,
) -> None:
    """Check a rate card and put it in force for all open months.

    Example: acct rates load rates.toml
    """
    from accounting.facts.cards import load_card
    from accounting.ledger import writing

    name, text = _card(file, example)
    with writing(settings(context).ledger) as ledger:
        new = load_card(ledger, text, retroactive)
    say(f"{name}: in force" if new else f"{name}: already in force; nothing changed")


@_group.command()
def show(context: typer.Context, format_: PrintedFormat = OutputFormat.text) -> None:
    """Print the rate card that is in force, as it was loaded.

    Example: acct rates show
    """
    from accounting.facts.cards import card_text
    from accounting.ledger import reading
    from accounting.rates.ratecard import card_json

    path = settings(context).ledger
    with reading(path) as ledger:
        text = card_text(ledger)
    if text is None:
        raise AcctError(f"ledger {path}", "has no rate card", "load one with `acct rates load FILE`")
    write_out(card_json(text) if format_ is OutputFormat.json else text, None)


@_group.command()
def check(file: _File) -> None:
    """Check a rate card without loading it.

    Example: acct rates check rates.toml
    """
    _checked(file)
    say(f"{file}: the rate card is valid")


@_group.command()
def compare(
    context: typer.Context,
    month_: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month.")],
    file: _OptionalFile = None,
    example: _Example = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", "-w", metavar="W", help="One workspace [default: all]")
    ] = None,
    format_: WrittenFormat = None,
    output: Output = None,
) -> None:
    """Show a month under another rate card, without loading it.

    Example: acct rates compare next-year.toml --month 2026-10 --workspace acme
    """
    from accounting.analysis.comparing import compare as compared
    from accounting.ledger import reading
    from accounting.rendering.analysis.comparison import comparisons_json, comparisons_text

    as_ = format_of(OutputFormat, format_, output)
    wanted = month_of(month_)
    name, text = _card(file, example)
    with showing_progress("comparing rate cards"), reading(settings(context).ledger) as ledger:
        comparisons = list(compared(ledger, wanted, text, name, workspace))
    if as_ is OutputFormat.json:
        write_out(comparisons_json(comparisons, name, str(wanted)), output)
    else:
        write_text(lambda width: comparisons_text(comparisons, name, width), output)


def _card(file: Path | None, example: str | None) -> tuple[str, str]:
    """The name of a card and its TOML, from a file or from the examples."""
    from accounting.rates.example_cards import example_text

    if file is not None and example is None:
        return str(file), _checked(file)
    if example is not None and file is None:
        return example, example_text(example)
    raise typer.BadParameter("Give either FILE or --example NAME.")


def _checked(file: Path) -> str:
    from accounting.rates.ratecard import parse_card

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", CHECK_PATH) from error
    except UnicodeDecodeError as error:
        raise AcctError(str(file), "is not encoded in UTF-8", "save it as UTF-8") from error
    parse_card(text, str(file))
    return text
