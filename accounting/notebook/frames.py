"""Statements, explanations, comparisons and sources as Polars frames: whole numbers and decimals, never a float.

Byte-seconds are Decimal(38, 0), amounts Decimal(38, the currency's digits) in the major unit, instants Datetime in UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm

import polars as pl

from accounting.analysis.comparing import Comparison, Figures
from accounting.billing.rating import apportion, round_half_up
from accounting.explaining.explanation import Allocation, Cause, Explanation, LineExplanation
from accounting.facts.sources import SourceState
from accounting.instants import Month
from accounting.model import LineKey, Statement
from accounting.text import money

_Type = pl.DataType | type[pl.DataType]
_INSTANT = pl.Datetime("us", "UTC")
_WHOLE = pl.Decimal(38, 0)
_PLACES = 12  # decimals of quantities that may not be finite decimals
_QUANTITY = pl.Decimal(38, _PLACES)
_KEY: dict[str, _Type] = {"repository": pl.String, "format": pl.String, "package": pl.String, "state": pl.String}


@dataclass(frozen=True)
class ExplainedFrames:
    """How a statement's lines were computed. The frames identify a line by repository, format, package and state.

    - `allocations`: one row per line, blob of it, and interval in which the same packages shared the blob: digest,
      size_bytes, from, until, seconds, charged, carries, sharers, others, shared_with, byte_seconds, amount. It carries
      size × seconds / sharers, or nothing if charged packages carry all of it; sharers is null if they changed too
      often to list each interval. byte_seconds and amount add up to the line's.
    - `states`: one row per interval in which a package was on a line: from, until, charged; the events that caused it,
      linked_by and turned_by, with their instants; kept_until, the end of its retention period, if any.
    - `sightings`: one row per line, blob, and unbroken presence in a version: digest, version, source, present_from,
      first_seen_at, last_seen_at, the first and the last snapshot that contained it.
    - `steps`: one row per rate and step from charged usage to money: effective_from, from, until, unit, step (included,
      or the unit-months above which the tier begins), unit_months, price, cost, to 12 decimals.
    - `exact`: all of this as dataclasses, in exact fractions.
    """

    allocations: pl.DataFrame
    states: pl.DataFrame
    sightings: pl.DataFrame
    steps: pl.DataFrame
    exact: Explanation


def frame(rows: Iterable[Sequence[object]], schema: Mapping[str, _Type]) -> pl.DataFrame:
    """A frame of rows that have instants as epoch seconds.

    >>> frame([(0, 1)], {"at": pl.Datetime("us", "UTC"), "bytes": pl.Int64})["at"].dt.to_string().to_list()
    ['1970-01-01 00:00:00.000000+00:00']
    """
    raw = {name: pl.Int64 if kind == _INSTANT else kind for name, kind in schema.items()}
    instants = [name for name, kind in schema.items() if kind == _INSTANT]
    built = pl.DataFrame(list(rows), schema=raw, orient="row")
    return built.with_columns((pl.col(name) * 1_000_000).cast(_INSTANT) for name in instants)


def sources_frame(states: Sequence[SourceState]) -> pl.DataFrame:
    """One row per source."""
    schema: dict[str, _Type] = {
        "source": pl.String, "served": pl.Boolean, "snapshots": pl.Int64, "latest_at": _INSTANT, "references": pl.Int64,
        "unreachable_blobs": pl.Int64, "unreachable_bytes": pl.Int64, "unknown_objects": pl.Int64,
        "unknown_bytes": pl.Int64, "retired_at": _INSTANT, "gaps": pl.Int64,
    }  # fmt: skip
    rows = [
        (state.name, state.served, state.snapshots, state.latest_at, state.references, state.unreachable_blobs,
         state.unreachable_bytes, state.unknown_objects, state.unknown_bytes, state.retired_at, len(state.gaps))
        for state in states
    ]  # fmt: skip
    return frame(rows, schema)


def statements_frame(bills: Sequence[Statement]) -> pl.DataFrame:
    """One row per statement."""
    schema: dict[str, _Type] = {
        "workspace": pl.String, "month": pl.String, "status": pl.String, "covered_until": _INSTANT,
        "byte_seconds": _WHOLE, "charged_byte_seconds": _WHOLE, "included_byte_seconds": _WHOLE,
        "currency": pl.String, "amount": _money_of(bills),
    }  # fmt: skip
    rows = [
        (bill.workspace, str(bill.month), bill.status, bill.covered_until, bill.total_byte_seconds,
         bill.charged_byte_seconds, bill.included_byte_seconds, bill.currency, _amount(bill.amount_minor, bill))
        for bill in bills
    ]  # fmt: skip
    return frame(rows, schema)


def lines_frame(bills: Sequence[Statement]) -> pl.DataFrame:
    """One row per line of a statement, and per correction on it."""
    schema: dict[str, _Type] = {
        "workspace": pl.String, "corrects": pl.String, **_KEY, "charged": pl.Boolean, "byte_seconds": _WHOLE,
        "amount": _money_of(bills),
    }  # fmt: skip
    rows: list[Sequence[object]] = []
    for bill in bills:
        rows += [
            (bill.workspace, None, *_key(line.key), line.charged, line.byte_seconds, _amount(line.amount_minor, bill))
            for line in bill.lines
        ]
        rows += [
            (bill.workspace, str(each.month), *_key(each.key), None, each.byte_seconds,
             _amount(each.amount_minor, bill))
            for each in bill.corrections
        ]  # fmt: skip
    return frame(rows, schema)


def compared_frame(comparisons: Sequence[Comparison]) -> pl.DataFrame:
    """One row per line under either card, and per correction."""
    amount = _money_of([comparison.in_force for comparison in comparisons])
    schema: dict[str, _Type] = {
        "workspace": pl.String, "corrects": pl.String, **_KEY,
        "byte_seconds_in_force": _WHOLE, "byte_seconds_other": _WHOLE,
        "amount_in_force": amount, "amount_other": amount, "change": amount,
    }  # fmt: skip
    rows = [
        (each.in_force.workspace, _text(line.month), *_key(line.key), _bytes(line.in_force), _bytes(line.other),
         _minor(line.in_force, each), _minor(line.other, each), _minor(line.change, each))
        for each in comparisons
        for line in each.lines
    ]  # fmt: skip
    return frame(rows, schema)


def explained_frames(explained: Explanation) -> ExplainedFrames:
    """The frames of an explanation that has every blob of every line."""
    return ExplainedFrames(
        _allocations(explained), _states(explained), _sightings(explained), _steps(explained), explained
    )


def shared_frame(allocations: pl.DataFrame) -> pl.DataFrame:
    """One row per blob that several packages held and line that it is part of, from an explanation's allocations."""
    alone = pl.col("size_bytes").cast(_WHOLE) * pl.col("seconds").cast(_WHOLE)
    return (
        allocations.with_columns(alone_byte_seconds=alone)
        .group_by("digest", "size_bytes", *_KEY, "charged", maintain_order=True)
        .agg(
            pl.max("others"),
            pl.sum("seconds"),
            pl.sum("alone_byte_seconds", "byte_seconds", "amount"),
        )
        .filter(pl.max("others").over("digest") > 0)
        .sort("size_bytes", "digest", *_KEY, descending=[True, *[False] * 5], nulls_last=False)
    )


def _allocations(explained: Explanation) -> pl.DataFrame:
    schema: dict[str, _Type] = {
        **_KEY, "digest": pl.String, "size_bytes": pl.Int64, "from": _INSTANT, "until": _INSTANT, "seconds": pl.Int64,
        "charged": pl.Boolean, "carries": pl.Boolean, "sharers": pl.Int64, "others": pl.Int64,
        "shared_with": pl.List(pl.String), "byte_seconds": _WHOLE, "amount": _money_of([explained.statement]),
    }  # fmt: skip
    rows: list[Sequence[object]] = []
    for line in explained.lines:
        allocations = [(blob, allocation) for blob in line.blobs for allocation in blob.allocations]
        byte_seconds = _whole([allocation.byte_seconds for _, allocation in allocations], line.line.byte_seconds)
        amounts = _amounts(explained, line, [allocation for _, allocation in allocations])
        rows += [
            (*_key(line.line.key), blob.digest, blob.size_bytes, here.start, here.end, here.end - here.start,
             _is_charged(explained, line, here), here.carries, here.sharers, here.others, list(here.named),
             of_allocation, amount)
            for (blob, here), of_allocation, amount in zip(allocations, byte_seconds, amounts, strict=True)
        ]  # fmt: skip
    return frame(rows, schema)


def _is_charged(explained: Explanation, line: LineExplanation, allocation: Allocation) -> bool:
    return line.line.key.state in explained.parts[allocation.part].rule.charged


def _amounts(
    explained: Explanation, line: LineExplanation, allocations: Sequence[Allocation]
) -> Sequence[Decimal | None]:
    """The line's amount, distributed over its allocations in proportion to the cost of their charged usage."""
    if line.line.amount_minor is None:
        return [None] * len(allocations)
    prices = {charge.rate: charge.cost / charge.byte_seconds for charge in line.charges}
    costs = []
    for allocation in allocations:
        rate = explained.parts[allocation.part].rate
        charged = rate in prices and _is_charged(explained, line, allocation)
        costs.append(allocation.byte_seconds * prices[rate] if charged and rate is not None else Fraction(0))
    bill = explained.statement
    minor = _whole([cost * 10**bill.minor_digits for cost in costs], line.line.amount_minor)
    return [_amount(of_allocation, bill) for of_allocation in minor]


def _whole(exact: Sequence[Fraction], total: int) -> list[int]:
    """The exact values as whole numbers that add up to the total, which is their rounded sum."""
    denominator = lcm(*(value.denominator for value in exact))
    numerators = [value.numerator * (denominator // value.denominator) for value in exact]
    return apportion(numerators, denominator, total)


def _states(explained: Explanation) -> pl.DataFrame:
    schema: dict[str, _Type] = {
        **_KEY, "from": _INSTANT, "until": _INSTANT, "charged": pl.Boolean, "linked_by": pl.String,
        "linked_at": _INSTANT, "turned_by": pl.String, "turned_at": _INSTANT, "kept_until": _INSTANT,
    }  # fmt: skip
    rows = [
        (*_key(line.line.key), state.start, state.end, state.charged, *_cause(state.linked_by),
         *_cause(state.changed_by), state.kept_until)
        for line in explained.lines
        for state in line.states
    ]  # fmt: skip
    return frame(rows, schema)


def _sightings(explained: Explanation) -> pl.DataFrame:
    schema: dict[str, _Type] = {
        **_KEY, "digest": pl.String, "version": pl.String, "source": pl.String, "present_from": _INSTANT,
        "first_seen_at": _INSTANT, "last_seen_at": _INSTANT,
    }  # fmt: skip
    rows = [
        (*_key(line.line.key), blob.digest, seen.version, seen.source, seen.present_from, seen.first_seen_at,
         seen.last_seen_at)
        for line in explained.lines
        for blob in line.blobs
        for seen in blob.sightings
    ]  # fmt: skip
    return frame(rows, schema)


def _steps(explained: Explanation) -> pl.DataFrame:
    schema: dict[str, _Type] = {
        "effective_from": pl.Date, "from": _INSTANT, "until": _INSTANT, "unit": pl.String, "step": pl.String,
        "unit_months": _QUANTITY, "price": _QUANTITY, "cost": _QUANTITY,
    }  # fmt: skip
    rows: list[Sequence[object]] = []
    for rate in explained.rates:
        of_rate = (rate.rate.effective_from, rate.start, rate.end, rate.rate.unit)
        included = rate.included_byte_seconds / (rate.rate.unit_bytes * explained.statement.month.seconds)
        rows.append((*of_rate, "included", _quantity(included), Decimal(0), Decimal(0)))
        rows += [
            (*of_rate, f"above {tier.above}", *map(_quantity, (tier.units, tier.price, tier.cost)))
            for tier in rate.tiers
        ]
    return frame(rows, schema)


def _quantity(value: Fraction) -> Decimal:
    return Decimal(money(round_half_up(value * 10**_PLACES), _PLACES))


def _cause(cause: Cause | None) -> tuple[str | None, int | None]:
    return (None, None) if cause is None else (f"{cause.kind}.{cause.verb}", cause.occurred_at)


def _key(key: LineKey) -> tuple[str | None, str, str, str]:
    return key.repository, key.format, key.package, key.state


def _money_of(bills: Sequence[Statement]) -> pl.Decimal:
    """A decimal type with the currency's digits; the statements of one month have one currency."""
    return pl.Decimal(38, max((bill.minor_digits for bill in bills), default=0))


def _amount(minor: int | None, bill: Statement) -> Decimal | None:
    return None if minor is None else Decimal(money(minor, bill.minor_digits))


def _minor(figures: Figures | None, comparison: Comparison) -> Decimal | None:
    return None if figures is None else _amount(figures.amount_minor, comparison.in_force)


def _bytes(figures: Figures | None) -> int | None:
    return None if figures is None else figures.byte_seconds


def _text(month: Month | None) -> str | None:
    return None if month is None else str(month)
