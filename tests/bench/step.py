"""One measured step in a process of its own: prints its CPU seconds and the most memory that the process took.

`python -m tests.bench.step NAME LEDGER [ARGUMENT…]`, with the names of the functions below.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from accounting import ledger as ledgers
from accounting.billing.usage import coverage, usage_of
from accounting.collectors.files import snapshot_file
from accounting.facts.snapshots import Offer, digest_of_file, take_in
from accounting.instants import Month
from accounting.ledger import Query
from accounting.rates.periods import rate_periods
from accounting.rates.ratecard import NO_CARD
from tests.bench.generate import DAY, FIRST_DAY

MONTH = Month.holding(FIRST_DAY)

# The daily query that an analyst would write over full snapshots: who held which blob that day, and by how many.
NAIVE = """
    WITH holder AS (SELECT DISTINCT package_id, blob_id, size_bytes FROM snapshot),
    shared AS (SELECT blob_id, count(*) AS sharers FROM holder GROUP BY blob_id)
    SELECT package_id, sharers, sum(size_bytes::HUGEINT * 86400)
    FROM holder JOIN shared USING (blob_id) GROUP BY ALL
"""


def snapshot(ledger: Path, file: str, day: str) -> float:
    """Take in a snapshot file as that of a day; everything counts, the copy of the ledger and its flush too."""
    source, taken_at = Path(file), FIRST_DAY + int(day) * DAY
    start = time.process_time()
    rows = snapshot_file.relation(source)
    with ledgers.writing(ledger, readable=[source]) as writer:
        take_in(writer, Offer("images", taken_at, digest_of_file(source), rows, str, source))
    return time.process_time() - start


def month(ledger: Path, workspace: str | None = None) -> float:
    """The month's exact usage of all workspaces, or of one."""
    with ledgers.reading(ledger) as reader:
        start = time.process_time()
        until = min(MONTH.end, coverage(reader))
        query, names = Query(rate_periods(MONTH, NO_CARD), until, NO_CARD.rules), workspace and [workspace]
        for _ in (usage for view in reader.views(query, names) for usage in usage_of(view)):
            pass
        return time.process_time() - start


def naive(ledger: Path) -> float:
    """The naive query over a full snapshot of each day; laying out the snapshots does not count."""
    spent = 0.0
    with ledgers.reading(ledger) as reader:
        for day in range(30):
            reader.run(
                "CREATE OR REPLACE TEMP TABLE snapshot AS SELECT v.package_id, r.blob_id, b.size_bytes"
                " FROM reference_intervals AS r JOIN versions AS v USING (version_id) JOIN blobs AS b USING (blob_id)"
                " WHERE r.valid_from <= $1 AND (r.valid_until IS NULL OR r.valid_until > $1)",
                [FIRST_DAY + day * DAY],
            )
            start = time.process_time()
            reader.rows(NAIVE)
            spent += time.process_time() - start
    return spent


def distinct(ledger: Path) -> float:
    """Counting the distinct pairs of blob and package, from the references."""
    return _timed(
        ledger,
        "SELECT count(*) FROM (SELECT DISTINCT r.blob_id, v.package_id"
        " FROM reference_intervals AS r JOIN versions AS v USING (version_id))",
    )


def scan(ledger: Path) -> float:
    """A bare scan of the references' columns."""
    columns = "source_id + version_id + blob_id + valid_from + coalesce(valid_until, 0)"
    return _timed(ledger, f"SELECT sum({columns}) FROM reference_intervals")


def peak_memory_bytes() -> int:
    """The most that was resident; getrusage would tell that of the process that started this one, where it is more."""
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak) * 1024


def _timed(ledger: Path, query: str) -> float:
    with ledgers.reading(ledger) as reader:
        start = time.process_time()
        reader.rows(query)
        return time.process_time() - start


if __name__ == "__main__":
    steps: dict[str, Callable[..., float]] = {s.__name__: s for s in (snapshot, month, naive, distinct, scan)}
    cpu = steps[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
    memory = peak_memory_bytes()
    print(json.dumps({"cpu_seconds": cpu, "memory_bytes": memory}))
