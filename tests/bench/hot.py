"""The hard case of sharing: 20 base layers that 3,000 packages hold, drop, and take up again five times."""

import random
import time
from pathlib import Path

import polars as pl

from accounting import ledger as ledgers
from accounting.billing.usage import usage_of
from accounting.facts.snapshots import Offer, digest_of_frame, take_in
from accounting.ledger import Query
from accounting.rates.periods import rate_periods
from accounting.rates.ratecard import NO_CARD
from tests.bench.step import MONTH

LAYERS, PACKAGES, TIMES = 20, 3_000, 6


def microseconds_per_interval(folder: Path) -> float:
    """CPU time of the month's exact usage per interval in which a package holds a layer."""
    ledger = folder / "hot.duckdb"
    with ledgers.writing(ledger) as writer:
        _record(writer)
    with ledgers.reading(ledger) as reader:
        intervals: int = reader.rows("SELECT count(*) FROM holdings WHERE valid_from < valid_until")[0][0]
        start = time.process_time()
        query = Query(rate_periods(MONTH, NO_CARD), MONTH.end, NO_CARD.rules)
        for _ in (usage for view in reader.views(query) for usage in usage_of(view)):
            pass
        return (time.process_time() - start) / intervals * 1e6


def _record(writer: ledgers.Ledger) -> None:
    """Snapshots in which all layers are there and gone by turns. Each package takes them up at its own instant."""
    chance = random.Random(1)
    step = MONTH.seconds // (2 * TIMES)
    for number in range(2 * TIMES + 1):
        taken_at = MONTH.start + number * step
        held = range(PACKAGES if number % 2 == 0 and number < 2 * TIMES else 0)
        uploads = [taken_at - chance.randrange(step) for _ in held]
        rows = pl.DataFrame(
            {
                "package": [f"team/{p}" for p in held for _ in range(LAYERS)],
                "digest": [f"sha256:{layer}" for _ in held for layer in range(LAYERS)],
                "size_bytes": [10**6 + layer for _ in held for layer in range(LAYERS)],
                "uploaded_at": [uploads[p] for p in held for _ in range(LAYERS)],
            },
            schema={"package": pl.String, "digest": pl.String, "size_bytes": pl.Int64, "uploaded_at": pl.Int64},
        ).with_columns(workspace=pl.lit("acme"), format=pl.lit("container"), version=pl.lit("1"))
        take_in(writer, Offer("images", taken_at, digest_of_frame(rows), rows, str))
