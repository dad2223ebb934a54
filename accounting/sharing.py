"""Exact shares of shared blobs: whole numbers over one common denominator a workspace (RULES, section 4).

SQL brings usage down to a line, a number of sharers and byte-seconds; here it is divided. Blobs whose holders
change too often for that are shared out by prefix sums over their segments, so that work stays linear in spans.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from math import lcm
from operator import attrgetter
from typing import NamedTuple

from accounting.model import LineKey, Share, WorkspaceUsage


class UsageRow(NamedTuple):
    """A row of queries/350_usage.sql."""

    workspace: str
    part: int
    repository: str | None
    format: str
    package: str
    state: str
    charged: int
    sharers: int
    byte_seconds: int


class BusySpan(NamedTuple):
    """A row of queries/360_busy_spans.sql; spans come ordered by workspace, part and blob."""

    workspace: str
    part: int
    blob: int
    repository: str | None
    format: str
    package: str
    state: str
    charged: int
    size_bytes: int
    span_from: int
    span_until: int


class _LinePart(NamedTuple):
    part: int
    repository: str | None
    format: str
    package: str
    state: str
    charged: int


# A stretch in which a blob has the same holders: from, until, sharers, and whether they are charged.
_Segment = tuple[int, int, int, int]


def share_out(usage: Iterable[UsageRow], busy: Iterable[BusySpan]) -> Iterator[WorkspaceUsage]:
    """The exact usage of every workspace in `usage` and `busy`; `usage` comes ordered by workspace."""
    spans_of = {name: list(spans) for name, spans in groupby(busy, attrgetter("workspace"))}
    for workspace, rows in groupby(usage, attrgetter("workspace")):
        yield _workspace(workspace, list(rows), spans_of.pop(workspace, []))
    for workspace, spans in spans_of.items():
        yield _workspace(workspace, [], spans)


def _workspace(workspace: str, usage: list[UsageRow], busy: list[BusySpan]) -> WorkspaceUsage:
    blobs = [list(spans) for _, spans in groupby(busy, attrgetter("part", "blob"))]
    segments = [_segments(spans) for spans in blobs]
    sharers = {row.sharers for row in usage} | {segment[2] for of_blob in segments for segment in of_blob}
    denominator = lcm(*sharers)
    unit = {k: denominator // k for k in sharers}
    numerators: dict[_LinePart, int] = defaultdict(int)
    for row in usage:
        numerators[_LinePart(*row[1:7])] += row.byte_seconds * unit[row.sharers]
    for spans, of_blob in zip(blobs, segments, strict=True):
        charged_sum, free_sum = _prefix_sums(of_blob, unit)
        for span in spans:
            sums = charged_sum if span.charged else free_sum
            share = sums[span.span_until] - sums[span.span_from]
            numerators[_LinePart(span[1], *span[3:8])] += span.size_bytes * share
    shares = tuple(
        Share(LineKey(repository, format_, package, state), part, bool(charged), numerator)
        for (part, repository, format_, package, state, charged), numerator in numerators.items()
    )
    return WorkspaceUsage(workspace, denominator, shares)


def _segments(spans: list[BusySpan]) -> list[_Segment]:
    """The stretches between the boundaries of one blob's spans, in order."""
    steps: dict[int, list[int]] = {}
    for span in spans:
        for boundary, step in ((span.span_from, 1), (span.span_until, -1)):
            steps.setdefault(boundary, [0, 0])[span.charged] += step
    boundaries = sorted(steps)
    segments, free, charged = [], 0, 0
    for here, there in pairwise(boundaries):
        free += steps[here][0]
        charged += steps[here][1]
        segments.append((here, there, charged or free or 1, 1 if charged else 0))
    return segments


def _prefix_sums(segments: list[_Segment], unit: dict[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """By boundary: the integral up to it of unit / sharers while holders are charged, and while none is.

    Where nobody holds the blob the free sum grows too; no span reaches there.
    """
    charged_sum, free_sum = {segments[0][0]: 0}, {segments[0][0]: 0}
    charged_so_far = free_so_far = 0
    for here, there, sharers, charged in segments:
        if charged:
            charged_so_far += (there - here) * unit[sharers]
        else:
            free_so_far += (there - here) * unit[sharers]
        charged_sum[there], free_sum[there] = charged_so_far, free_so_far
    return charged_sum, free_sum
