"""What snapshots and events say against each other: charged, though no snapshot shows it; uploaded, though deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from accounting.billing.usage import coverage
from accounting.facts.cards import card_in_force
from accounting.ledger import Ledger, Query, View

Found = TypeVar("Found")


@dataclass(frozen=True)
class HiddenPackage:
    """A package that is charged though a served source shows it no more, since the instant at which it was last shown.

    `size_bytes` are those of what is hidden, each blob whole (RULES, section 2).
    """

    workspace: str
    repository: str | None
    format: str
    package: str
    source: str
    last_shown_at: int
    size_bytes: int


@dataclass(frozen=True)
class ReuploadedPackage:
    """A package that is deleted by its events and was uploaded again since, so that it is stored and free of charge."""

    workspace: str
    format: str
    package: str
    deleted_at: int
    uploaded_at: int

    @property
    def subject(self) -> str:
        """As events name it."""
        return f"{self.workspace}/{self.format}/{self.package}"


def hidden_of(view: View) -> list[HiddenPackage]:
    """Of the workspaces of a view, in its rate periods."""
    return view.records(
        HiddenPackage,
        "SELECT w.name AS workspace, h.repository, h.format, h.package, h.source, h.last_shown_at, h.size_bytes"
        " FROM hidden_packages AS h JOIN workspaces AS w USING (workspace_id) ORDER BY ALL",
    )


def hidden_now(ledger: Ledger) -> list[HiddenPackage]:
    """Of all workspaces, at the last second that is covered; nothing where no source is served."""
    return _of_workspaces(
        ledger,
        "SELECT DISTINCT w.name FROM workspaces AS w JOIN packages AS p USING (workspace_id)"
        " JOIN holdings AS h USING (package_id) JOIN sources AS s USING (source_id) WHERE s.served",
        lambda: coverage(ledger) - 1,
        hidden_of,
    )


def reuploaded_of(view: View) -> list[ReuploadedPackage]:
    """Of the workspaces of a view, as of now."""
    return view.records(
        ReuploadedPackage,
        "SELECT w.name AS workspace, r.format, r.package, r.deleted_at, r.uploaded_at FROM reuploaded_packages AS r"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY ALL",
    )


def reuploaded_now(ledger: Ledger) -> list[ReuploadedPackage]:
    """All of them, by workspace, format and name."""
    found = _of_workspaces(
        ledger,
        "SELECT DISTINCT w.name FROM events AS e JOIN workspaces AS w USING (workspace_id)"
        " WHERE e.kind = 'package' AND e.verb = 'deleted'",
        lambda: 0,  # deletions are the same at each instant
        reuploaded_of,
    )
    return sorted(found, key=lambda each: each.subject)


def _of_workspaces(
    ledger: Ledger, named: str, instant: Callable[[], int], found_in: Callable[[View], list[Found]]
) -> list[Found]:
    """What is found in the workspaces that a query names, at an instant that is asked for only if there are any."""
    workspaces = [name for (name,) in ledger.rows(named)]
    if not workspaces:
        return []
    query = Query.at(instant(), card_in_force(ledger).rules)
    return [each for view in ledger.views(query, workspaces) for each in found_in(view)]
