"""What snapshots and events say against each other: charged, though no snapshot shows it; uploaded, though deleted."""

from dataclasses import dataclass

from accounting.billing.usage import coverage
from accounting.facts.cards import card_in_force
from accounting.ledger import Ledger, Query, View


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
    workspaces = _named(
        ledger,
        "SELECT DISTINCT w.name FROM workspaces AS w JOIN packages AS p USING (workspace_id)"
        " JOIN holdings AS h USING (package_id) JOIN sources AS s USING (source_id) WHERE s.served",
    )
    if not workspaces:
        return []
    query = Query.at(coverage(ledger) - 1, card_in_force(ledger).rules)
    return [hidden for view in ledger.views(query, workspaces) for hidden in hidden_of(view)]


def reuploaded_of(view: View) -> list[ReuploadedPackage]:
    """Of the workspaces of a view, as of now."""
    return view.records(
        ReuploadedPackage,
        "SELECT w.name AS workspace, r.format, r.package, r.deleted_at, r.uploaded_at FROM reuploaded_packages AS r"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY ALL",
    )


def reuploaded_now(ledger: Ledger) -> list[ReuploadedPackage]:
    """All of them, by workspace, format and name."""
    workspaces = _named(
        ledger,
        "SELECT DISTINCT w.name FROM events AS e JOIN workspaces AS w USING (workspace_id)"
        " WHERE e.kind = 'package' AND e.verb = 'deleted'",
    )
    if not workspaces:
        return []
    query = Query.at(0, card_in_force(ledger).rules)
    found = [again for view in ledger.views(query, workspaces) for again in reuploaded_of(view)]
    return sorted(found, key=lambda each: each.subject)


def _named(ledger: Ledger, sql: str) -> list[str]:
    return [name for (name,) in ledger.rows(sql)]
