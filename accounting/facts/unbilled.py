"""What a source stores and nobody is billed for, and when that is so much of it that its collection is refused."""

from dataclasses import dataclass

import polars as pl

from accounting.collectors.collected import UNKNOWN, Collected
from accounting.errors import AcctError
from accounting.ledger import Ledger
from accounting.model import Source
from accounting.text import counted

GROWTH_PERCENT = 10


@dataclass(frozen=True)
class Unbilled:
    """Of `listed_bytes` in all: blobs that nothing reaches, and objects that fit nowhere in the layout."""

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
        """For people, cut to whole ones."""
        return 100 * self.size_bytes // max(self.listed_bytes, 1)

    def is_most(self) -> bool:
        """Whether it is more than half."""
        return 2 * self.size_bytes > self.listed_bytes

    def has_grown(self, accepted: "Unbilled") -> bool:
        """Whether its share is ten points larger than one that was accepted.

        >>> accepted = Unbilled(unknown_bytes=600, listed_bytes=1000)
        >>> [Unbilled(unknown_bytes=n, listed_bytes=1000).has_grown(accepted) for n in (600, 699, 700)]
        [False, False, True]
        """
        growth = self.size_bytes * accepted.listed_bytes - accepted.size_bytes * self.listed_bytes
        return 100 * growth >= GROWTH_PERCENT * self.listed_bytes * accepted.listed_bytes


def unbilled_of(found: Collected) -> Unbilled:
    """What a collector found that no bill holds."""
    unknown = found.parts.filter(pl.col("part") == UNKNOWN)
    return Unbilled(
        found.garbage.height,
        int(found.garbage["size_bytes"].sum()),
        unknown.height,
        int(unknown["size_bytes"].sum()),
        int(found.parts["size_bytes"].sum()),
    )


def accepted_unbilled(ledger: Ledger, source: str) -> Unbilled | None:
    """What was accepted of a source last, with --accept unbilled; None where that was never needed."""
    rows = ledger.rows(
        "SELECT unreachable_blobs, unreachable_bytes, unknown_objects, unknown_bytes, listed_bytes"
        " FROM snapshots JOIN sources USING (source_id) WHERE name = ? AND unbilled_accepted"
        " ORDER BY taken_at DESC LIMIT 1",
        [source],
    )
    return Unbilled(*rows[0]) if rows else None


def needs_acceptance(unbilled: Unbilled, accepted: Unbilled | None) -> bool:
    """Whether so little of a source is billed that it looks like a mistake, and was not accepted before."""
    return unbilled.is_most() and (accepted is None or unbilled.has_grown(accepted))


def refuse_unbilled(source: Source, found: Collected, unbilled: Unbilled, accepted: Unbilled | None) -> None:
    """Raises AcctError, which says what to look at."""
    where = f"source {source.name}"
    if unbilled.unknown_objects and not found.has_marker:
        raise AcctError(
            where,
            f"has {counted(unbilled.unknown_objects, 'object')} below {source.url}, and none that belongs to the layout"
            f" {source.layout}",
            "check the url, its prefix and the layout; collect with --accept unbilled if all of it is to stay unbilled",
        )
    before = f", and {accepted.percent} % were accepted before" if accepted else ""
    unknown = f"{counted(unbilled.unknown_objects, 'object')} of {unbilled.unknown_bytes:,} bytes"
    unreachable = f"{counted(unbilled.unreachable_blobs, 'blob')} of {unbilled.unreachable_bytes:,} bytes"
    what = (
        f"stores {unbilled.listed_bytes:,} bytes below {source.url}, and nobody would be billed for"
        f" {unbilled.percent} % of them{before}: {unknown} fit nowhere in the layout {source.layout}, and nothing"
        f" reaches {unreachable}"
    )
    if found.in_database:
        hint = (
            "the registry seems to keep its metadata in a database, as GitLab's may: import snapshots of what it serves"
            " instead (acct import snapshot), or collect with --accept unbilled if nothing of this is to be billed"
        )
    else:
        hint = (
            f"see `acct reconcile {source.name}` for what they are, and check the url and the layout; collect with"
            " --accept unbilled if that is true"
        )
    raise AcctError(where, what, hint)
