"""The monthly run against the month's usage alone: `python -m tests.bench.monthly [--references N] [--ledger FILE]`.

A synthetic registry (tests/bench/generate.py) of 2,000 workspaces, of which a fifth of the blobs stand in several
packages, goes into a ledger by weekly snapshots; then `acct run` writes its month's folder. CPU seconds of all
processes; the memory is that of all of them at one time.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.generate import WORKSPACES, Registry
from tests.bench.run import SHARING, best, measure
from tests.bench.step import MONTH
from tests.support.closing import CARD

DAYS = (0, 7, 14, 21, 28, 31)
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Run:
    """A run as the operating system saw it."""

    cpu_seconds: float
    seconds: float
    memory_bytes: int


def make_ledger(ledger: Path, references: int) -> None:
    """The registry's weekly snapshots, and a rate card."""
    file = ledger.with_suffix(".parquet")
    registry = Registry(references, *SHARING["20 %"])
    for day in DAYS:
        if day:
            registry.next_day()
        registry.write(file)
        measure("snapshot", ledger, str(file), str(day))
        print(f"{references:,} references, day {day}", file=sys.stderr)
    registry.close()
    file.unlink()


def load_card(ledger: Path) -> None:
    card = ledger.with_suffix(".toml")
    card.write_text(CARD, encoding="utf-8")
    subprocess.run([*acct(ledger), "rates", "load", str(card)], check=True)


def acct(ledger: Path) -> list[str]:
    return [sys.executable, "-m", "accounting", "--ledger", str(ledger)]


def watched(command: list[str]) -> Run:
    """A command and all processes that it starts."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    most = 0
    with subprocess.Popen(command) as running:
        ended = threading.Event()

        def look() -> None:
            nonlocal most
            while not ended.wait(LOOK_SECONDS):
                most = max(most, sum(map(resident_bytes, family(running.pid))))

        looking = threading.Thread(target=look)
        looking.start()
        status = running.wait()
        ended.set()
        looking.join()
    assert status == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(cpu, time.perf_counter() - start, most)


def family(process: int) -> Iterator[int]:
    """A process and those that descend from it."""
    yield process
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except OSError:  # it has ended meanwhile
        pass


def resident_bytes(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--ledger", type=Path, help="one that was made so already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="acct-bench-") as folder:
        ledger = options.ledger or Path(folder) / "bench.duckdb"
        if not options.ledger:
            make_ledger(ledger, options.references)
        load_card(ledger)
        usage = best("month", ledger)
        out = Path(folder) / "out"
        run = watched([*acct(ledger), "run", "--month", str(MONTH), "--out", str(out)])
        files = [file.stat().st_size for file in out.rglob("*") if file.is_file()]
    print(f"the run / the month's usage: {run.cpu_seconds / usage.cpu_seconds:.1f} ({run.cpu_seconds:.1f} CPU seconds)")
    print(f"a statement: {1000 * run.cpu_seconds / WORKSPACES:.1f} ms of CPU, {1000 * run.seconds / WORKSPACES:.1f} ms")
    print(f"memory: {run.memory_bytes / 1e6:.0f} MB; usage alone: {usage.memory_bytes / 1e6:.0f} MB")
    print(f"{len(files):,} files, {sum(files) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
