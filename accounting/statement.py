"""One workspace's bill of one month: usage and rating put together."""

import difflib
from fractions import Fraction

from accounting.cards import card_in_force
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import HeldName, Line, LineKey, Statement, WorkspaceUsage
from accounting.rating import amounts, apportion, rate_costs
from accounting.usage import coverage, held_names, meter, parts_of, plans_of


def require_workspace(ledger: Ledger, workspace: str) -> None:
    """AcctError, with the nearest name, where no snapshot and no event names the workspace."""
    names = [name for (name,) in ledger.rows("SELECT name FROM workspaces ORDER BY name")]
    if workspace not in names:
        near = difflib.get_close_matches(workspace, names, n=1, cutoff=0.5)
        known = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        raise AcctError(
            f"workspace {workspace}",
            "is in no snapshot and no event of this ledger",
            f"did you mean {near[0]}?" if near else f"the ledger knows {known or 'no workspace yet'}",
        )


def statement(ledger: Ledger, workspace: str, month: Month | None = None) -> Statement:
    """The statement of a workspace for a month, by default the latest that coverage reaches into.

    Raises AcctError for an unknown workspace, a ledger without snapshots, and a month that the rate card
    cannot bill.
    """
    require_workspace(ledger, workspace)
    covered_until = coverage(ledger)
    month = month or Month.holding(covered_until - 1)
    card = card_in_force(ledger)
    parts = parts_of(month, card)
    metered = list(meter(ledger, parts, min(month.end, covered_until), card.rules, workspace))
    usage = metered[0] if metered else WorkspaceUsage(workspace, 1, ())
    plans = plans_of(ledger, workspace)
    held = held_names(ledger, workspace, min(month.end, covered_until), card.rules)
    keys, byte_seconds = _lines(usage)
    costs = rate_costs(usage, parts, month.seconds, plans)
    total: int | None = None
    line_amounts: list[int] | list[None] = [None] * len(keys)
    if costs:
        total, line_amounts = amounts(usage, parts, costs, keys, card.minor_digits)
    charged_keys = {share.key for share in usage.shares if share.charged}
    lines = tuple(
        Line(key, key in charged_keys, bytes_, amount)
        for key, bytes_, amount in zip(keys, byte_seconds, line_amounts, strict=True)
        if bytes_ or amount
    )
    charged = sum(share.numerator for share in usage.shares if share.charged) // usage.denominator
    return Statement(
        workspace,
        month,
        "final" if covered_until >= month.end else "provisional",
        covered_until,
        card.rates[-1].unit if card.rates else "GB",
        card.currency,
        card.minor_digits,
        sum(byte_seconds),
        charged,
        sum((cost.included_byte_seconds for cost in costs.values()), Fraction(0)),
        total,
        lines,
        (),
        held,
    )


def names_held(ledger: Ledger, workspace: str, instant: int) -> tuple[HeldName, ...]:
    """The image names of a workspace that cannot be reused at an instant, by name."""
    require_workspace(ledger, workspace)
    return held_names(ledger, workspace, instant, card_in_force(ledger).rules)


def _lines(usage: WorkspaceUsage) -> tuple[list[LineKey], list[int]]:
    """The lines in the order of RULES, section 4, with whole byte-seconds that add up to the workspace's."""
    exact: dict[LineKey, int] = {}
    for share in usage.shares:
        exact[share.key] = exact.get(share.key, 0) + share.numerator
    keys = sorted(exact, key=lambda key: key.sort_key)
    total = sum(exact.values()) // usage.denominator  # whole: shares of a blob add up to the blob
    return keys, apportion([exact[key] for key in keys], usage.denominator, total)
