"""Snapshot files of one source into the ledger, all of them in one transaction."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from accounting.collectors.files import snapshot_file
from accounting.errors import AcctError
from accounting.facts.snapshots import Offer, Taken, digest_of_file, take_in
from accounting.instants import format_instant
from accounting.ledger import Ledger

_AHEAD_SECONDS = 300  # another machine's clock may be this far ahead


def offer_of(source: str, file: Path, taken_at: int, served: bool, accepted: frozenset[str]) -> Offer:
    """The snapshot in a file, `served` as in facts.snapshots.Offer; `accepted` are words of --accept.

    Raises AcctError if it cannot be read.
    """
    digest, rows = digest_of_file(file), snapshot_file.relation(file)
    # A file may lack anything that the previous snapshot contained; a note reports a large loss.
    everything = accepted | {"loss"}
    return Offer(source, taken_at, digest, rows, lambda row: snapshot_file.position(file, row), file, served=served,
                 accepted=everything)  # fmt: skip


def take_in_files(ledger: Ledger, offers: Sequence[Offer], progress: Callable[[str], None]) -> list[Taken]:
    """Record the snapshots in files, in their order; those that are already known change nothing.

    Raises AcctError as `take_in` does, naming the file if there are several, and for an instant in the future, unless
    `future` is accepted.
    """
    taken = []
    for number, offer in enumerate(offers, 1):
        progress(f"{offer.file}, {number:,} of {len(offers):,}")
        try:
            taken.append(take_in(ledger, offer))
            if not taken[-1].repeated:
                _refuse_future(offer)
        except AcctError as error:
            if len(offers) == 1 or error.where.startswith(str(offer.file)):
                raise
            raise type(error)(f"{offer.file}, {error.where}", error.what, error.hint) from error
    return taken


def _refuse_future(offer: Offer) -> None:
    if "future" not in offer.accepted and offer.taken_at > time.time() + _AHEAD_SECONDS:
        raise AcctError(
            f"the instant {format_instant(offer.taken_at)}",
            "is in the future, and no earlier snapshot could follow it",
            "correct it; if it is right, give --accept future",
        )
