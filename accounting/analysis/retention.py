"""What the retention of deletions brings, and when: charging stops, image names are free, packages expire."""

from dataclasses import dataclass
from typing import Literal

from accounting.billing.statement import require_workspace
from accounting.billing.usage import coverage
from accounting.facts.cards import card_in_force
from accounting.ledger import Ledger, Query
from accounting.rates.periods import periods_under

_NEVER = 2**62  # later than the end of any retention period


@dataclass(frozen=True)
class RetentionEnd:
    """Charging of a repository's packages stops, an image name is free, or a workspace's packages expire.

    `repository` is None for a workspace, `name` for all but an image name; `packages` is how many it concerns.
    """

    happens_at: int
    what: Literal["charging_stops", "name_free", "packages_expire"]
    repository: str | None
    name: str | None
    deleted_at: int
    packages: int


@dataclass(frozen=True)
class RetentionCalendar:
    """A workspace's dates that lie after the instant up to which its ledger is covered, in their order."""

    workspace: str
    covered_until: int
    ends: tuple[RetentionEnd, ...]


def retention_calendar(ledger: Ledger, workspace: str) -> RetentionCalendar:
    """The dates that today's deletions bring if nothing is restored and what is stored stays.

    Raises AcctError for an unknown workspace, and for a ledger without snapshots.
    """
    require_workspace(ledger, workspace)
    covered_until, rules = coverage(ledger), card_in_force(ledger).rules
    with ledger.view(Query(periods_under(rules, covered_until, _NEVER), _NEVER, rules), [workspace]) as view:
        ends = view.records(
            RetentionEnd,
            "SELECT happens_at, what, repository, name, deleted_at, packages FROM retention_ends"
            " ORDER BY happens_at, what, repository, name",
        )
    return RetentionCalendar(workspace, covered_until, tuple(ends))
