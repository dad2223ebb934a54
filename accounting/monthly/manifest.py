"""The manifest of a run: the digest of every file, and the evidence that the month was computed from.

It holds no ids, paths or times of the run, and no order of imports, so the same evidence gives the same manifest.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

from accounting.billing.bills import MonthQuery
from accounting.facts.cards import card_text_of
from accounting.facts.snapshots import digest_of_file
from accounting.instants import format_instant
from accounting.ledger import Ledger
from accounting.tables import json_text

MANIFEST = "manifest.json"
# The text of an event for its digest: a JSON array of its members, with names instead of ids.
_EVENT = """
    SELECT e.occurred_at, e.event_id, e.event_source, json_array(e.event_source, e.event_id, e.occurred_at, e.kind,
        e.verb, w.name, p.format, p.name, e.slug, e.plan)::VARCHAR AS event
    FROM events AS e JOIN workspaces AS w USING (workspace_id) LEFT JOIN packages AS p USING (package_id)
    WHERE e.record_id <= ?
"""


def write_manifest(ledger: Ledger, query: MonthQuery, status: str, folder: Path) -> None:
    """Write manifest.json for all files that are already in the folder."""
    members = {
        "schema": "acct.run/1",
        "acct": version("package-accounting"),
        "month": str(query.month),
        "status": status,
        "covered_until": format_instant(query.covered_until),
        "inputs": {
            "sources": _sources(ledger, query.record_until),
            "events": _events(ledger, query.record_until),
            "rate_card": _card(card_text_of(ledger, query.month)),
            "retroactive_rate_cards": _retroactive_cards(ledger, query.record_until),
            "closed_months": _closed_months(ledger, query),
        },
        "files": [
            {"path": str(file.relative_to(folder)), "size": file.stat().st_size, "sha256": digest_of_file(file)}
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        ],
    }
    (folder / MANIFEST).write_text(json_text(members), encoding="utf-8")


def _sources(ledger: Ledger, record_until: int) -> list[dict[str, object]]:
    """Each source by name, with its snapshots in their order."""
    rows = ledger.rows(
        "SELECT s.name, CASE WHEN s.retirement_record_id <= $1 THEN s.retired_at END, n.taken_at, n.content_digest,"
        " n.reference_count FROM sources AS s JOIN snapshots AS n USING (source_id) WHERE n.record_id <= $1"
        " ORDER BY s.name, n.taken_at",
        [record_until],
    )
    snapshots: dict[tuple[str, int | None], list[dict[str, object]]] = {}
    for name, retired_at, taken_at, digest, references in rows:
        snapshot = {"taken_at": format_instant(taken_at), "content_digest": digest, "references": references}
        snapshots.setdefault((name, retired_at), []).append(snapshot)
    return [
        {
            "name": name,
            "retired_at": None if retired_at is None else format_instant(retired_at),
            "snapshots": of_source,
        }
        for (name, retired_at), of_source in snapshots.items()
    ]


def _events(ledger: Ledger, record_until: int) -> dict[str, object]:
    """The number of events, and one SHA-256 over the SHA-256 of each, in the order of RULES, section 3."""
    ((count, digests),) = ledger.rows(
        "SELECT count(*), coalesce(string_agg(sha256(event), '' ORDER BY occurred_at, event_id, event_source), '')"
        f" FROM ({_EVENT})",
        [record_until],
    )
    return {"count": count, "sha256": _sha256(digests)}


def _card(toml: str | None) -> dict[str, str] | None:
    return None if toml is None else {"sha256": _sha256(toml), "toml": toml}


def _retroactive_cards(ledger: Ledger, record_until: int) -> list[dict[str, str] | None]:
    """The cards that count for closed months, and so for corrections, in the order in which they were loaded."""
    rows = ledger.rows(
        "SELECT toml FROM rate_cards WHERE retroactive AND record_id <= ? ORDER BY card_id", [record_until]
    )
    return [_card(toml) for (toml,) in rows]


def _closed_months(ledger: Ledger, query: MonthQuery) -> list[dict[str, str]]:
    """Earlier closed months, which corrections start from, with one SHA-256 over those of their statements."""
    rows = ledger.rows(
        "SELECT s.month, string_agg(s.digest, '' ORDER BY w.name) FROM sealed_statements AS s JOIN workspaces AS w"
        " USING (workspace_id) WHERE s.month < ? GROUP BY s.month ORDER BY s.month",
        [str(query.month)],
    )
    return [{"month": month, "sha256": _sha256(digests)} for month, digests in rows]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
