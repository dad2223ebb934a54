"""`acct reconcile`: what the sources list, compared with what is billed."""

import typer

from accounting.commands.context import (
    Output,
    OutputFormat,
    SourceNames,
    WrittenFormat,
    chosen_sources,
    format_of,
    say,
    settings,
    showing_progress,
    write_out,
    write_text,
)
from accounting.errors import AcctError
from accounting.text import counted


def add_to(app: typer.Typer) -> None:
    app.command()(reconcile)


def reconcile(
    context: typer.Context,
    names: SourceNames = None,
    format_: WrittenFormat = None,
    output: Output = None,
) -> None:
    """Compare, byte for byte, what sources list with what is billed.

    Example: acct reconcile images
    """
    from accounting.reconciling import reconcile as reconcile_source
    from accounting.rendering.reconciliation import reconciliation_json, reconciliation_text

    as_ = format_of(OutputFormat, format_, output)
    here = settings(context)
    found = []
    for source in chosen_sources(here.config, names):
        if source.layout == "database":
            if names:
                raise AcctError(f"source {source.name}", "is a database and has no blobs", "name another source")
            continue
        with showing_progress(f"reconciling {source.name}") as progress:
            found.append(reconcile_source(here.ledger, source, here.config.folder, progress))
    if as_ is OutputFormat.json:
        write_out(reconciliation_json(found), output)
    else:
        write_text(lambda width: "\n".join(reconciliation_text(one, width) for one in found), output)
    for one in found:
        if not one.knows_noncurrent:
            say(
                f"{one.source}: the noncurrent versions of its objects are not included, because these credentials may"
                " not list them. Grant s3:ListBucketVersions to include them."
            )
    for one in found:
        if one.unknown.objects:
            keys = ", ".join(map(repr, one.unknown_keys)) + (
                " and more" if one.unknown.objects > len(one.unknown_keys) else ""
            )
            raise AcctError(
                f"source {one.source}",
                f"has {counted(one.unknown.objects, 'key')} with {counted(one.unknown.size_bytes, 'byte')}"
                f" that are not part of its layout: {keys}",
                "find out who wrote them; they are stored but billed to nobody, and they may belong to a customer",
            )
