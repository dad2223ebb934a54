"""The reconciliation of sources, as text and JSON."""

from collections.abc import Sequence

from accounting.instants import format_instant, shown_instant
from accounting.model import StoredState
from accounting.reconciling import Reconciliation
from accounting.rendering.broken import broken_json, broken_text
from accounting.rendering.common import STATE_WORDS
from accounting.tables import json_text, table
from accounting.text import visible


def reconciliation_text(found: Reconciliation, width: int | None = None) -> str:
    """What a source lists, by part and by workspace, for a terminal."""
    parts = [[part.name, f"{part.objects:,}", f"{part.size_bytes:,}"] for part in found.parts]
    total = ["listed", f"{found.listed_objects:,}", f"{found.listed_bytes:,}"]
    text = f"Source {visible(found.source)}, listed on {shown_instant(found.taken_at)}. All times are UTC.\n\n"
    text += table(["part", "objects", "bytes"], parts, right=2, total=total, width=width)
    if found.missing_blobs:
        text += f"\nBlobs that manifests name but that are not stored: {found.missing_blobs:,}\n"
    if found.broken:
        text += "\n" + broken_text("Broken objects:", found.broken, width)
    if not found.workspaces:
        return text
    columns = ["workspace", "reachable now", "latest snapshot", "difference", "charged"]
    rows = []
    for workspace in found.workspaces:
        reachable, recorded = workspace.reachable_bytes, workspace.recorded_bytes
        difference = f"{reachable - recorded:+,}" if reachable != recorded else "0"
        figures = (f"{reachable:,}", f"{recorded:,}", difference, f"{workspace.billed_bytes:,}")
        rows.append([visible(workspace.workspace), *figures])
    text += "\nBytes by workspace (each blob counts once in each workspace):\n\n" + table(
        columns, rows, right=4, width=width
    )
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
        return f"until {shown_instant(state.charging_stops_at)}"
    return "yes" if state.charged else "no"


def reconciliation_json(found: Sequence[Reconciliation]) -> str:
    """The schema `acct.reconcile/1`: bytes are whole numbers, instants are in UTC."""
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
