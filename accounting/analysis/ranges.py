"""The range in which a quantity will lie, drawn from its own past: a moving-block bootstrap of its daily changes.

A future is made of blocks of the past's daily changes, drawn with replacement and put one after another. Each is drawn
from a recent part of the past, of its own length, so that what has become faster or slower shows. The drift of a part
is known from its days alone, so futures spread wider the further they reach beyond them; and in a quarter of them it
stops, as growth does when a registry begins to clean up.
"""

import math
import random
from collections.abc import Sequence
from itertools import accumulate, pairwise

WEEK = 7  # parts and blocks are of whole weeks, so that what comes and goes with the weekday stays together
BLOCK_DAYS = 2 * WEEK
ENOUGH_DAYS = 2 * BLOCK_DAYS  # of less history, nothing is said
FUTURES = 1000
_STOPPING = 0.25  # of the futures: what drifted in the past does so no more
_OUTSIDE = 0.05  # of the futures, on each side of the range


def futures(history: Sequence[float], days: int) -> list[list[float]]:
    """Ways in which a quantity may differ from what it is now on each of the next days, from its daily past.

    The same past gives the same futures. `history` has more than ENOUGH_DAYS days.
    """
    drawn = random.Random(0)
    changes = [after - before for before, after in pairwise(history)]
    return [_future(changes, history[-1], days, drawn) for _ in range(FUTURES)]


def _future(changes: Sequence[float], level: float, days: int, drawn: random.Random) -> list[float]:
    weeks = math.exp(drawn.uniform(math.log(ENOUGH_DAYS), math.log(len(changes)))) // WEEK
    part = int(weeks) * WEEK
    recent = changes[-part:]
    around = [*recent, *recent[:BLOCK_DAYS]]  # the last block continues with the first days: each day is as likely
    starts = [drawn.randrange(part) for _ in range(0, days, BLOCK_DAYS)]
    path = accumulate([change for start in starts for change in around[start : start + BLOCK_DAYS]][:days])
    drift = math.fsum(recent) / part
    few = 1 / (1 - BLOCK_DAYS / part)  # blocks of a short part differ less from its mean than from the truth
    goes_on = drawn.random() >= _STOPPING
    return [
        goes_on * _compounded(drift * day, level) + (value - drift * day) * math.sqrt((1 + day / part) * few)
        for day, value in enumerate(path, start=1)
    ]


def _compounded(drifted: float, level: float) -> float:
    """How far growth leads that is of what is there, as far as it does not add more than that."""
    return level * math.expm1(drifted / level) if 0 < drifted <= level else drifted


def losing_once(paths: Sequence[Sequence[float]], beside: Sequence[float]) -> list[list[float]]:
    """The same futures, in each of which what a quantity beside this one lost from a random day of its past on is lost
    once more, as it was: for a while where it came back, for good where it did not.

    >>> losing_once([[5.0, 5.0]], [3.0, 3.0, 3.0])
    [[5.0, 5.0]]
    """
    drawn, last = random.Random(0), len(beside) - 1
    starts = [drawn.randrange(len(beside)) for _ in paths]
    return [
        [value + min(beside[min(start + day, last)] - beside[start], 0) for day, value in enumerate(path, start=1)]
        for start, path in zip(starts, paths, strict=True)
    ]


def running_means(path: Sequence[float]) -> list[float]:
    """The mean of each day and those before it, of BLOCK_DAYS at most: what lasts days, as a deletion taken back, is no
    edge of a range that is drawn day by day.

    >>> running_means([0.0, 4.0])
    [0.0, 2.0]
    """
    sums = [0.0, *accumulate(path)]
    firsts = [max(day - BLOCK_DAYS, 0) for day in range(len(sums))]
    return [(sums[day] - sums[firsts[day]]) / (day - firsts[day]) for day in range(1, len(sums))]


def inner_range(values: Sequence[float]) -> tuple[float, float]:
    """The range in which 9 of 10 of these values lie.

    >>> inner_range([float(value) for value in range(201)])
    (10.0, 190.0)
    """
    ordered = sorted(values)
    outside = round(_OUTSIDE * (len(ordered) - 1))
    return ordered[outside], ordered[-1 - outside]
