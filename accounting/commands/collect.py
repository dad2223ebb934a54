"""`acct collect`: snapshots of the configured sources."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from accounting.commands.context import (
    Settings,
    SourceNames,
    chosen_sources,
    refuse,
    say,
    say_what_was_uploaded_again,
    settings,
    showing_progress,
)
from accounting.errors import AcctError
from accounting.model import Source
from accounting.text import counted, size, unseen, visible

if TYPE_CHECKING:
    from accounting.facts.collecting import Collection
    from accounting.facts.lifecycle import Changes
    from accounting.facts.snapshots import Resized


class Acceptable(StrEnum):
    """What --accept of a collection knows."""

    loss = "loss"
    broken = "broken"
    unbilled = "unbilled"


def add_to(app: typer.Typer) -> None:
    app.command()(collect)


def collect(
    context: typer.Context,
    names: SourceNames = None,
    accept: Annotated[
        list[Acceptable] | None,
        typer.Option(
            help="Take what is refused otherwise: loss, where most of what the source held is gone; broken, where many"
            " objects are broken that were not before; unbilled, where most of what it stores belongs to nothing that"
            " is billed."
        ),
    ] = None,
) -> None:
    """Take a snapshot of each configured source.

    A database is asked what was created, linked, deleted and restored.

    Example: acct collect images
    """
    chosen = settings(context)
    refusals = []
    for source in chosen_sources(chosen.config, names):
        try:
            with showing_progress(f"collecting {source.name}") as progress:
                said = _collect(chosen, source, progress, frozenset(accept or ()))
            say(said)
        except AcctError as refusal:  # the other sources have their snapshots all the same
            refusals.append(refusal)
    if chosen.ledger.exists():
        say_what_was_uploaded_again(chosen.ledger)
    for earlier in refusals[:-1]:
        refuse(earlier)
    if refusals:
        raise refusals[-1]


def _collect(chosen: Settings, source: Source, progress: Callable[[str], None], accepted: frozenset[str]) -> str:
    """Collect one source; gives one sentence about what came of it."""
    if source.layout == "database":
        from accounting.facts.lifecycle import collect as collect_lifecycle

        return changes_found(source.name, collect_lifecycle(chosen.ledger, source, progress, accepted))
    from accounting.facts.collecting import collect as collect_source

    return outcome(source.name, collect_source(chosen.ledger, source, chosen.config.folder, progress, accepted))


def outcome(source: str, collection: "Collection") -> str:
    """One sentence about what came of collecting a source, and the first of what is broken in it."""
    from accounting.rendering.broken import first_broken, objects

    taken = collection.taken
    if taken.repeated:
        return f"{source}: this snapshot or a later one is in the ledger already; nothing changed"
    notes = [f"{counted(taken.references, 'reference')}, {taken.opened:,} new, {taken.closed:,} gone"]
    unbilled = collection.unbilled
    if unbilled.unreachable_blobs:
        unreachable = f"{unbilled.unreachable_blobs:,} ({size(unbilled.unreachable_bytes)}, not billed)"
        notes.append(f"blobs that nothing reaches: {unreachable}")
    if unbilled.unknown_objects:
        unknown = f"{unbilled.unknown_objects:,} ({size(unbilled.unknown_bytes)}, not billed)"
        notes.append(f"objects that fit nowhere in the layout: {unknown}")
    if collection.missing_blobs:
        notes.append(f"blobs that manifests name and the registry does not store: {collection.missing_blobs:,}")
    if taken.resized:
        notes.append(resized(taken.resized))
    if collection.empty:
        notes.append("no registry is there yet")
    if collection.broken:
        notes.append(f"broken objects: {objects(collection.broken):,}")
    return "\n".join([f"{source}: " + "; ".join(notes), *first_broken(collection.broken)])


def resized(digests: "Sequence[Resized]") -> str:
    """The part of a sentence about digests that have another size than before."""
    first = digests[0]
    return (
        f"digests that have another size than before: {len(digests):,}, such as {visible(first.digest)} of"
        f" {visible(first.workspace)} with {first.size_bytes:,} bytes, before {first.known_size_bytes:,}"
    )


def changes_found(source: str, changes: "Changes") -> str:
    """One sentence about what came of asking a database."""
    if changes.repeated:
        return f"{source}: the database was asked at this instant or a later one already; nothing changed"
    return (
        f"{source}: {counted(changes.rows, 'row')}, {changes.created:,} new, {changes.deleted:,} deleted,"
        f" {changes.restored:,} restored, {changes.linked:,} linked{unseen(changes.unseen)}"
    )
