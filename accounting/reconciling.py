"""What a source lists against what is billed for it: every byte, and where each difference lies."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from accounting.billing.usage import stored_states
from accounting.collectors.layouts.collected import PART_NAMES, UNKNOWN, UPLOAD, Collected
from accounting.collectors.places.opening import open_store
from accounting.facts.broken import BrokenObject, broken_in
from accounting.facts.cards import card_in_force
from accounting.facts.collecting import read_source
from accounting.ledger import reading
from accounting.model import Source, StoredState

SHOWN_KEYS = 20
NONCURRENT = "noncurrent"


@dataclass(frozen=True)
class ListedKind:
    """Objects of one kind (collectors.collected), and their bytes."""

    name: str
    objects: int
    size_bytes: int


@dataclass(frozen=True)
class WorkspaceBytes:
    """What a workspace's versions reach, each blob once, and the states of what the ledger has stored for it."""

    workspace: str
    reachable_bytes: int
    states: tuple[StoredState, ...]

    @property
    def recorded_bytes(self) -> int:
        """By the source's latest snapshot."""
        return sum(state.size_bytes for state in self.states)

    @property
    def billed_bytes(self) -> int:
        """Of them, what is charged now."""
        return sum(state.size_bytes for state in self.states if state.charged)


@dataclass(frozen=True)
class Reconciliation:
    """A source at `taken_at` (epoch seconds): what it lists, part by part, and its workspaces by name.

    Listed is the sum of the parts; where noncurrent versions may not be listed, there is no such part. Missing blobs
    are named by what is served and not stored; `unknown_keys` are the first of those that do not fit the layout;
    `broken` are the objects that the registry cannot read, or that contradict each other. A blob that several
    workspaces reach is stored once, and in each of them.
    """

    source: str
    taken_at: int
    parts: tuple[ListedKind, ...]
    missing_blobs: int
    unknown_keys: tuple[str, ...]
    broken: tuple[BrokenObject, ...]
    workspaces: tuple[WorkspaceBytes, ...]

    @property
    def listed_objects(self) -> int:
        return sum(part.objects for part in self.parts)

    @property
    def listed_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    @property
    def knows_noncurrent(self) -> bool:
        return any(part.name == NONCURRENT for part in self.parts)

    @property
    def unknown(self) -> ListedKind:
        """What does not fit the layout."""
        return next(part for part in self.parts if part.name == UNKNOWN)


def reconcile(ledger_path: Path, source: Source, base: Path, progress: Callable[[str], None]) -> Reconciliation:
    """List a source anew and compare it with the ledger, which stays as it is.

    Raises AcctError where the listing or a manifest cannot be trusted.
    """
    found = read_source(ledger_path, source, base, progress).found
    store = open_store(source, base)
    unfinished, noncurrent = store.unfinished_uploads(progress), store.noncurrent_versions(progress)
    states: list[StoredState] = []
    if ledger_path.exists():
        with reading(ledger_path) as ledger:
            states = stored_states(ledger, source.name, int(time.time()), card_in_force(ledger).rules)
    unknown = found.parts.filter(pl.col("part") == UNKNOWN)["key"].sort()
    return Reconciliation(
        source.name,
        found.taken_at,
        _parts(found.parts, unfinished) + ((ListedKind(NONCURRENT, *noncurrent),) if noncurrent else ()),
        found.missing_blobs,
        tuple(unknown.head(SHOWN_KEYS)),
        tuple(broken_in(source.name, found.broken)),
        _workspaces(found, states),
    )


def _parts(objects: pl.DataFrame, unfinished: pl.DataFrame) -> tuple[ListedKind, ...]:
    """Every part, those of which nothing is there too; unfinished multipart uploads are in no listing of objects."""
    uploads = unfinished.select("key", "size_bytes", part=pl.lit(UPLOAD))
    sums = pl.concat([objects, uploads]).group_by("part").agg(pl.len(), pl.col("size_bytes").sum())
    by_name = {name: (count, size_bytes) for name, count, size_bytes in sums.iter_rows()}
    return tuple(ListedKind(name, *by_name.get(name, (0, 0))) for name in PART_NAMES)


def _workspaces(found: Collected, states: list[StoredState]) -> tuple[WorkspaceBytes, ...]:
    blobs = found.references.select("workspace", "digest", "size_bytes").unique()
    reachable = dict(blobs.group_by("workspace").agg(pl.col("size_bytes").sum()).iter_rows())
    names = sorted(reachable.keys() | {state.workspace for state in states})
    return tuple(
        WorkspaceBytes(name, reachable.get(name, 0), tuple(s for s in states if s.workspace == name)) for name in names
    )
