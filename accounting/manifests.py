"""Manifests in the ledger: each is immutable, so what it names is kept by its digest and never read again."""

import polars as pl

from accounting.collectors.collected import MANIFESTS
from accounting.ledger import Ledger


def known_manifests(ledger: Ledger | None) -> pl.DataFrame:
    """What is known of manifests, by digest: the blobs that each names, and the manifests that an index lists."""
    if ledger is None:
        return pl.DataFrame(schema=MANIFESTS)
    return pl.DataFrame(pl.from_arrow(ledger.arrow("SELECT digest, blobs, children FROM manifests"))).cast(
        pl.Schema(MANIFESTS)
    )


def keep_manifests(ledger: Ledger, manifests: pl.DataFrame) -> None:
    """Keep manifests that were read for the first time."""
    if manifests.is_empty():
        return
    ledger.register("read_manifests", manifests.to_arrow())
    ledger.run(
        "INSERT INTO manifests SELECT r.digest, r.blobs, r.children FROM read_manifests AS r"
        " ANTI JOIN manifests AS m ON m.digest = r.digest ORDER BY r.digest"
    )
    ledger.changed = True
