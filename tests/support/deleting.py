"""A card, and events, for what a deletion changes."""

from datetime import date
from typing import Any

CARD = {
    "currency": "USD",
    "rule": [{"effective_from": date(2025, 12, 3), "retention_days": 30,
              "charged": ["live", "repository_deleted"], "share": "workspace"}],
    "rate": [{"effective_from": date(2025, 12, 3), "unit": "GB", "tiers": [{"price": "0.25"}]}],
}  # fmt: skip


GB = 10**9


def happened(number: int, kind: str, verb: str, name: str, at: str, slug: str | None = None) -> dict[str, Any]:
    event = {"specversion": "1.0", "source": "hub", "id": f"{number:03}", "time": at, "subject": name}
    return event | {"type": f"registry.{kind}.{verb}"} | ({"data": {"repository": slug}} if slug else {})
