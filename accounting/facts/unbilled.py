"""Stored bytes that nobody is billed for, and when there are so many that a collection is refused."""

from dataclasses import dataclass

import polars as pl

from accounting.collectors.layouts.collected import UNKNOWN, Collected
from accounting.errors import AcctError
from accounting.ledger import Ledger
from accounting.model import Source
from accounting.text import counted

GROWTH_PERCENT = 10


@dataclass(frozen=True)
class Unbilled:
    """Blobs that nothing references and objects that are not part of the layout, out of `listed_bytes` in all."""

    unreachable_blobs: int = 0
    unreachable_bytes: int = 0
    unknown_objects: int = 0
    unknown_bytes: int = 0
    listed_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return self.unreachable_bytes + self.unknown_bytes

    @property
    def percent(self) -> int:
        """The share in whole percent, rounded down, for people."""
        return 100 * self.size_bytes // max(self.listed_bytes, 1)

    def is_most(self) -> bool:
        """Whether it is more than half."""
        return 2 * self.size_bytes > self.listed_bytes

    def has_grown(self, accepted: "Unbilled") -> bool:
        """Whether its share is at least ten percentage points larger than the accepted one.

        >>> accepted = Unbilled(unknown_bytes=600, listed_bytes=1000)
        >>> [Unbilled(unknown_bytes=n, listed_bytes=1000).has_grown(accepted) for n in (600, 699, 700)]
        [False, False, True]
        """
        growth = self.size_bytes * accepted.listed_bytes - accepted.size_bytes * self.listed_bytes
        return 100 * growth >= GROWTH_PERCENT * self.listed_bytes * accepted.listed_bytes


def unbilled_of(found: Collected) -> Unbilled:
    """What a collector found that is not billed."""
    unknown = found.parts.filter(pl.col("part") == UNKNOWN)
    return Unbilled(
        found.garbage.height,
        int(found.garbage["size_bytes"].sum()),
        unknown.height,
        int(unknown["size_bytes"].sum()),
        int(found.parts["size_bytes"].sum()),
    )


def accepted_unbilled(ledger: Ledger, source: str) -> Unbilled | None:
    """What was last accepted for a source with --accept unbilled; None if that was never needed."""
    rows = ledger.rows(
        "SELECT unreachable_blobs, unreachable_bytes, unknown_objects, unknown_bytes, listed_bytes"
        " FROM snapshots JOIN sources USING (source_id) WHERE name = ? AND unbilled_accepted"
        " ORDER BY taken_at DESC LIMIT 1",
        [source],
    )
    return Unbilled(*rows[0]) if rows else None


def needs_acceptance(unbilled: Unbilled, accepted: Unbilled | None) -> bool:
    """Whether so little of a source is billed that it looks like a mistake, and this was not accepted before."""
    return unbilled.is_most() and (accepted is None or unbilled.has_grown(accepted))


def refuse_unbilled(source: Source, found: Collected, unbilled: Unbilled, accepted: Unbilled | None) -> None:
    """Raises AcctError, which says what to check."""
    where = f"source {source.name}"
    if unbilled.unknown_objects and not found.has_marker:
        raise AcctError(
            where,
            f"has {counted(unbilled.unknown_objects, 'object')} below {source.url}, but none belongs to the layout"
            f" {source.layout}",
            "check the url, its prefix and the layout; if none of it should be billed, collect with --accept unbilled",
        )
    before = f" ({accepted.percent} % were accepted before)" if accepted else ""
    unknown = f"{counted(unbilled.unknown_objects, 'object')} of {unbilled.unknown_bytes:,} bytes"
    unreachable = f"{counted(unbilled.unreachable_blobs, 'blob')} of {unbilled.unreachable_bytes:,} bytes"
    reasons = [f"{unknown} are not part of the layout {source.layout}"] if unbilled.unknown_objects else []
    reasons += [f"nothing references {unreachable}"] if unbilled.unreachable_blobs else []
    what = (
        f"stores {unbilled.listed_bytes:,} bytes below {source.url}, and nobody would be billed for"
        f" {unbilled.percent} % of them{before}: {', and '.join(reasons)}"
    )
    if found.in_database:
        hint = (
            "the registry seems to keep its metadata in a database, as GitLab's may. Import snapshots of what it serves"
            " (acct import snapshot); if none of this should be billed, collect with --accept unbilled"
        )
    else:
        hint = (
            f"run `acct reconcile {source.name}` to see what they are, and check the url and the layout; if all is"
            " right, collect with --accept unbilled"
        )
    raise AcctError(where, what, hint)
