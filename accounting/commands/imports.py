"""`acct import`: snapshots, lifecycle events and links from files."""

import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from accounting.commands.context import instant, progress, say, settings
from accounting.text import counted, unseen

_group = typer.Typer(help="Take in a snapshot, lifecycle events or links from files.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="import")


@_group.command()
def snapshot(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .csv, .jsonl or .parquet file of references.")],
    source: Annotated[str, typer.Option(help="Whose snapshot it is.")],
    taken_at: Annotated[str, typer.Option(metavar="INSTANT", help="When it was taken: ISO 8601 with an offset.")],
) -> None:
    """Take in all references that one source held at one instant.

    Example: acct import snapshot images.csv --source images --taken-at 2026-10-01T00:00:00Z
    """
    from accounting.collectors import snapshot_file
    from accounting.facts.snapshots import Offer, digest_of_file, take_in
    from accounting.ledger import writing

    at = instant("--taken-at", taken_at)
    with progress(f"importing {file}") as news:
        digest = digest_of_file(file)
        rows = snapshot_file.relation(file)
        offer = Offer(source, at, digest, rows, lambda row: snapshot_file.position(file, row), file)
        with writing(settings(context).ledger, readable=[file]) as ledger:
            news("comparing it with the snapshot before")
            taken = take_in(ledger, offer)
    if taken.repeated:
        say(f"{source}: this snapshot is in the ledger already; nothing changed")
    else:
        say(f"{source}: {counted(taken.references, 'reference')}, {taken.opened:,} new, {taken.closed:,} gone")
    if at > time.time():
        say(f"{source}: --taken-at {taken_at} lies in the future; earlier snapshots cannot follow it")


@_group.command()
def events(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CloudEvents JSON Lines; - is standard input.")
    ],
) -> None:
    """Take in lifecycle events: what was created, linked, deleted and restored, and when.

    Example: acct import events events.jsonl
    """
    from accounting.collectors import event_file
    from accounting.facts.events import record
    from accounting.ledger import writing

    with ExitStack() as stack, progress("importing events"):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="acct-")))
        copies = {file: _standard_input(folder) if str(file) == "-" else file for file in files}
        relations = {file: event_file.relation(copy) for file, copy in copies.items()}
        with writing(settings(context).ledger, readable=list(copies.values())) as ledger:
            recorded = {
                file: record(ledger, copies[file], relation, _name_of(file)) for file, relation in relations.items()
            }
    for file, counts in recorded.items():
        others = f"{counts.known:,} known already, {counts.foreign:,} of other types skipped"
        say(f"{_name_of(file)}: {counted(counts.new, 'new event')}, {others}")


@_group.command()
def links(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .csv file of packages and repositories.")],
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="From when on a changed link counts [default: now]")
    ] = None,
) -> None:
    """Take in a table of packages and the repositories that they are linked to.

    A package that was never linked before is taken to have been linked all along.

    Example: acct import links links.csv
    """
    from accounting.collectors import links_file
    from accounting.facts.events import record_links
    from accounting.ledger import writing

    linked_at = instant("--at", at) if at is not None else int(time.time())
    with progress(f"importing {file}"):
        relation = links_file.relation(file)
        with writing(settings(context).ledger, readable=[file]) as ledger:
            linked = record_links(ledger, file, relation, linked_at)
    say(f"{file}: {counted(linked.packages, 'package')}, {linked.changed:,} newly linked{unseen(linked.unseen)}")


def _name_of(file: Path) -> str:
    return "standard input" if str(file) == "-" else str(file)


def _standard_input(folder: Path) -> Path:
    copy = folder / "standard-input.jsonl"
    with copy.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return copy
