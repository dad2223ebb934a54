"""From a configured source to a snapshot in the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from accounting.collectors import distribution
from accounting.collectors.collected import Collected
from accounting.collectors.places import open_store
from accounting.errors import AcctError
from accounting.ledger import reading, writing
from accounting.manifests import keep_manifests, known_manifests
from accounting.model import Source
from accounting.snapshots import Offer, Taken, digest_of_frame, ever_filled, take_in


@dataclass(frozen=True)
class Collection:
    """What came of collecting a source: the merge, and what was found beside the references.

    Unreachable blobs are stored though nothing served reaches them; missing ones are named by a served manifest
    and not stored. Neither is billed. `empty` is a place with no trace of a registry.
    """

    taken: Taken
    unreachable_blobs: int
    unreachable_bytes: int
    missing_blobs: int
    empty: bool


class SourceRead(NamedTuple):
    """What was found in a source, and whether any snapshot of it in the ledger held a reference."""

    found: Collected
    filled_before: bool


def read_source(ledger_path: Path, source: Source, base: Path, news: Callable[[str], None]) -> SourceRead:
    """Read a source, all but the manifests that the ledger knows. Raises AcctError where it cannot be trusted."""
    known, filled = known_manifests(None), False
    if ledger_path.exists():
        with reading(ledger_path) as ledger:
            known, filled = known_manifests(ledger), ever_filled(ledger, source.name)
    return SourceRead(distribution.collect(open_store(source, base), source, known, news), filled)


def collect(ledger_path: Path, source: Source, base: Path, news: Callable[[str], None],
            accept_loss: bool = False) -> Collection:  # fmt: skip
    """Take a snapshot of a source; a relative folder is one below `base`.

    Unless `accept_loss`, a snapshot that lacks most of what the one before held is refused.

    The source is read before the ledger is held, so that a slow listing keeps no other import waiting. Raises
    AcctError where the listing or a manifest cannot be trusted; then nothing is recorded.
    """
    found, filled = read_source(ledger_path, source, base, news)
    where = f"source {source.name}"
    if filled and not found.has_marker and not accept_loss:
        raise AcctError(
            where,
            f"has no registry below {source.url}, though it had one",
            "check the url and its prefix, or collect with --accept-loss if that is true",
        )
    offer = Offer(
        source.name,
        found.taken_at,
        digest_of_frame(found.references),
        found.references,
        lambda row: where,
        unreachable_blobs=found.garbage.height,
        unreachable_bytes=int(found.garbage["size_bytes"].sum()),
        loss_is_true=accept_loss,
    )
    news("merging the snapshot")
    with writing(ledger_path) as ledger:
        taken = take_in(ledger, offer)
        keep_manifests(ledger, found.manifests)
    return Collection(
        taken, offer.unreachable_blobs, offer.unreachable_bytes, found.missing_blobs, not found.has_marker
    )
