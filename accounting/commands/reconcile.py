"""`acct reconcile`: what the sources list against what is billed."""

from typing import Annotated

import typer

from accounting.commands.context import (
    OutputFormat,
    SourceNames,
    chosen_sources,
    progress,
    settings,
    terminal_width,
    write_out,
)
from accounting.errors import AcctError
from accounting.text import counted


def add_to(app: typer.Typer) -> None:
    app.command()(reconcile)


def reconcile(
    context: typer.Context,
    names: SourceNames = None,
    format_: Annotated[OutputFormat, typer.Option("--format", help="How to print it.")] = OutputFormat.text,
) -> None:
    """Compare, to the byte, what sources list with what is reachable and billed.

    Example: acct reconcile images
    """
    from accounting.billing.reconciling import reconcile as reconcile_source
    from accounting.rendering.sources import reconciliation_json, reconciliation_text

    here = settings(context)
    found = []
    for source in chosen_sources(here.config, names):
        if source.layout == "database":
            if names:
                raise AcctError(f"source {source.name}", "is a database, and keeps no blobs", "name another source")
            continue
        with progress(f"reconciling {source.name}") as news:
            found.append(reconcile_source(here.ledger, source, here.config.folder, news))
    if format_ is OutputFormat.json:
        write_out(reconciliation_json(found), None)
    else:
        write_out("\n".join(reconciliation_text(one, terminal_width()) for one in found), None)
    for one in found:
        if one.unknown.objects:
            keys = ", ".join(map(repr, one.unknown_keys)) + (
                " and more" if one.unknown.objects > len(one.unknown_keys) else ""
            )
            raise AcctError(
                f"source {one.source}",
                f"has {counted(one.unknown.objects, 'key')} of {one.unknown.size_bytes:,} bytes that fit nowhere "
                f"in its layout: {keys}",
                "find out who wrote them, and remove them",
            )
