"""What is known of sources, and how they reconcile, to text and JSON."""

from collections.abc import Sequence

from accounting.billing.reconciling import Reconciliation
from accounting.facts.broken import BrokenObject
from accounting.facts.sources import SourceState
from accounting.instants import Month, format_instant
from accounting.model import StoredState
from accounting.rendering.broken import broken_json, broken_text
from accounting.rendering.common import STATE_WORDS
from accounting.tables import json_text, table
from accounting.text import size, visible


def status_text(sources: Sequence[SourceState], databases: Sequence[tuple[str, int, int]], covered_until: int | None,
                months: Sequence[tuple[Month, str]], broken: Sequence[BrokenObject],
                width: int | None = None) -> str:  # fmt: skip
    """Sources, coverage, gaps, broken objects and months for a terminal."""
    if covered_until is None:
        return "The ledger holds no snapshot yet.\n"
    rows = [
        [
            visible(source.name),
            f"{source.snapshots:,}",
            format_instant(source.latest_at),
            f"{source.references:,}",
            f"{source.unreachable_blobs:,} ({size(source.unreachable_bytes)})",
            "active" if source.retired_at is None else f"retired {format_instant(source.retired_at)}",
        ]
        for source in sources
    ]
    columns = ["source", "snapshots", "latest", "references", "unreachable blobs", "state"]
    text = f"Covered until {format_instant(covered_until)}\n\n" + table(columns, rows, width=width)
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
    text += broken_text("Broken objects, by the latest snapshot of each source:", broken, width)
    return text + "\n" + table(["month", "status"], [[str(month), state] for month, state in months], width=width)


def status_json(sources: Sequence[SourceState], databases: Sequence[tuple[str, int, int]], covered_until: int | None,
                months: Sequence[tuple[Month, str]], broken: Sequence[BrokenObject]) -> str:  # fmt: skip
    """Sources, coverage, gaps, broken objects and months as JSON."""
    return json_text(
        {
            "covered_until": None if covered_until is None else format_instant(covered_until),
            "sources": [
                {
                    "name": source.name,
                    "snapshots": source.snapshots,
                    "latest_at": format_instant(source.latest_at),
                    "references": source.references,
                    "unreachable_blobs": source.unreachable_blobs,
                    "unreachable_bytes": source.unreachable_bytes,
                    "retired_at": None if source.retired_at is None else format_instant(source.retired_at),
                    "gaps": [{"from": format_instant(a), "to": format_instant(b)} for a, b in source.gaps],
                }
                for source in sources
            ],
            "databases": [
                {"name": name, "asked_at": format_instant(asked_at), "rows": rows} for name, asked_at, rows in databases
            ],
            "broken": broken_json(broken),
            "months": [{"month": str(month), "status": state} for month, state in months],
        }
    )


def reconciliation_text(found: Reconciliation, width: int | None = None) -> str:
    """What a source lists, by part and by workspace, for a terminal."""
    parts = [[part.name, f"{part.objects:,}", f"{part.size_bytes:,}"] for part in found.parts]
    total = ["listed", f"{found.listed_objects:,}", f"{found.listed_bytes:,}"]
    text = f"Source {visible(found.source)}, listed at {format_instant(found.taken_at)}\n\n"
    text += table(["part", "objects", "bytes"], parts, right=2, total=total, width=width)
    if found.missing_blobs:
        text += f"\nBlobs that manifests name and that are not stored: {found.missing_blobs:,}\n"
    text += broken_text("Broken objects:", found.broken, width)
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
        "broken": broken_json(found.broken),
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
