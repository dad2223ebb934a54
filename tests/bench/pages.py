"""What a long statement takes in each format: `python -m tests.bench.pages`.

Workspaces of 100, 1,000 and 10,000 packages, a line each, in 40 repositories, go into one ledger; and another of 10,000
whose packages all build on common layers, so that its page has a second table as long. Each format of each statement
is made in a process of its own, from figures that are ready; `figures` is what these take. CPU seconds, the libraries'
loading among them, and the most memory of the process; then what a line adds, from 1,000 to 10,000.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from accounting import ledger as ledgers
from accounting.facts.snapshots import Offer, digest_of_frame, take_in
from accounting.instants import parse_instant
from accounting.pages.statement_page import statement_page
from accounting.rendering.statement.formats import FORMATS
from tests.bench.monthly import acct, load_card
from tests.bench.step import MONTH, peak_memory_bytes

LINES = {"100": 100, "1,000": 1_000, "10,000": 10_000, "10,000 sharing": 10_000}
REPOSITORIES = 40
LAYERS = 20  # that are shared
REPEATS = 3


@dataclass(frozen=True)
class Made:
    """A format of one statement, or its figures."""

    cpu_seconds: float
    memory_bytes: int


def make_ledger(ledger: Path) -> None:
    """The workspaces, with a snapshot at the month's start and one at its end; every package is linked."""
    rows = pl.concat(references(workspace, lines) for workspace, lines in LINES.items())
    with ledgers.writing(ledger) as writer:
        for taken_at in (MONTH.start, MONTH.end):
            take_in(writer, Offer("images", taken_at, digest_of_frame(rows), rows, str))
    repository = pl.format("repository-{}", pl.col("package").hash() % REPOSITORIES)
    links = ledger.with_suffix(".csv")
    rows.select("workspace", "format", "package", repository=repository).unique().write_csv(links)
    subprocess.run([*acct(ledger), "--quiet", "import", "links", str(links)], check=True)
    load_card(ledger)


def references(workspace: str, lines: int) -> pl.DataFrame:
    """One version of each package, with a layer of its own, and a common one where they share."""
    number = pl.int_range(lines, eager=True).alias("number")
    layers = pl.DataFrame(number).select(
        workspace=pl.lit(workspace),
        format=pl.lit("container"),
        package=pl.format("team-{}/payment-service-{}", pl.col("number") % 90, "number"),
        version=pl.lit("1.0.0"),
        digest=pl.format(f"sha256:{lines}-{{}}", "number"),
        size_bytes=10**6 * (1 + pl.col("number") * 7919 % 1_000),
        uploaded_at=pl.lit(parse_instant("2026-09-01T00:00:00Z")),
    )
    common = layers.with_columns(
        digest=pl.format("sha256:base-{}", number % LAYERS), size_bytes=10**7 * (1 + number % LAYERS)
    )
    return pl.concat([layers, common]) if "sharing" in workspace else layers


def make(ledger: Path, workspace: str, format_: str) -> Made:
    """One format in this process, or the figures."""
    start = time.process_time()
    with ledgers.reading(ledger) as reader:
        page = statement_page(reader, workspace, MONTH)
    if format_ != "figures":
        start = time.process_time()
        FORMATS[format_](page)
    return Made(time.process_time() - start, peak_memory_bytes())


def best(ledger: Path, workspace: str, format_: str) -> Made:
    """The least of a few runs, each in a process of its own: noise only adds."""
    command = [sys.executable, "-m", "tests.bench.pages", str(ledger), workspace, format_]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(REPEATS)]
    return min((Made(**json.loads(run)) for run in runs), key=lambda made: made.cpu_seconds)


def main() -> None:
    print("".join([f"{'lines':8}", *(f"{workspace:>19}" for workspace in LINES), "   µs a line"]))
    with tempfile.TemporaryDirectory(prefix="acct-bench-") as folder:
        ledger = Path(folder) / "bench.duckdb"
        make_ledger(ledger)
        for format_ in ("figures", *FORMATS):
            made = {workspace: best(ledger, workspace, format_) for workspace in LINES}
            cells = [f"{each.cpu_seconds:10.2f} s {each.memory_bytes / 1e6:4.0f} MB" for each in made.values()]
            a_line = (made["10,000"].cpu_seconds - made["1,000"].cpu_seconds) / (LINES["10,000"] - LINES["1,000"])
            print("".join([f"{format_:8}", *cells, f"{a_line * 1e6:12.0f}"]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(vars(make(Path(sys.argv[1]), *sys.argv[2:]))))
    else:
        main()
