"""Exact shares of shared blobs: whole numbers over one common denominator a workspace (RULES, section 4).

SQL brings usage down to a line, a number of sharers and byte-seconds; here it is divided. Blobs whose holders
change too often for that are shared out by prefix sums over their segments, so that work stays linear in spans.
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


# A row of queries/350_usage.sql: workspace, line, sharers, byte-seconds.
UsageRow = tuple[str, LinePart, int, int]
# A row of queries/360_busy_spans.sql: workspace, part, blob, stretch, charged, size in bytes, from, until.
BusySpan = tuple[str, int, int, int, int, int, int, int]
# A stretch of time in which a blob has the same holders: from, until, sharers, and whether they are charged.
_Segment = tuple[int, int, int, bool]


def share_out(
    usage: Iterable[UsageRow], busy: Iterable[BusySpan], stretches: Mapping[int, LinePart]
) -> Iterator[WorkspaceUsage]:
    """The exact usage of every workspace.

    `usage` comes ordered by workspace, `busy` by workspace, part and blob; `stretches` gives the line of each
    stretch that is named in `busy`.
    """
    spans_of = {name: list(spans) for name, spans in groupby(busy, itemgetter(0))}
    for workspace, rows in groupby(usage, itemgetter(0)):
        yield _workspace(workspace, list(rows), spans_of.pop(workspace, []), stretches)
    for workspace, spans in spans_of.items():
        yield _workspace(workspace, [], spans, stretches)


def _workspace(
    workspace: str, usage: list[UsageRow], busy: list[BusySpan], stretches: Mapping[int, LinePart]
) -> WorkspaceUsage:
    blobs = [list(spans) for _, spans in groupby(busy, itemgetter(1, 2))]
    segments = [_segments(spans) for spans in blobs]
    sharers = {row[2] for row in usage} | {segment[2] for of_blob in segments for segment in of_blob}
    denominator = lcm(*sharers)
    unit = {k: denominator // k for k in sharers}
    numerators: dict[LinePart, int] = defaultdict(int)
    for _, line, k, byte_seconds in usage:
        numerators[line] += byte_seconds * unit[k]
    of_stretch: dict[int, int] = defaultdict(int)
    for spans, of_blob in zip(blobs, segments, strict=True):
        sums = _prefix_sums(of_blob, unit)
        for _, _, _, stretch, charged, size_bytes, span_from, span_until in spans:
            of_state = sums[charged]
            of_stretch[stretch] += size_bytes * (of_state[span_until] - of_state[span_from])
    for stretch, numerator in of_stretch.items():
        numerators[stretches[stretch]] += numerator
    shares = tuple(
        Share(LineKey(line.repository, line.format, line.package, line.state), line.part, bool(line.charged), n)
        for line, n in numerators.items()
    )
    return WorkspaceUsage(workspace, denominator, shares)


def _segments(spans: list[BusySpan]) -> list[_Segment]:
    """The stretches of time between the boundaries of one blob's spans, in order."""
    steps: tuple[dict[int, int], dict[int, int]] = (defaultdict(int), defaultdict(int))
    for _, _, _, _, charged, _, span_from, span_until in spans:
        of_state = steps[charged]
        of_state[span_from] += 1
        of_state[span_until] -= 1
    segments, free, charged_holders = [], 0, 0
    for here, there in pairwise(sorted(steps[0].keys() | steps[1].keys())):
        free += steps[0].get(here, 0)
        charged_holders += steps[1].get(here, 0)
        segments.append((here, there, charged_holders or free or 1, charged_holders > 0))
    return segments


def _prefix_sums(segments: list[_Segment], unit: dict[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """By boundary, the integral up to it of unit / sharers: while no holder is charged, and while some are.

    Where nobody holds the blob the first of them grows too; no span reaches there.
    """
    first = segments[0][0]
    free_sum, charged_sum = {first: 0}, {first: 0}
    free_so_far = charged_so_far = 0
    for here, there, sharers, charged in segments:
        if charged:
            charged_so_far += (there - here) * unit[sharers]
        else:
            free_so_far += (there - here) * unit[sharers]
        free_sum[there], charged_sum[there] = free_so_far, charged_so_far
    return free_sum, charged_sum
