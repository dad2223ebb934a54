"""Statement pages, and a workspace whose packages share layers."""

from datetime import date
from typing import Any

from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import reading
from accounting.pages.statement_page import StatementPage, statement_pages
from tests.support.events import event
from tests.support.model_of_rules import Case, Row, Snapshot
from tests.support.project import Books

GB = 10**9


def pages_of(these: Books, month: str) -> dict[str, StatementPage]:
    """Every workspace's page; none where the card cannot bill the month."""
    with reading(these.ledger) as ledger:
        try:
            return {page.statement.workspace: page for page in statement_pages(ledger, Month.parse(month))}
        except AcctError:
            return {}


CARD: dict[str, Any] = {
    "currency": "USD",
    "rule": [
        {
            "effective_from": date(2025, 12, 3),
            "retention_days": 60,
            "charged": ["live", "repository_deleted"],
            "share": "workspace",
        }
    ],
    "rate": [
        {
            "effective_from": date(2025, 12, 3),
            "unit": "GB",
            "tiers": [{"up_to": "9000", "price": "0.25"}, {"price": "0.20"}],
            "included": {"default": "700"},
        }
    ],
}


END = "2026-11-01T00:00:00Z"


def steady(layers: dict[str, list[int]], month: str, deleted: str | None = None, share: str = "workspace") -> Case:
    """Packages of layers of some TB; `old` and `older` are in a deleted repository, `gone` is deleted itself."""
    rows = tuple(
        Row("acme", "container", package, "1", f"sha256:{layer}", (layer + 1) * 1000 * GB)
        for package, of_package in layers.items()
        for layer in of_package
    )
    events = [event(number, "package.linked", f"acme/container/{package}", "2026-10-02T00:00:00Z", repository="legacy")
              for number, package in enumerate(("old", "older"))]  # fmt: skip
    events.append(event(10, "repository.deleted", "acme/legacy", "2026-10-20T12:00:00Z"))
    events.append(event(11, "package.deleted", "acme/container/gone", "2026-10-21T00:00:00Z"))
    if deleted is not None:
        events.append(event(12, "package.deleted", f"acme/container/{deleted}", END))
    instants = ("2026-10-01T00:00:00Z", END, "2026-12-01T00:00:00Z")
    card = {**CARD, "rule": [{**CARD["rule"][0], "share": share}]}
    return Case(tuple(Snapshot("images", at, rows) for at in instants), tuple(events), card, month)
