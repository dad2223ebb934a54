"""A forecast from held-back history: what is known is what the bill says if nothing happens; ranges hold what came."""

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from unittest import mock

import pytest
from defusedxml import ElementTree
from hypothesis import given

from accounting.analysis.forecasting import ForecastMonth, forecast
from accounting.analysis.ranges import ENOUGH_DAYS, futures, inner_range, losing_once
from accounting.errors import AcctError
from tests.support import model_of_rules as model
from tests.support.cli_runner import run
from tests.support.golden import minor_units
from tests.support.histories import histories
from tests.support.laws import tried
from tests.support.model_of_rules import DAY, Bill, Case, Row, Snapshot
from tests.support.project import Books, Card, Events, books

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


SEEDS = [2, pytest.param(12, marks=pytest.mark.slow)]


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_ranges_hold_what_came_eight_times_in_ten(kind: Callable[[random.Random], Iterator[float]], seeds: int) -> None:
    hits = tries = 0
    for seed in range(seeds):
        stored = [each for each, _ in zip(kind(random.Random(seed)), range(400), strict=False)]
        for cut in (90, 170, 290):
            paths = futures(stored[:cut], MONTHS[-1][1])
            for start, end in MONTHS:
                low, high = inner_range([sum(path[start:end]) / (end - start) for path in paths])
                came = sum(stored[cut + start : cut + end]) / (end - start) - stored[cut - 1]
                hits += min(low, 0) <= came <= max(high, 0)
                tries += 1
    assert hits >= 0.8 * tries


@pytest.mark.parametrize("seeds", SEEDS)
def test_ranges_hold_what_came_with_deletions(seeds: int) -> None:
    """Eight times in ten, where some of five packages, or all, are deleted now and then, most of them for some days."""
    hits = tries = 0
    for number, kind in enumerate(KINDS):
        for seed in range(seeds):
            chances = [random.Random(97 * seed + package) for package in range(5)]
            stored = [[each for each, _ in zip(kind(chance), range(400), strict=False)] for chance in chances]
            there = presence(random.Random(1000 * number + seed), 400)
            charged = [sum(of[day] for of, is_ in zip(stored, there, strict=True) if is_[day]) for day in range(400)]
            for cut in (90, 170, 290):
                live = [of for of, is_ in zip(stored, there, strict=True) if is_[cut - 1]]
                content = [sum(of[day] for of in live) for day in range(cut)]
                beside = [all_ - of for all_, of in zip(charged, content, strict=False)]
                paths = losing_once(futures(content, MONTHS[-1][1]), beside)
                for start, end in MONTHS:
                    low, high = inner_range([sum(path[start:end]) / (end - start) for path in paths])
                    came = sum(charged[cut + start : cut + end]) / (end - start) - charged[cut - 1]
                    hits += min(low, 0) <= came <= max(high, 0)
                    tries += 1
    assert hits >= 0.8 * tries


def presence(chance: random.Random, days: int) -> list[list[bool]]:
    """By package and day, whether it is not deleted: itself, now and then for good, or with the whole workspace."""
    there = [[True] * days for _ in range(5)]
    for day in range(days):
        for one_in, packages, most, for_good in ((400, range(5), 5, 0), (200, [chance.randrange(5)], 15, 0.3)):
            if chance.randrange(one_in) == 0:
                until = days if chance.random() < for_good else min(day + chance.randrange(1, most), days)
                for package in packages:
                    there[package][day:until] = [False] * (until - day)
    return there


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
    "rule": [{"effective_from": date(2025, 12, 3), "retention_days": 30,
              "charged": ["live", "repository_deleted"], "share": "workspace"}],
    "rate": [{"effective_from": date(2025, 12, 3), "unit": "GB",
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


def test_ranges_hold_the_bills_that_came(tmp_path: Path) -> None:
    """A registry told of week by week, forecast from three of them: its bills lie in their ranges 8 times in 10."""
    these = Books(tmp_path)
    these.take([Card(CARD)])
    forecasts: list[ForecastMonth] = []
    for cut, before in ((91, 0), (112, 91), (133, 112)):
        these.take([taken(day) for day in range(before, cut + 1, 7) if day != before or not day])
        forecasts += forecast(these.ledger, "acme").months
    these.take([taken(day) for day in range(140, 260, 7)])
    hits = 0
    for month in forecasts:
        bill = these.bill("acme", str(month.known.month))
        assert isinstance(bill, Bill)
        assert month.low is not None
        assert month.high is not None
        assert month.low.amount_minor is not None
        assert month.high.amount_minor is not None
        hits += month.low.amount_minor <= minor_units(bill.amount or "") <= month.high.amount_minor
    assert hits >= 0.8 * len(forecasts) == 0.8 * 12


def test_a_deletion_that_was_taken_back_is_no_growth(tmp_path: Path) -> None:
    """No end of the range rises, and none falls by more than the days that were not charged, once."""
    output = []
    for name, events in (("without", ()), ("with", (happened(60, "deleted"), happened(64, "restored")))):
        folder = tmp_path / name
        folder.mkdir()
        these = Books(folder)
        these.take([Card(CARD), *(taken(day) for day in range(0, 92, 7)), Events(events)])
        output.append(forecast(these.ledger, "acme").months)
    lost = 4 * DAY * sum(row.size for row in registry(64))
    for without, with_ in zip(*output, strict=True):
        assert with_.known == without.known
        for end, with_end in ((without.low, with_.low), (without.high, with_.high)):
            assert end is not None
            assert with_end is not None
            assert 0 <= end.charged_byte_seconds - with_end.charged_byte_seconds <= lost


def happened(day: int, verb: str) -> dict[str, object]:
    return {"specversion": "1.0", "source": "hub", "id": f"{day}", "time": instant(day), "subject": "acme",
            "type": f"registry.workspace.{verb}"}  # fmt: skip


@tried(4)
@given(histories())
def test_known_is_the_bill_if_nothing_else_happens(case: Case) -> None:
    """Of every month that is forecast, to the last digit: as if each active source had said once more what it said."""
    with books(case) as these:
        for workspace in case.workspaces():
            try:
                output = forecast(these.ledger, workspace)
            except AcctError:
                continue  # a month that the card cannot bill
            so_far = model.bill(replace(case, month=str(output.months[0].known.month)), workspace).charged_byte_seconds
            to_come = sum(month.known.charged_byte_seconds for month in output.months) - so_far
            daily = [day.known * DAY for day in output.days]  # the last one reaches beyond the months
            assert math.fsum(daily[:-1]) * (1 - 1e-9) - 9 <= to_come <= math.fsum(daily) * (1 + 1e-9) + 9
            stays = case_that_stays(case, output.months[-1].known.month.end)
            for month in output.months:
                bill = model.bill(replace(stays, month=str(month.known.month)), workspace)
                assert month.known.charged_byte_seconds == bill.charged_byte_seconds
                assert month.known.amount_minor == (None if bill.amount is None else minor_units(bill.amount))


def case_that_stays(case: Case, until: int) -> Case:
    retired = {source for source, _ in case.retired}
    latest = {each.source: each for each in sorted(case.snapshots, key=lambda each: model.epoch(each.taken_at))}
    at = datetime.fromtimestamp(until, UTC).isoformat()
    more = [
        replace(each, taken_at=at)
        for each in latest.values()
        if each.source not in retired and model.epoch(each.taken_at) < until
    ]
    return replace(case, snapshots=(*case.snapshots, *more))


def test_too_little_history_is_told(tmp_path: Path) -> None:
    """With no range, and with how many days there are; an unknown workspace is refused."""
    these = Books(tmp_path)
    these.take([taken(0), taken(ENOUGH_DAYS)])
    assert f"There is no range: {ENOUGH_DAYS} days of history" in shown(these, "text")
    assert json.loads(shown(these, "json"))["months"][0]["range"] is None
    these.take([taken(ENOUGH_DAYS + 1)])
    assert "90% of 1,000 simulations" in shown(these, "text")


def shown(books: Books, format_: str) -> str:
    result = run("--ledger", books.ledger, "forecast", "-w", "acme", "--format", format_, cwd=books.folder)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_plot_is_a_picture_that_can_be_read_aloud(tmp_path: Path) -> None:
    """The same whenever it is drawn; a missing library is told, and then nothing is printed or written."""
    these = Books(tmp_path)
    these.take([taken(0), taken(40)])
    for name in ("one.svg", "two.svg"):
        assert run("--ledger", these.ledger, "forecast", "-w", "acme", "--plot", tmp_path / name).exit_code == 0
    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    root = ElementTree.fromstring(drawn)
    output = {element.tag.rpartition("}")[2]: element.text for element in root}
    assert root.get("role") == "img"
    assert output["title"] == "acme: GB charged on each day, past and future"
    assert output["desc"]
    written = [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert {output["title"], "charged so far", "known to come", "range: 90% of simulations"} <= set(written)
    with mock.patch.dict("sys.modules", {"vl_convert": None}):
        refused = run("--ledger", these.ledger, "forecast", "-w", "acme", "--plot", tmp_path / "three.svg")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "extra `plots`" in refused.stderr
    assert not (tmp_path / "three.svg").exists()


def test_a_plot_is_never_named_as_what_it_is_not(tmp_path: Path) -> None:
    """It is refused before anything is computed, printed or written."""
    for name in ("one.png", "one"):
        refused = run("forecast", "-w", "acme", "--plot", name, cwd=tmp_path)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"--plot {name}: does not end in .svg. Change its name" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_names_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    workspace = "\x1b[31m[/bold]\u202e<b>{{ 7 * 7 }}"
    these = Books(tmp_path)
    rows = (replace(row("web", 1, -1), workspace=workspace),)
    these.take([replace(taken(day), rows=rows) for day in (0, 40)])
    plot = tmp_path / "plot.svg"
    output = run("--ledger", these.ledger, "forecast", "--workspace", workspace, "--plot", plot)
    assert output.exit_code == 0, output.stderr
    drawn = [element.text or "" for element in ElementTree.parse(plot).iter()]
    assert sum(text.startswith(r"\x1b[31m[/bold]\u202e<b>{{ 7 * 7 }}: GB") for text in drawn) == 2
    assert all(char.isprintable() or char == "\n" for char in output.stdout)
    assert r"\x1b[31m[/bold]\u202e<b>{{ 7 * 7 }}" in output.stdout
