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
    """The words that --accept takes for a collection."""

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
            help="Accept a snapshot that is refused otherwise: loss, if it lacks more than half of the previous one;"
            " broken, if many objects are newly broken; unbilled, if most of the bytes would not be billed."
        ),
    ] = None,
) -> None:
    """Take a snapshot of each configured source.

    A database is queried for what was created, linked, deleted and restored.

    Example: acct collect images
    """
    chosen = settings(context)
    refusals = []
    for source in chosen_sources(chosen.config, names):
        try:
            with showing_progress(f"collecting {source.name}") as progress:
                said = _collect(chosen, source, progress, frozenset(accept or ()))
            say(said)
        except AcctError as refusal:  # the other sources still get their snapshots
            refusals.append(refusal)
    if chosen.ledger.exists():
        say_what_was_uploaded_again(chosen.ledger)
    for earlier in refusals[:-1]:
        refuse(earlier)
    if refusals:
        raise refusals[-1]


def _collect(chosen: Settings, source: Source, progress: Callable[[str], None], accepted: frozenset[str]) -> str:
    """Collect one source; returns a note about the result."""
    if source.layout == "database":
        from accounting.facts.lifecycle import collect as collect_lifecycle

        return changes_found(source.name, collect_lifecycle(chosen.ledger, source, progress, accepted))
    from accounting.facts.collecting import collect as collect_source

    return outcome(source.name, collect_source(chosen.ledger, source, chosen.config.folder, progress, accepted))


def outcome(source: str, collection: "Collection") -> str:
    """A note about the result of collecting a source, with the first broken objects in it."""
    from accounting.rendering.broken import first_broken, objects

    taken = collection.taken
    if taken.repeated:
        return f"{source}: this snapshot or a later one is already in the ledger; nothing changed"
    notes = [f"{counted(taken.references, 'reference')}, {taken.opened:,} new, {taken.closed:,} gone"]
    unbilled = collection.unbilled
    if unbilled.unreachable_blobs:
        unreachable = f"{unbilled.unreachable_blobs:,} ({size(unbilled.unreachable_bytes)}, not billed)"
        notes.append(f"blobs that nothing references: {unreachable}")
    if unbilled.unknown_objects:
        unknown = f"{unbilled.unknown_objects:,} ({size(unbilled.unknown_bytes)}, not billed)"
        notes.append(f"objects that are not part of the layout: {unknown}")
    if collection.missing_blobs:
        notes.append(f"blobs that manifests name but the registry does not store: {collection.missing_blobs:,}")
    if taken.resized:
        notes.append(resized(taken.resized))
    if collection.empty:
        notes.append("there is no registry yet")
    if collection.broken:
        notes.append(f"broken objects: {objects(collection.broken):,}")
    return "\n".join([f"{source}: " + "; ".join(notes), *first_broken(collection.broken)])


def resized(digests: "Sequence[Resized]") -> str:
    """The part of a note about digests whose size has changed."""
    first = digests[0]
    return (
        f"digests whose size has changed: {len(digests):,}, such as {visible(first.digest)} of"
        f" {visible(first.workspace)} with {first.size_bytes:,} bytes, formerly {first.known_size_bytes:,}"
    )


def changes_found(source: str, changes: "Changes") -> str:
    """A note about the result of querying a database."""
    if changes.repeated:
        return f"{source}: the database was already queried at this instant or a later one; nothing changed"
    return (
        f"{source}: {counted(changes.rows, 'row')}, {changes.created:,} new, {changes.deleted:,} deleted,"
        f" {changes.restored:,} restored, {changes.linked:,} linked{unseen(changes.unseen)}"
    )
