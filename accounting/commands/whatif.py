"""`acct whatif`: what each way of deleting something would cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accounting.commands.context import (
    Group,
    Output,
    OutputFormat,
    WrittenFormat,
    format_of,
    instant,
    settings,
    showing_progress,
    write_out,
    write_text,
)
from accounting.errors import AcctError

if TYPE_CHECKING:
    from accounting.analysis.deleting import Kind

_group = typer.Typer(cls=Group)
_On = Annotated[
    str | None,
    typer.Option("--on", metavar="INSTANT", help="When it is deleted [default: the end of the evidence]"),
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="whatif")


@_group.callback()
def _whatif() -> None:
    """Show what each way of deleting something would cost.

    Example: acct whatif delete-repository acme/widgets
    """


@_group.command()
def delete_repository(
    context: typer.Context,
    repository: Annotated[str, typer.Argument(metavar="W/SLUG", help="The workspace and the repository in it.")],
    on: _On = None,
    format_: WrittenFormat = None,
    output: Output = None,
) -> None:
    """Compare deleting the packages or the repository first.

    Example: acct whatif delete-repository acme/widgets --on 2026-12-01T00:00:00Z
    """
    workspace, slug = _split(repository, 2, "W/SLUG")
    _show(context, "repository", workspace, slug, on, format_, output)


@_group.command()
def delete_workspace(
    context: typer.Context,
    workspace: Annotated[str, typer.Argument(metavar="W", help="The workspace.")],
    on: _On = None,
    format_: WrittenFormat = None,
    output: Output = None,
) -> None:
    """Compare deleting the packages or the workspace first.

    Example: acct whatif delete-workspace acme
    """
    _show(context, "workspace", workspace, workspace, on, format_, output)


@_group.command()
def delete_package(
    context: typer.Context,
    package: Annotated[str, typer.Argument(metavar="W/FORMAT/NAME", help="The workspace and the package in it.")],
    on: _On = None,
    format_: WrittenFormat = None,
    output: Output = None,
) -> None:
    """Compare deleting a package and keeping it.

    Example: acct whatif delete-package acme/npm/@acme/ui
    """
    workspace, name = _split(package, 3, "W/FORMAT/NAME")
    _show(context, "package", workspace, name, on, format_, output)


def _split(text: str, parts: int, shape: str) -> tuple[str, str]:
    """The workspace, and the name after the first slash."""
    workspace, _, name = text.partition("/")
    if not all(text.split("/", parts - 1)) or text.count("/") < parts - 1:
        raise AcctError(text, f"does not have the form {shape}", "write the workspace, a slash, and the name in it")
    return workspace, name


def _show(context: typer.Context, kind: "Kind", workspace: str, name: str, on: str | None,
          format_: WrittenFormat, output: Path | None) -> None:  # fmt: skip
    from accounting.analysis.whatif import what_if
    from accounting.rendering.analysis.whatif import whatif_json, whatif_text

    as_ = format_of(OutputFormat, format_, output)
    at = None if on is None else instant("--on", on)
    with showing_progress("billing each way") as progress:
        found = what_if(settings(context).ledger, kind, workspace, name, at, progress)
    if as_ is OutputFormat.json:
        write_out(whatif_json(found), output)
    else:
        write_text(lambda width: whatif_text(found, width), output)
