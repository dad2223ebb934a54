"""Exact shares of shared blobs: whole numbers over one common denominator a workspace (RULES, section 4).

SQL brings usage down to a line, a number of sharers and byte-seconds; here it is divided. Blobs whose holders
change too often for that are shared out by prefix sums over their intervals, so that work stays linear in holdings.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from math import lcm
from operator import itemgetter
from typing import NamedTuple

from accounting.model import LineKey, Share, WorkspaceUsage


class LinePart(NamedTuple):
    """A line of a bill in one part of the month."""

    part: int
    repository: str | None
    format: str
    package: str
    state: str
    charged: int


class UsageRow(NamedTuple):
    """A row of the relation usage: byte-seconds of a line in one part of the month, to be divided by the sharers."""

    workspace: str
    part: int
    repository: str | None
    format: str
    package: str
    state: str
    charged: int
    sharers: int
    byte_seconds: int

    @property
    def line(self) -> LinePart:
        return LinePart(*self[1:7])


class HighChurnHolding(NamedTuple):
    """A row of the relation high_churn_holdings; `line_number` is that of its state interval."""

    workspace: str
    part: int
    blob_id: int
    line_number: int
    charged: int
    size_bytes: int
    held_from: int
    held_until: int


# A sharing interval, in which a blob has the same holders: from, until, sharers, and whether they are charged.
_SharingInterval = tuple[int, int, int, bool]


def share_out(
    usage: Iterable[UsageRow], high_churn: Iterable[HighChurnHolding], lines: Mapping[int, LinePart]
) -> Iterator[WorkspaceUsage]:
    """The exact usage of every workspace.

    `usage` comes ordered by workspace, `high_churn` by workspace, part and blob; `lines` gives the line of each
    state interval that `high_churn` names.
    """
    holdings_of = {name: list(holdings) for name, holdings in groupby(high_churn, itemgetter(0))}
    for workspace, rows in groupby(usage, itemgetter(0)):
        yield _workspace(workspace, list(rows), holdings_of.pop(workspace, []), lines)
    for workspace, holdings in holdings_of.items():
        yield _workspace(workspace, [], holdings, lines)


def _workspace(
    workspace: str, usage: list[UsageRow], high_churn: list[HighChurnHolding], lines: Mapping[int, LinePart]
) -> WorkspaceUsage:
    blobs = [list(holdings) for _, holdings in groupby(high_churn, itemgetter(1, 2))]
    intervals = [_sharing_intervals(holdings) for holdings in blobs]
    sharers = {row.sharers for row in usage} | {interval[2] for of_blob in intervals for interval in of_blob}
    denominator = lcm(*sharers)
    unit = {k: denominator // k for k in sharers}
    numerators: dict[LinePart, int] = defaultdict(int)
    for row in usage:
        numerators[row.line] += row.byte_seconds * unit[row.sharers]
    of_line: dict[int, int] = defaultdict(int)
    for holdings, of_blob in zip(blobs, intervals, strict=True):
        sums = _prefix_sums(of_blob, unit)
        for _, _, _, line_number, charged, size_bytes, held_from, held_until in holdings:
            of_state = sums[charged]
            of_line[line_number] += size_bytes * (of_state[held_until] - of_state[held_from])
    for line_number, numerator in of_line.items():
        numerators[lines[line_number]] += numerator
    shares = tuple(
        Share(LineKey(line.repository, line.format, line.package, line.state), line.part, bool(line.charged), n)
        for line, n in numerators.items()
    )
    return WorkspaceUsage(workspace, denominator, shares)


def _sharing_intervals(holdings: list[HighChurnHolding]) -> list[_SharingInterval]:
    """The intervals between the boundaries of one blob's holdings, in order."""
    steps: tuple[dict[int, int], dict[int, int]] = (defaultdict(int), defaultdict(int))
    for _, _, _, _, charged, _, held_from, held_until in holdings:
        of_state = steps[charged]
        of_state[held_from] += 1
        of_state[held_until] -= 1
    intervals, free, charged_holders = [], 0, 0
    for here, there in pairwise(sorted(steps[0].keys() | steps[1].keys())):
        free += steps[0].get(here, 0)
        charged_holders += steps[1].get(here, 0)
        intervals.append((here, there, charged_holders or free or 1, charged_holders > 0))
    return intervals


def _prefix_sums(intervals: list[_SharingInterval], unit: dict[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """By boundary, the integral up to it of unit / sharers: while no holder is charged, and while some are.

    Where nobody holds the blob the first of them grows too; no holding reaches there.
    """
    first = intervals[0][0]
    free_sum, charged_sum = {first: 0}, {first: 0}
    free_so_far = charged_so_far = 0
    for here, there, sharers, charged in intervals:
        if charged:
            charged_so_far += (there - here) * unit[sharers]
        else:
            free_so_far += (there - here) * unit[sharers]
        free_sum[there], charged_sum[there] = free_so_far, charged_so_far
    return free_sum, charged_sum
