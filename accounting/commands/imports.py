"""`acct import`: snapshots, lifecycle events and links from files."""

import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accounting.commands.context import Group, instant, progress, say, say_what_was_uploaded_again, settings
from accounting.commands.pipes import as_files, shown
from accounting.text import counted, unseen, visible

if TYPE_CHECKING:
    from accounting.facts.snapshots import Taken

_NAMED = 3  # of many, so many are named

_group = typer.Typer(cls=Group)


class Acceptable(StrEnum):
    """What --accept of an import knows."""

    sizes = "sizes"
    future = "future"


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="import")


@_group.callback()
def _import() -> None:
    """Take in snapshots, lifecycle events or links from files.

    Example: acct import events events.jsonl
    """


@_group.command()
def snapshot(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .jsonl or .parquet file of references.")],
    source: Annotated[str, typer.Option(metavar="NAME", help="Whose snapshot it is.")],
    taken_at: Annotated[str, typer.Option(metavar="INSTANT", help="When it was taken: ISO 8601 with an offset.")],
    served: Annotated[
        bool, typer.Option("--served", help="It shows what a registry's API serves, which hides what was deleted.")
    ] = False,
    accept: Annotated[
        list[Acceptable] | None,
        typer.Option(help="Take what is refused otherwise: sizes, where a digest has another size than before."),
    ] = None,
) -> None:
    """Take in all references that one source held at one instant.

    Example: acct import snapshot images.csv --source images --taken-at 2026-10-01T00:00:00Z
    """
    from accounting.collectors import snapshot_file
    from accounting.facts.snapshots import Offer, digest_of_file, take_in
    from accounting.facts.sources import source_states
    from accounting.ledger import writing

    at = instant("--taken-at", taken_at)
    with as_files([file]) as files, progress(f"importing {file}") as news:
        read = files[file]
        digest = digest_of_file(read)
        rows = snapshot_file.relation(read)
        offer = Offer(
            source,
            at,
            digest,
            rows,
            lambda row: snapshot_file.position(read, row),
            read,
            served=served,
            accepted=frozenset({"loss", *(accept or ())}),
        )
        with writing(settings(context).ledger, readable=[read]) as ledger:
            news("comparing it with the snapshot before")
            before = {state.name: state.references for state in source_states(ledger)}
            taken = take_in(ledger, offer)
    if taken.repeated:
        say(f"{source}: this snapshot is in the ledger already; nothing changed")
    else:
        say(f"{source}: {counted(taken.references, 'reference')}, {taken.opened:,} new, {taken.closed:,} gone")
        _note_what_may_be_wrong(source, taken, before)
    say_what_was_uploaded_again(settings(context).ledger)
    if at > time.time():
        say(f"{source}: --taken-at {taken_at} lies in the future; earlier snapshots cannot follow it")


def _note_what_may_be_wrong(source: str, taken: "Taken", before: Mapping[str, int]) -> None:
    """A name or a file that may not be what was meant; `before` has the sources before it, and their references."""
    if source not in before:
        shown = ", ".join(visible(name) for name in list(before)[:_NAMED])
        known = shown + (f" and {len(before) - _NAMED:,} more" if len(before) > _NAMED else "")
        remedy = f"; if one that is there was meant ({known}), import the file for it and retire this one"
        say(f"{source}: a new source, of which nothing is billed before this snapshot{remedy if before else ''}")
    elif taken.loss:
        say(
            f"{source}: more than half of what the snapshot before held is gone; if the file was cut short, put back a"
            " copy of the ledger from before and import the whole file; without a copy, import it with a later"
            " --taken-at, and what is missing is not billed from the snapshot before until then"
        )


@_group.command()
def events(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="CloudEvents, JSON Lines or a batch; - is standard input.")
    ],
) -> None:
    """Take in what was created, linked, deleted, restored, and when.

    Example: acct import events events.jsonl
    """
    from accounting.collectors import event_file
    from accounting.facts.events import record
    from accounting.instants import format_instant
    from accounting.ledger import writing

    with as_files(files) as copies, progress("importing events"):
        relations = {file: event_file.relation(copy) for file, copy in copies.items()}
        with writing(settings(context).ledger, readable=list(copies.values())) as ledger:
            recorded = {shown(file): record(ledger, copies[file], relation) for file, relation in relations.items()}
    for file, counts in recorded.items():
        others = f"{counts.known:,} known already, {counts.foreign:,} of other types skipped"
        say(f"{file}: {counted(counts.new, 'new event')}, {others}{unseen(counts.unseen)}")
        if counts.latest_at is not None and counts.latest_at > time.time():
            say(f"{file}: an event lies in the future, at {format_instant(counts.latest_at)}, and counts then")
        if counts.unlisted_plans:
            (workspace, plan), *more = counts.unlisted_plans
            so_it_is = f"; so it is with {len(more):,} more" if more else ""
            say(
                f"{visible(workspace)} has the plan {plan!r}, which the rate card does not list: bills are refused"
                f" until one of them is corrected{so_it_is}"
            )
    say_what_was_uploaded_again(settings(context).ledger)


@_group.command()
def links(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv file of packages and repositories.")],
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="From when on a changed link counts [default: now]")
    ] = None,
) -> None:
    """Take in which packages are linked to which repositories.

    A package that was never linked before is taken to have been linked all along.

    Example: acct import links links.csv
    """
    from accounting.collectors import links_file
    from accounting.facts.events import record_links
    from accounting.ledger import writing

    linked_at = instant("--at", at) if at is not None else int(time.time())
    with as_files([file]) as files, progress(f"importing {file}"):
        read = files[file]
        relation = links_file.relation(read)
        with writing(settings(context).ledger, readable=[read]) as ledger:
            linked = record_links(ledger, read, relation, linked_at)
    say(f"{file}: {counted(linked.packages, 'package')}, {linked.changed:,} newly linked{unseen(linked.unseen)}")
