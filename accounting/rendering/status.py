"""What is known of sources and months, and what needs a look, to text and JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accounting.billing.unseen import HiddenPackage, ReuploadedPackage
from accounting.facts.broken import BrokenObject
from accounting.facts.sources import SourceState
from accounting.instants import Month, format_instant
from accounting.rendering.broken import broken_json, broken_text
from accounting.rendering.page_sections import CREATED
from accounting.tables import json_text, table
from accounting.text import size, visible


@dataclass(frozen=True)
class Status:
    """What `acct status` shows: sources and databases, how far coverage reaches, months, and what needs a look: by
    workspace what is charged though no snapshot shows it, what was uploaded after its deletion, and broken objects.
    """

    sources: Sequence[SourceState]
    databases: Sequence[tuple[str, int, int]]
    covered_until: int | None
    months: Sequence[tuple[Month, str]]
    hidden: Sequence[HiddenPackage]
    reuploaded: Sequence[ReuploadedPackage]
    broken: Sequence[BrokenObject]


def status_text(found: Status, width: int | None = None) -> str:
    """What there is for a terminal."""
    if found.covered_until is None:
        return "The ledger holds no snapshot yet.\n"
    return "\n".join(
        [
            f"Covered until {format_instant(found.covered_until)}\n",
            *_of_sources(found, width),
            *_to_be_looked_at(found, width),
            table(["month", "status"], [[str(month), state] for month, state in found.months], width=width),
        ]
    )


def _of_sources(found: Status, width: int | None) -> Iterator[str]:
    """The sources, what of them is nobody's, the databases and the gaps."""
    rows = [
        [
            visible(source.name),
            f"{source.snapshots:,}",
            format_instant(source.latest_at),
            f"{source.references:,}",
            f"{source.unreachable_blobs:,} ({size(source.unreachable_bytes)})",
            ("served, " if source.served else "")
            + ("active" if source.retired_at is None else f"retired {format_instant(source.retired_at)}"),
        ]
        for source in found.sources
    ]
    columns = ["source", "snapshots", "latest", "references", "unreachable blobs", "state"]
    yield table(columns, rows, width=width)
    unknown = [
        [visible(source.name), f"{source.unknown_objects:,}", size(source.unknown_bytes)]
        for source in found.sources
        if source.unknown_objects
    ]
    if unknown:
        yield "Objects that fit nowhere in their source's layout; nobody is billed for them:\n"
        yield table(["source", "objects", "size"], unknown, width=width)
    if found.databases:
        asked = [[visible(name), format_instant(asked_at), f"{rows:,}"] for name, asked_at, rows in found.databases]
        yield "Databases, which tell of deletions:\n"
        yield table(["source", "last asked", "rows"], asked, width=width)
    gaps = [
        [visible(source.name), format_instant(a), format_instant(b)] for source in found.sources for a, b in source.gaps
    ]
    if gaps:
        yield "Gaps of more than 48 hours between snapshots:\n"
        yield table(["source", "from", "to"], gaps, width=width)


def _to_be_looked_at(found: Status, width: int | None) -> Iterator[str]:
    """What snapshots and events say against each other, and what is broken."""
    hidden = [
        [
            visible(each.workspace),
            f"{each.format}/{visible(each.package)}",
            visible(each.source),
            format_instant(each.last_shown_at),
            size(each.size_bytes),
        ]
        for each in found.hidden
    ]
    if hidden:
        yield "Charged, though no snapshot shows it any more:\n"
        yield table(["workspace", "package", "source", "last shown", "size"], hidden, width=width)
    if found.reuploaded:
        yield "".join(f"{reuploaded_sentence(each)}\n" for each in found.reuploaded)
    if found.broken:
        yield broken_text("Broken objects, by the latest snapshot of each source:", found.broken, width)


def status_json(found: Status) -> str:
    """The same as JSON."""
    return json_text(
        {
            "covered_until": None if found.covered_until is None else format_instant(found.covered_until),
            "sources": [
                {
                    "name": source.name,
                    "kind": "served" if source.served else "stored",
                    "snapshots": source.snapshots,
                    "latest_at": format_instant(source.latest_at),
                    "references": source.references,
                    "unreachable_blobs": source.unreachable_blobs,
                    "unreachable_bytes": source.unreachable_bytes,
                    "unknown_objects": source.unknown_objects,
                    "unknown_bytes": source.unknown_bytes,
                    "retired_at": None if source.retired_at is None else format_instant(source.retired_at),
                    "gaps": [{"from": format_instant(a), "to": format_instant(b)} for a, b in source.gaps],
                }
                for source in found.sources
            ],
            "databases": [
                {"name": name, "asked_at": format_instant(asked_at), "rows": rows}
                for name, asked_at, rows in found.databases
            ],
            "hidden_packages": [
                {
                    "workspace": each.workspace,
                    "repository": each.repository,
                    "format": each.format,
                    "package": each.package,
                    "source": each.source,
                    "last_shown_at": format_instant(each.last_shown_at),
                    "bytes": each.size_bytes,
                }
                for each in found.hidden
            ],
            "uploaded_after_deletion": [
                {
                    "workspace": each.workspace,
                    "format": each.format,
                    "package": each.package,
                    "deleted_at": format_instant(each.deleted_at),
                    "uploaded_at": format_instant(each.uploaded_at),
                }
                for each in found.reuploaded
            ],
            "broken": broken_json(found.broken),
            "months": [{"month": str(month), "status": state} for month, state in found.months],
        }
    )


def reuploaded_sentence(package: ReuploadedPackage) -> str:
    """What is wrong with it, and the event that puts it right."""
    uploaded = format_instant(package.uploaded_at)
    return (
        f"{visible(package.subject)} was deleted at {format_instant(package.deleted_at)} and uploaded again at"
        f" {uploaded}: it is free of charge as a deleted package. If it exists again, import an event {CREATED} of it"
        f" at {uploaded}."
    )
