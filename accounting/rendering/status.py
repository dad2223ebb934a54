"""The state of sources and months, and what needs attention, as text and JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accounting.facts.broken import BrokenObject
from accounting.facts.sources import SourceState
from accounting.instants import Month, format_instant, shown_instant
from accounting.pages.unseen import HiddenPackage, ReuploadedPackage
from accounting.rendering.broken import broken_json, broken_text
from accounting.rendering.common import coverage
from accounting.rendering.statement.page_sections import CREATED
from accounting.tables import json_text, table
from accounting.text import size, visible


@dataclass(frozen=True)
class Status:
    """What `acct status` shows: sources, databases, coverage and months. What needs attention follows: by workspace,
    packages that are charged though no snapshot shows them; packages uploaded after their deletion; broken objects.
    """

    sources: Sequence[SourceState]
    databases: Sequence[tuple[str, int, int]]
    covered_until: int | None
    months: Sequence[tuple[Month, str]]
    hidden: Sequence[HiddenPackage]
    reuploaded: Sequence[ReuploadedPackage]
    broken: Sequence[BrokenObject]


def status_text(found: Status, width: int | None = None) -> str:
    """The status for a terminal."""
    if found.covered_until is None:
        return "The ledger holds no snapshot yet.\n"
    return "\n".join(
        [
            f"{coverage(found.covered_until)}\n",
            *_of_sources(found, width),
            *_needs_attention(found, width),
            table(["month", "status"], [[str(month), state] for month, state in found.months], width=width),
        ]
    )


def _of_sources(found: Status, width: int | None) -> Iterator[str]:
    """The sources, their objects that belong to nobody, the databases and the gaps."""
    rows = [
        [
            visible(source.name),
            f"{source.snapshots:,}",
            shown_instant(source.latest_at),
            f"{source.references:,}",
            f"{source.unreachable_blobs:,} ({size(source.unreachable_bytes)})",
            ("served, " if source.served else "")
            + ("active" if source.retired_at is None else f"retired on {shown_instant(source.retired_at)}"),
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
        yield "Objects that do not fit the layout of their source (nobody is billed for them):\n"
        yield table(["source", "objects", "size"], unknown, width=width)
    if found.databases:
        databases = [[visible(name), shown_instant(read_at), f"{rows:,}"] for name, read_at, rows in found.databases]
        yield "Databases that report deletions:\n"
        yield table(["source", "last read", "rows"], databases, width=width)
    gaps = [
        [visible(source.name), shown_instant(a), shown_instant(b)] for source in found.sources for a, b in source.gaps
    ]
    if gaps:
        yield "Gaps of more than 48 hours between snapshots:\n"
        yield table(["source", "from", "to"], gaps, width=width)


def _needs_attention(found: Status, width: int | None) -> Iterator[str]:
    """Where snapshots and events contradict each other, and what is broken."""
    hidden = [
        [
            visible(each.workspace),
            f"{each.format}/{visible(each.package)}",
            visible(each.source),
            shown_instant(each.last_shown_at),
            size(each.size_bytes),
        ]
        for each in found.hidden
    ]
    if hidden:
        yield "Charged, but no longer shown by the registry:\n"
        yield table(["workspace", "package", "source", "last seen", "size"], hidden, width=width)
    if found.reuploaded:
        yield "".join(f"{reuploaded_sentence(each)}\n" for each in found.reuploaded)
    if found.broken:
        yield broken_text("Broken objects in the latest snapshot of each source:", found.broken, width)


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
    """What is wrong with the package, and the event to import."""
    return (
        f"{visible(package.subject)} was deleted on {shown_instant(package.deleted_at)} and uploaded again on"
        f" {shown_instant(package.uploaded_at)}. As a deleted package it is free of charge. If it exists again, import"
        f" an event {CREATED} for it with the time {format_instant(package.uploaded_at)}."
    )
