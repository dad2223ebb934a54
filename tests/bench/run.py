"""All benchmarks side by side, as a table of ratios: `python -m tests.bench.run [--references N]… [--days N]`.

Synthetic registries (tests/bench/generate.py) of 1 M and 10 M references, with about 2 % and 20 % of their blobs in
several packages, go into ledgers snapshot by snapshot; then each step runs in a process of its own. CPU seconds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from accounting import ledger as ledgers
from tests.bench import hot
from tests.bench.generate import Registry

# Of 1,000 versions, how many are copies; and the first layer of a version that the workspace shares.
SHARING = {"2 %": (15, 19), "20 %": (420, 15)}
REPEATS = 3


@dataclass(frozen=True)
class Step:
    cpu_seconds: float
    memory_bytes: int


def measure(name: str, ledger: Path, *arguments: str) -> Step:
    command = [sys.executable, "-m", "tests.bench.step", name, str(ledger), *arguments]
    return Step(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def best(name: str, ledger: Path, *arguments: str) -> Step:
    """The least of a few runs: noise only adds."""
    return min((measure(name, ledger, *arguments) for _ in range(REPEATS)), key=lambda step: step.cpu_seconds)


def bench(folder: Path, references: int, sharing: str, days: int) -> dict[str, object]:
    """One registry: its ledger day by day, then the queries."""
    ledger, file = folder / "bench.duckdb", folder / "day.parquet"
    ledger.unlink(missing_ok=True)
    registry = Registry(references, *SHARING[sharing])
    taken = []
    for day in range(days):
        if day:
            registry.next_day()
        registry.write(file)
        taken.append(measure("snapshot", ledger, str(file), str(day)))
        print(f"{references:,} at {sharing}, day {day}: {taken[-1].cpu_seconds:.1f} s", file=sys.stderr)
    registry.close()
    unchanged = measure("snapshot", ledger, str(file), str(days))
    with ledgers.reading(ledger) as reader:
        recorded, shared = reader.rows(
            "SELECT (SELECT count(*) FROM reference_intervals),"
            " (SELECT count(DISTINCT blob_id) FILTER (WHERE shared) / count(DISTINCT blob_id) FROM holdings)"
        )[0]
        by_size = reader.rows(
            "SELECT w.name FROM holdings JOIN packages USING (package_id) JOIN workspaces AS w USING (workspace_id)"
            " GROUP BY w.name ORDER BY count(*)"
        )
    month, distinct, scan = best("month", ledger), best("distinct", ledger), best("scan", ledger)
    one = best("month", ledger, by_size[len(by_size) // 2][0])
    naive = measure("naive", ledger)
    first, following = taken[0].cpu_seconds, median(step.cpu_seconds for step in taken[1:])
    return {
        "references": f"{references:,}",
        "blobs in several packages": f"{100 * shared:.0f} %",
        "month": month.cpu_seconds,
        "naive daily query / month": f"{naive.cpu_seconds / month.cpu_seconds:.1f}",
        "month / distinct pairs": f"{month.cpu_seconds / distinct.cpu_seconds:.1f}",
        "month / bare scan": f"{month.cpu_seconds / scan.cpu_seconds:.0f}",
        "month, memory": f"{month.memory_bytes / 1e6:.0f} MB",
        "month / median workspace": f"{month.cpu_seconds / one.cpu_seconds:.0f}",
        "next snapshot / first": f"{following / first:.2f}",
        "unchanged snapshot / first": f"{unchanged.cpu_seconds / first:.2f}",
        "ledger bytes / reference recorded": f"{ledger.stat().st_size / recorded:.1f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, action="append")
    parser.add_argument("--days", type=int, default=32)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="acct-bench-") as folder:
        for sharing in SHARING:
            of_sharing = [
                bench(Path(folder), n, sharing, options.days) for n in options.references or (1_000_000, 10_000_000)
            ]
            for row in of_sharing:
                row["month / month of the first"] = (
                    f"{float(str(row['month'])) / float(str(of_sharing[0]['month'])):.1f}"
                )
            rows += of_sharing
        high_churn = hot.microseconds_per_interval(Path(folder))
    for row in rows:
        row.pop("month")
    names = list(rows[0])
    for name in names:
        print("| " + " | ".join([name, *(str(row[name]) for row in rows)]) + " |")
    print(f"\nA layer that thousands of packages drop and take up: {high_churn:.1f} µs per interval")


if __name__ == "__main__":
    main()
