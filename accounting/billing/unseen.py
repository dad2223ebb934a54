"""What snapshots and events say against each other: charged, though no snapshot shows it; uploaded, though deleted."""

from dataclasses import dataclass

from accounting.billing.usage import HOLDINGS, LIFECYCLE, ask_instant, coverage, scopes
from accounting.facts.cards import card_in_force
from accounting.ledger import Ledger


@dataclass(frozen=True)
class HiddenPackage:
    """A package that is charged though a served source shows it no more, since the instant at which it was last shown.

    `size_bytes` are those of what is hidden, each blob whole (RULES, section 2).
    """

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


def hidden_of_scope(ledger: Ledger) -> dict[str, tuple[HiddenPackage, ...]]:
    """By workspace in scope, in the periods asked for, whose relations are defined."""
    ledger.define("745_hidden_packages")
    rows = ledger.rows(
        "SELECT w.name, h.repository, h.format, h.package, h.source, h.last_shown_at, h.size_bytes"
        " FROM hidden_packages AS h JOIN workspaces AS w USING (workspace_id) ORDER BY ALL"
    )
    found: dict[str, tuple[HiddenPackage, ...]] = {}
    for workspace, *hidden in rows:
        found[workspace] = (*found.get(workspace, ()), HiddenPackage(*hidden))
    return found


def hidden_now(ledger: Ledger) -> dict[str, tuple[HiddenPackage, ...]]:
    """By workspace, at the last second that is covered; nothing where no source is served."""
    workspaces = [
        name
        for (name,) in ledger.rows(
            "SELECT DISTINCT w.name FROM workspaces AS w JOIN packages AS p USING (workspace_id)"
            " JOIN holdings AS h USING (package_id) JOIN sources AS s USING (source_id) WHERE s.served"
        )
    ]
    found: dict[str, tuple[HiddenPackage, ...]] = {}
    if workspaces:
        ask_instant(ledger, coverage(ledger) - 1, card_in_force(ledger).rules)
    for _ in scopes(ledger, workspaces) if workspaces else ():
        for name in (*LIFECYCLE, *HOLDINGS):
            ledger.define(name)
        found |= hidden_of_scope(ledger)
    return found


def reuploaded(ledger: Ledger) -> list[ReuploadedPackage]:
    """All of them, by workspace, format and name."""
    workspaces = [
        name
        for (name,) in ledger.rows(
            "SELECT DISTINCT w.name FROM events AS e JOIN workspaces AS w USING (workspace_id)"
            " WHERE e.kind = 'package' AND e.verb = 'deleted'"
        )
    ]
    found: list[ReuploadedPackage] = []
    if workspaces:
        ask_instant(ledger, 0, card_in_force(ledger).rules)
    for _ in scopes(ledger, workspaces) if workspaces else ():
        for name in ("110_scope_packages", "200_ordered_events", "220_package_deletions"):
            ledger.define(name)
        found += reuploaded_of_scope(ledger)
    return sorted(found, key=lambda each: each.subject)


def reuploaded_of_scope(ledger: Ledger) -> list[ReuploadedPackage]:
    """Those of the workspaces in scope, of which the deletions of packages are defined."""
    ledger.define("775_reuploaded_packages")
    rows = ledger.rows(
        "SELECT w.name, r.format, r.package, r.deleted_at, r.uploaded_at FROM reuploaded_packages AS r"
        " JOIN workspaces AS w USING (workspace_id) ORDER BY ALL"
    )
    return [ReuploadedPackage(*row) for row in rows]
