"""From a configured source to a snapshot in the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from accounting.collectors.layouts import distribution, maven2, verdaccio
from accounting.collectors.layouts.collected import Collected, Manifests
from accounting.collectors.places.opening import open_store
from accounting.errors import AcctError
from accounting.facts.broken import BrokenObject, broken_in, broken_now, record_broken, refuse_many_broken
from accounting.facts.manifests import Journal, keep_manifests, known_manifests
from accounting.facts.snapshots import Offer, Taken, digest_of_frame, ever_filled, last_record_of, take_in
from accounting.facts.sources import source_states
from accounting.facts.unbilled import Unbilled, accepted_unbilled, needs_acceptance, refuse_unbilled, unbilled_of
from accounting.ledger import reading, writing
from accounting.model import Source

# By layout, as config.LAYOUTS names them.
COLLECTORS = {"distribution": distribution.collect, "verdaccio": verdaccio.collect, "maven2": maven2.collect}


@dataclass(frozen=True)
class Collection:
    """The result of collecting a source: the merge, and what was found besides references.

    Missing blobs are named by a served manifest but not stored. `empty`: the place has no trace of a registry.
    `broken` are the objects that the registry cannot read, or that contradict each other.
    """

    taken: Taken
    unbilled: Unbilled
    missing_blobs: int
    empty: bool
    broken: tuple[BrokenObject, ...]


class SourceRead(NamedTuple):
    """What was found in a source; whether any of its snapshots in the ledger had a reference; what was last accepted
    with --accept unbilled; the keys that its latest snapshot found broken; and the journal of manifests that were read.
    """

    found: Collected
    filled_before: bool
    accepted_before: Unbilled | None
    broken_before: frozenset[str]
    journal: Journal


def read_source(ledger_path: Path, source: Source, base: Path, progress: Callable[[str], None]) -> SourceRead:
    """Read a source, except the manifests that the ledger knows. Raises AcctError if an answer cannot be trusted."""
    journal = Journal(ledger_path)
    manifests, filled, unbilled = Manifests(keep=journal.keep, begun=journal.read()), False, None
    if ledger_path.exists():
        with reading(ledger_path, before_writing=True) as ledger:
            broken = frozenset(each.key for each in broken_now(ledger) if each.source == source.name)
            since = {state.name: state.latest_at for state in source_states(ledger)}.get(source.name)
            manifests = replace(manifests, known=known_manifests(ledger), since=since, broken=broken)
            filled = ever_filled(ledger, source.name)
            unbilled = accepted_unbilled(ledger, source.name)
    found = COLLECTORS[source.layout](open_store(source, base), source, manifests, progress)
    return SourceRead(found, filled, unbilled, manifests.broken, journal)


def collect(ledger_path: Path, source: Source, base: Path, progress: Callable[[str], None],
            accepted: frozenset[str] = frozenset()) -> Collection:  # fmt: skip
    """Take a snapshot of a source; a relative folder is below `base`.

    `accepted` are words of --accept. Without `loss`, a snapshot that lacks more than half of the previous one is
    refused; without `unbilled`, one of which most bytes would not be billed; without `broken`, one with many newly
    broken objects.

    The source is read before the ledger is locked, so that no other import waits for a slow listing. Raises AcctError
    if the listing or a manifest cannot be trusted; then nothing is recorded.
    """
    last_record = last_record_of(ledger_path)
    found, filled, accepted_before, broken_before, journal = read_source(ledger_path, source, base, progress)
    where = f"source {source.name}"
    if filled and not found.has_marker and "loss" not in accepted:
        raise AcctError(
            where,
            f"no longer has a registry below {source.url}",
            "check the url and its prefix; if the registry is really gone, collect with --accept loss",
        )
    unbilled = unbilled_of(found)
    is_excessive = needs_acceptance(unbilled, accepted_before)
    if is_excessive and "unbilled" not in accepted:
        refuse_unbilled(source, found, unbilled, accepted_before)
    if "broken" not in accepted:
        refuse_many_broken(source.name, found, broken_before)
    offer = Offer(
        source.name,
        found.taken_at,
        digest_of_frame(found.references),
        found.references,
        lambda row: where,
        unbilled=unbilled,
        unbilled_accepted=is_excessive,
        accepted=accepted | {"sizes"},  # the stored size is billed, whatever it was before
        last_record=last_record,
    )
    progress("merging the snapshot")
    with writing(ledger_path) as ledger:
        taken = take_in(ledger, offer)
        if not taken.repeated:
            record_broken(ledger, found.broken)
        keep_manifests(ledger, pl.concat([journal.read(), found.manifests]).unique("digest"))
    journal.clear()
    broken = tuple(broken_in(source.name, found.broken))
    return Collection(taken, unbilled, found.missing_blobs, not found.has_marker, broken)
