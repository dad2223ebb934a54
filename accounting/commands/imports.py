"""`acct import`: snapshots, lifecycle events and links from files."""

import time
from collections.abc import Mapping
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accounting.commands.context import Group, instant, say, say_what_was_uploaded_again, settings, showing_progress
from accounting.commands.pipes import as_files, shown
from accounting.instants import format_instant
from accounting.text import counted, unseen, visible

if TYPE_CHECKING:
    from accounting.facts.snapshots import Taken

_NAMED = 3  # at most so many sources are named in a note


class Acceptable(StrEnum):
    """The words that --accept takes for a snapshot file."""

    sizes = "sizes"
    future = "future"


_group = typer.Typer(cls=Group)


def add_to(app: typer.Typer) -> None:
    app.add_typer(_group, name="import")


@_group.callback()
def _import() -> None:
    """Import snapshots, lifecycle events or links from files.

    Example: acct import events events.jsonl
    """


@_group.command()
def snapshot(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="A .csv, .jsonl or .parquet file of references.")],
    source: Annotated[str, typer.Option(metavar="NAME", help="The source of the snapshot.")],
    taken_at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT", help="When it was taken: ISO 8601 with an offset [default: from the end of its name]"
        ),
    ] = None,
    served: Annotated[
        bool,
        typer.Option("--served", help="The snapshot shows what a registry's API serves, without deleted packages."),
    ] = False,
    accept: Annotated[
        list[Acceptable] | None,
        typer.Option(
            help="Accept a snapshot that is refused otherwise: sizes, if the size of a digest has changed; future, if"
            " the instant is in the future."
        ),
    ] = None,
) -> None:
    """Import all references that a source held at one instant.

    Several files need names that end in their instants, such as images_2026-10-01T000000Z.csv. They are imported in the
    order of these instants, all of them or none.

    Example: acct import snapshot images.csv --source images --taken-at 2026-10-01T00:00:00Z
    """
    from accounting.facts.snapshot_files import offer_of, take_in_files
    from accounting.facts.sources import source_states
    from accounting.ledger import writing

    instants = sorted(zip(files, _instants(files, taken_at), strict=True), key=itemgetter(1))
    accepted = frozenset(accept or ())
    with as_files(files) as read, showing_progress("importing") as progress:
        offers = [offer_of(source, read[file], at, served, accepted) for file, at in instants]
        with writing(settings(context).ledger, readable=list(read.values())) as ledger:
            before = {state.name: state.references for state in source_states(ledger)}
            taken = take_in_files(ledger, offers, progress)
    for (file, at), each in zip(instants, taken, strict=True):
        name = source if len(files) == 1 else f"{shown(file)}, {source}"
        _say_what_came(name, each)
        if not each.repeated:
            _note_what_may_be_wrong(name, source, each, before)
            before[source] = each.references
        if at > time.time():
            say(f"{name}: its instant {format_instant(at)} is in the future; no earlier snapshot can follow it")
    say_what_was_uploaded_again(settings(context).ledger)


def _instants(files: list[Path], taken_at: str | None) -> list[int]:
    """When the snapshots in files were taken: the instant given for a single file, or that at the end of each name."""
    from accounting.collectors.files.snapshot_names import instant_of

    if taken_at is not None:
        if len(files) > 1:
            raise typer.BadParameter("--taken-at is for one file. With several files, each name ends in its instant.")
        return [instant("--taken-at", taken_at)]
    instants = []
    for file in files:
        at = instant_of(file)
        if at is None:
            how = "Give --taken-at INSTANT." if len(files) == 1 else "Rename it, or import it alone with --taken-at."
            raise typer.BadParameter(f"{file}: the name does not end in an instant such as _2026-10-01T000000Z. {how}")
        instants.append(at)
    return instants


def _say_what_came(name: str, taken: "Taken") -> None:
    if taken.repeated:
        say(f"{name}: this snapshot is already in the ledger; nothing changed")
    else:
        say(f"{name}: {counted(taken.references, 'reference')}, {taken.opened:,} new, {taken.closed:,} gone")


def _note_what_may_be_wrong(name: str, source: str, taken: "Taken", before: Mapping[str, int]) -> None:
    """Note what may be a mistake: a new source, or a large loss. `before` has the earlier sources' reference counts."""
    if source not in before:
        shown = ", ".join(visible(name) for name in list(before)[:_NAMED])
        known = shown + (f" and {len(before) - _NAMED:,} more" if len(before) > _NAMED else "")
        remedy = f" If you meant an existing source ({known}), import the file for it and retire this one."
        say(f"{name}: a new source; nothing of it is billed before this snapshot.{remedy if before else ''}")
    elif taken.loss:
        say(
            f"{name}: {taken.loss} since the previous snapshot. If the file was truncated, restore the ledger from a"
            " backup and import the whole file. Without a backup, import the whole file with a later --taken-at; what"
            " is missing here is then not billed from the previous snapshot until that instant."
        )


@_group.command()
def events(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="CloudEvents as JSON Lines or as a JSON array; - is standard input."),
    ],
) -> None:
    """Import what was created, linked, deleted and restored, and when.

    Example: acct import events events.jsonl
    """
    from accounting.collectors.files import event_file
    from accounting.facts.events import record
    from accounting.ledger import writing

    with as_files(files) as copies, showing_progress("importing events"):
        relations = {file: event_file.relation(copy) for file, copy in copies.items()}
        with writing(settings(context).ledger, readable=list(copies.values())) as ledger:
            recorded = {shown(file): record(ledger, copies[file], relation) for file, relation in relations.items()}
    for file, counts in recorded.items():
        others = f"{counts.known:,} already known, {counts.foreign:,} of other types skipped"
        say(f"{file}: {counted(counts.new, 'new event')}, {others}{unseen(counts.unseen)}")
        if counts.latest_at is not None and counts.latest_at > time.time():
            say(f"{file}: an event is in the future, at {format_instant(counts.latest_at)}, and takes effect then")
        if counts.unlisted_plans:
            (workspace, plan), *more = counts.unlisted_plans
            others = f"; this is true of {len(more):,} more" if more else ""
            say(
                f"{visible(workspace)} has the plan {plan!r}, which the rate card does not list: bills are refused"
                f" until the plan or the card is corrected{others}"
            )
    say_what_was_uploaded_again(settings(context).ledger)


@_group.command()
def links(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv file of packages and repositories.")],
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="When changed links take effect [default: now]")
    ] = None,
) -> None:
    """Import which packages are linked to which repositories.

    A package that was never linked before counts as linked from the start.

    Example: acct import links links.csv
    """
    from accounting.collectors.files import links_file
    from accounting.facts.events import record_links
    from accounting.ledger import writing

    linked_at = instant("--at", at) if at is not None else int(time.time())
    with as_files([file]) as files, showing_progress(f"importing {file}"):
        read = files[file]
        relation = links_file.relation(read)
        with writing(settings(context).ledger, readable=[read]) as ledger:
            linked = record_links(ledger, read, relation, linked_at)
    say(f"{file}: {counted(linked.packages, 'package')}, {linked.changed:,} newly linked{unseen(linked.unseen)}")
