"""`acct status`: what the ledger contains and until when it is complete."""

import typer

from accounting.commands.context import OutputFormat, PrintedFormat, settings, write_out, write_text


def add_to(app: typer.Typer) -> None:
    app.command()(status)


def status(
    context: typer.Context,
    format_: PrintedFormat = OutputFormat.text,
) -> None:
    """Show sources, coverage, gaps, and months.

    Example: acct status
    """
    from accounting.billing.usage import coverage
    from accounting.facts.broken import broken_now
    from accounting.facts.sources import databases_asked, months_known, source_states
    from accounting.ledger import reading
    from accounting.pages.unseen import hidden_now, reuploaded_now
    from accounting.rendering.status import Status, status_json, status_text

    with reading(settings(context).ledger) as ledger:
        sources = source_states(ledger)
        covered_until = coverage(ledger) if sources else None
        months = months_known(ledger, covered_until)
        databases = databases_asked(ledger)
        hidden = hidden_now(ledger)
        again = reuploaded_now(ledger)
        broken = broken_now(ledger)
    found = Status(tuple(sources), tuple(databases), covered_until, tuple(months), hidden, tuple(again), tuple(broken))
    if format_ is OutputFormat.json:
        write_out(status_json(found), None)
    else:
        write_text(lambda width: status_text(found, width))
