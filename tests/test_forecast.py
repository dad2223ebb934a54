"""A forecast from held-back history: what is known is what the bill says if nothing happens; ranges hold what came."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounting.ledger import writing
from accounting.ranges import ENOUGH_DAYS, futures, inner_range
from tests.cli_runner import run
from tests.model_of_rules import DAY, Case, Row, Snapshot
from tests.project import Books

# Forty-five days, then three months, as seen from the middle of a month.
MONTHS = ((0, 15), (15, 45), (45, 76), (76, 107))


def growth(chance: random.Random) -> Iterator[float]:
    """A little more every day."""
    stored = 100.0
    while True:
        stored += chance.gauss(1, 0.5)
        yield stored


def compounding(chance: random.Random) -> Iterator[float]:
    """Three per cent more every month, by fits and starts."""
    stored = 100.0
    while True:
        stored *= 1 + chance.gauss(0.001, 0.002)
        yield stored


def wandering(chance: random.Random) -> Iterator[float]:
    """As much up as down."""
    stored = 1000.0
    while True:
        stored = max(stored + chance.gauss(0, 5), 0)
        yield stored


def weeks(chance: random.Random) -> Iterator[float]:
    """Builds that weekends clear away, over slow growth."""
    stored = 500.0
    while True:
        for weekday in range(7):
            stored += chance.gauss(0.3, 1)
            yield stored + (30 if weekday < 5 else 0) + chance.gauss(0, 2)


def noise(chance: random.Random) -> Iterator[float]:
    """Every day another level."""
    while True:
        yield 500 + chance.gauss(0, 30)


def cleanups(chance: random.Random) -> Iterator[float]:
    """Growth, and a job that takes most of it away once a month."""
    stored, day = 200.0, chance.randrange(30)
    while True:
        stored += abs(chance.gauss(3, 1))
        if day % 30 == 0:
            stored -= min(stored * 0.9, 90 * chance.uniform(0.7, 1.2))
        day += 1
        yield stored


def releases(chance: random.Random) -> Iterator[float]:
    """Nothing for days, then a large release, now and then a large deletion."""
    stored = 100.0
    while True:
        if chance.random() < 0.1:
            stored += chance.expovariate(1 / 20)
        if chance.random() < 0.03:
            stored = max(stored - chance.expovariate(1 / 40), 10)
        yield stored


KINDS = (growth, compounding, wandering, weeks, noise, cleanups, releases)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_ranges_hold_what_came_eight_times_in_ten(kind: Callable[[random.Random], Iterator[float]]) -> None:
    hits = tries = 0
    for seed in range(6):
        stored = [each for each, _ in zip(kind(random.Random(seed)), range(400), strict=False)]
        for cut in (90, 170, 290):
            paths = futures(stored[:cut], MONTHS[-1][1])
            for start, end in MONTHS:
                low, high = inner_range([sum(path[start:end]) / (end - start) for path in paths])
                came = sum(stored[cut + start : cut + end]) / (end - start) - stored[cut - 1]
                hits += min(low, 0) <= came <= max(high, 0)
                tries += 1
    assert hits >= 0.8 * tries


def test_what_never_changed_has_no_range() -> None:
    assert {value for path in futures([7.0] * 100, 50) for value in path} == {0.0}


def test_the_same_past_has_the_same_futures() -> None:
    past = [float(day % 5) for day in range(60)]
    assert futures(past, 40) == futures(past, 40)


# Through a ledger


def row(name: str, size: int, uploaded: int) -> Row:
    return Row("acme", "container", name, "1", f"sha256:{name}", size, instant(uploaded))


def instant(day: int) -> str:
    """Days counted from 2026-01-01."""
    return datetime.fromtimestamp(1_767_225_600 + day * DAY, UTC).isoformat().replace("+00:00", "Z")


CARD = {
    "currency": "USD",
    "rule": [{"effective_from": datetime(2025, 12, 3).date(), "retention_days": 30,
              "charged": ["live", "repository_deleted"], "share": "workspace"}],
    "rate": [{"effective_from": datetime(2025, 12, 3).date(), "unit": "GB",
              "tiers": [{"up_to": "100", "price": "0.25"}, {"price": "0.20"}], "included": {"default": "10"}}],
}  # fmt: skip


def registry(day: int) -> tuple[Row, ...]:
    """What is stored on a day: a version every other day, of sizes that vary, each kept for 120 days."""
    size = random.Random(4)
    sizes = [size.randrange(1, 6) * 10**9 for _ in range(0, 300, 2)]
    born = enumerate(range(0, 300, 2))
    return (row("base", 50 * 10**9, -1), *(row(f"v{i}", sizes[i], at) for i, at in born if at <= day < at + 120))


def taken(day: int) -> Snapshot:
    return Snapshot("images", instant(day), registry(day))


def told(books: Books, workspace: str = "acme") -> dict[str, object]:
    shown = run("--ledger", books.ledger, "forecast", "--workspace", workspace, "--format", "json", cwd=books.folder)
    assert shown.exit_code == 0, shown.stderr
    answer: dict[str, object] = json.loads(shown.stdout)
    return answer
