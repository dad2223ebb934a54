"""What is known of sources, and how they reconcile, to text and JSON."""

from collections.abc import Mapping, Sequence

from accounting.billing.reconciling import Reconciliation
from accounting.billing.unseen import HiddenPackage, ReuploadedPackage
from accounting.facts.sources import SourceState
from accounting.instants import Month, format_instant
from accounting.model import StoredState
from accounting.rendering.common import STATE_WORDS
from accounting.rendering.page_sections import CREATED
from accounting.tables import json_text, table
from accounting.text import size, visible


def status_text(sources: Sequence[SourceState], databases: Sequence[tuple[str, int, int]], covered_until: int | None,
                months: Sequence[tuple[Month, str]], hidden: Mapping[str, Sequence[HiddenPackage]],
                again: Sequence[ReuploadedPackage], width: int | None = None) -> str:  # fmt: skip
    """Sources, coverage, gaps, what evidence contradicts, and months for a terminal."""
    if covered_until is None:
        return "The ledger holds no snapshot yet.\n"
    rows = [
        [
            visible(source.name),
            "served" if source.served else "stored",
            f"{source.snapshots:,}",
            format_instant(source.latest_at),
            f"{source.references:,}",
            f"{source.unreachable_blobs:,} ({size(source.unreachable_bytes)})",
            "active" if source.retired_at is None else f"retired {format_instant(source.retired_at)}",
        ]
        for source in sources
    ]
    columns = ["source", "kind", "snapshots", "latest", "references", "unreachable blobs", "state"]
    text = f"Covered until {format_instant(covered_until)}\n\n" + table(columns, rows, width=width)
    unknown = [[visible(s.name), f"{s.unknown_objects:,}", size(s.unknown_bytes)] for s in sources if s.unknown_objects]
    if unknown:
        text += "\nObjects that fit nowhere in their source's layout; nobody is billed for them:\n\n" + table(
            ["source", "objects", "size"], unknown, width=width
        )
    if databases:
        asked = [[visible(name), format_instant(asked_at), f"{rows:,}"] for name, asked_at, rows in databases]
        text += "\nDatabases, which tell of deletions:\n\n" + table(
            ["source", "last asked", "rows"], asked, width=width
        )
    gaps = [[visible(s.name), format_instant(a), format_instant(b)] for s in sources for a, b in s.gaps]
    if gaps:
        text += "\nGaps of more than 48 hours between snapshots:\n\n" + table(
            ["source", "from", "to"], gaps, width=width
        )
    if hidden:
        rows = [
            [
                visible(workspace),
                f"{each.format}/{visible(each.package)}",
                visible(each.source),
                format_instant(each.last_shown_at),
                size(each.size_bytes),
            ]
            for workspace, packages in hidden.items()
            for each in packages
        ]
        text += "\nCharged, though no snapshot shows it any more:\n\n" + table(
            ["workspace", "package", "source", "last shown", "size"], rows, width=width
        )
    if again:
        text += "\n" + "".join(f"{reuploaded_sentence(each)}\n" for each in again)
    return text + "\n" + table(["month", "status"], [[str(month), state] for month, state in months], width=width)


def status_json(sources: Sequence[SourceState], databases: Sequence[tuple[str, int, int]], covered_until: int | None,
                months: Sequence[tuple[Month, str]], hidden: Mapping[str, Sequence[HiddenPackage]],
                again: Sequence[ReuploadedPackage]) -> str:  # fmt: skip
    """Sources, coverage, gaps, what evidence contradicts, and months as JSON."""
    return json_text(
        {
            "covered_until": None if covered_until is None else format_instant(covered_until),
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
                for source in sources
            ],
            "databases": [
                {"name": name, "asked_at": format_instant(asked_at), "rows": rows} for name, asked_at, rows in databases
            ],
            "hidden_packages": [
                {
                    "workspace": workspace,
                    "repository": each.repository,
                    "format": each.format,
                    "package": each.package,
                    "source": each.source,
                    "last_shown_at": format_instant(each.last_shown_at),
                    "bytes": each.size_bytes,
                }
                for workspace, packages in hidden.items()
                for each in packages
            ],
            "uploaded_after_deletion": [
                {
                    "workspace": each.workspace,
                    "format": each.format,
                    "package": each.package,
                    "deleted_at": format_instant(each.deleted_at),
                    "uploaded_at": format_instant(each.uploaded_at),
                }
                for each in again
            ],
            "months": [{"month": str(month), "status": state} for month, state in months],
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


def reconciliation_text(found: Reconciliation, width: int | None = None) -> str:
    """What a source lists, by part and by workspace, for a terminal."""
    parts = [[part.name, f"{part.objects:,}", f"{part.size_bytes:,}"] for part in found.parts]
    total = ["listed", f"{found.listed_objects:,}", f"{found.listed_bytes:,}"]
    text = f"Source {visible(found.source)}, listed at {format_instant(found.taken_at)}\n\n"
    text += table(["part", "objects", "bytes"], parts, right=2, total=total, width=width)
    if found.missing_blobs:
        text += f"\nBlobs that manifests name and that are not stored: {found.missing_blobs:,}\n"
    if not found.workspaces:
        return text
    columns = ["workspace", "reachable now", "latest snapshot", "difference", "charged"]
    rows = []
    for workspace in found.workspaces:
        reachable, recorded = workspace.reachable_bytes, workspace.recorded_bytes
        difference = f"{reachable - recorded:+,}" if reachable != recorded else "0"
        figures = (f"{reachable:,}", f"{recorded:,}", difference, f"{workspace.billed_bytes:,}")
        rows.append([visible(workspace.workspace), *figures])
    text += "\nBytes by workspace, each blob once in each workspace:\n\n" + table(columns, rows, right=4, width=width)
    deleted = [
        [
            visible(workspace.workspace),
            STATE_WORDS[state.state],
            f"{state.blobs:,}",
            f"{state.size_bytes:,}",
            _charged(state),
        ]
        for workspace in found.workspaces
        for state in workspace.states
        if state.state != "live"
    ]
    if deleted:
        columns = ["workspace", "state", "blobs", "bytes", "charged"]
        text += "\nDeleted, but still stored:\n\n" + table(columns, deleted, width=width)
    return text


def _charged(state: StoredState) -> str:
    if state.charging_stops_at is not None:
        return f"until {format_instant(state.charging_stops_at)}"
    return "yes" if state.charged else "no"


def reconciliation_json(found: Sequence[Reconciliation]) -> str:
    """The same as JSON: bytes as whole numbers, instants in UTC."""
    return json_text({"schema": "acct.reconcile/1", "sources": [_reconciliation(one) for one in found]})


def _reconciliation(found: Reconciliation) -> dict[str, object]:
    return {
        "source": found.source,
        "taken_at": format_instant(found.taken_at),
        "listed": {"objects": found.listed_objects, "bytes": found.listed_bytes},
        "parts": {part.name: {"objects": part.objects, "bytes": part.size_bytes} for part in found.parts},
        "unknown_keys": list(found.unknown_keys),
        "missing_blobs": found.missing_blobs,
        "workspaces": [
            {
                "workspace": workspace.workspace,
                "reachable_bytes": workspace.reachable_bytes,
                "recorded_bytes": workspace.recorded_bytes,
                "billed_bytes": workspace.billed_bytes,
                "states": [
                    {
                        "state": state.state,
                        "charged": state.charged,
                        "charging_stops_at": None
                        if state.charging_stops_at is None
                        else format_instant(state.charging_stops_at),
                        "blobs": state.blobs,
                        "bytes": state.size_bytes,
                    }
                    for state in workspace.states
                ],
            }
            for workspace in found.workspaces
        ],
    }
