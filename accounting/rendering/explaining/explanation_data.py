"""An explanation as JSON and CSV: every allocation of every line, exactly."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from io import StringIO

from accounting.explaining.explanation import (
    NAMED,
    Allocation,
    BlobAllocations,
    Cause,
    CorrectionExplanation,
    Explanation,
    LineExplanation,
    RateStep,
    StateInterval,
)
from accounting.facts.statement_json import statement_json
from accounting.instants import format_instant
from accounting.model import Correction, RatePeriod
from accounting.rendering.common import fraction
from accounting.tables import json_text
from accounting.text import formula_safe, money

_OF_BILL = ("workspace", "month", "status", "covered_until", "currency", "unit", "total")
_EVENT_COLUMNS = ("event", "event_at", "event_id", "event_source")
_CORRECTION_COLUMNS = (
    "corrects", "amount", "told_byte_seconds", "told_amount", "now_byte_seconds", "now_amount", "evidence",
    "recorded_at",
)  # fmt: skip
_COLUMNS = (
    "workspace", "month", "repository", "format", "package", "state", "digest", "size", "from", "until", "seconds",
    "charged", "rule", "rate", "sharers", "carries", "other_packages", "shared_with", "versions", "version_names",
    "sources", "first_seen_at", "last_seen_at", *_EVENT_COLUMNS, "byte_seconds_numerator", "byte_seconds_denominator",
    *_CORRECTION_COLUMNS,
)  # fmt: skip


def explanation_json(explained: Explanation) -> str:
    """The schema `acct.explain/1`; fractions have a numerator and a denominator, in lowest terms.

    Each line and each blob is one row of text: there may be many, and indenting them would take four times as long.
    """
    bill, digits = json.loads(statement_json(explained.statement)), explained.statement.minor_digits
    document = json_text(
        {
            "schema": "acct.explain/1",
            **{member: bill[member] for member in _OF_BILL},
            "corrections": [_correction(each, digits) for each in explained.corrections],
            "parts": [_part(part) for part in explained.parts],
            "rates": [_rate(step) for step in explained.rates],
            "lines": [],
        }
    )
    lines = [
        _filled(_row_of(_line(line, digits)), "]}", map(_row_of, map(_blob, line.blobs))) for line in explained.lines
    ]
    return _filled(document, "]\n}\n", lines)


def _row_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _filled(document: str, ending: str, rows: Iterable[str]) -> str:
    """Put rows into the empty list at the end of a JSON text; `ending` is the text from the list's bracket on."""
    return document.removesuffix(ending) + "\n" + ",\n".join(rows) + "\n" + ending


def _money(minor: int | None, digits: int) -> str | None:
    return None if minor is None else money(minor, digits)


def _part(part: RatePeriod) -> dict[str, object]:
    return {
        "from": format_instant(part.start),
        "until": format_instant(part.end),
        "rule": {
            "effective_from": str(part.rule.effective_from),
            "retention_days": part.rule.retention_days,
            "charged": list(part.rule.charged),
            "share": part.rule.share,
        },
        "rate": None if part.rate is None else str(part.rate.effective_from),
    }


def _rate(step: RateStep) -> dict[str, object]:
    return {
        "effective_from": str(step.rate.effective_from),
        "unit": step.rate.unit,
        "from": format_instant(step.start),
        "until": format_instant(step.end),
        "charged_byte_seconds": fraction(step.charged_byte_seconds),
        "included_byte_seconds": fraction(step.included_byte_seconds),
        "tiers": [
            {
                "above_unit_months": fraction(tier.above),
                "unit_months": fraction(tier.units),
                "price": fraction(tier.price),
                "cost": fraction(tier.cost),
            }
            for tier in step.tiers
        ],
        "cost": fraction(step.cost),
    }


def _line(line: LineExplanation, minor_digits: int) -> dict[str, object]:
    key, exact, minor = line.line.key, line.exact_byte_seconds, line.exact_minor(minor_digits)
    down = exact.numerator // exact.denominator
    return {
        "repository": key.repository,
        "format": key.format,
        "package": key.package,
        "state": key.state,
        "charged": line.line.charged,
        "states": [_state(interval) for interval in line.states],
        "exact_byte_seconds": fraction(exact),
        "byte_seconds_rounded_down": str(down),
        "byte_seconds_rounding": str(line.line.byte_seconds - down),
        "byte_seconds": str(line.line.byte_seconds),
        "charges": [
            {
                "rate": str(charge.rate.effective_from),
                "charged_byte_seconds": fraction(charge.byte_seconds),
                "cost": fraction(charge.cost),
            }
            for charge in line.charges
        ],
        "exact_amount": None if line.exact_cost is None else fraction(line.exact_cost),
        **_rounded(line, minor, minor_digits),
        "blobs": [],
    }


def _rounded(line: LineExplanation, minor: Fraction | None, digits: int) -> dict[str, object]:
    amount = line.line.amount_minor
    down = None if minor is None else minor.numerator // minor.denominator
    return {
        "amount_rounded_down": _money(down, digits),
        "amount_rounding": None if amount is None or down is None else money(amount - down, digits),
        "amount": _money(amount, digits),
    }


def _state(interval: StateInterval) -> dict[str, object]:
    return {
        "part": interval.part,
        "from": format_instant(interval.start),
        "until": format_instant(interval.end),
        "charged": interval.charged,
        "turned_by": _cause(interval.changed_by),
        "linked_by": _cause(interval.linked_by),
        "kept_until": None if interval.kept_until is None else format_instant(interval.kept_until),
    }


def _cause(cause: Cause | None) -> dict[str, str] | None:
    if cause is None:
        return None
    return {
        "type": _type(cause),
        "time": format_instant(cause.occurred_at),
        "id": cause.event_id,
        "source": cause.event_source,
    }


def _type(cause: Cause) -> str:
    return f"registry.{cause.kind}.{cause.verb}"


def _correction(explained: CorrectionExplanation, digits: int) -> dict[str, object]:
    correction = explained.correction
    return {
        "month": str(correction.month),
        "repository": correction.key.repository,
        "format": correction.key.format,
        "package": correction.key.package,
        "state": correction.key.state,
        **_figures((correction.byte_seconds, correction.amount_minor), digits),
        "told": {
            **_figures(explained.sealed, digits),
            "by": [
                {"month": str(each.month), **_figures((each.byte_seconds, each.amount_minor), digits)}
                for each in explained.sealed_lines
            ],
        },
        "now": _figures(explained.now, digits),
        "only_amount": explained.only_amount,
        "since": str(explained.last_closed),
        "events": [
            {
                **(_cause(event.cause) or {}),
                "repository": event.repository,
                "plan": event.plan,
                "recorded_at": format_instant(event.recorded_at),
            }
            for event in explained.events
        ],
        "snapshots": [
            {
                "source": snapshot.source,
                "taken_at": format_instant(snapshot.taken_at),
                "begun": snapshot.begun,
                "ended": snapshot.ended,
                "went_on": snapshot.went_on,
                "recorded_at": format_instant(snapshot.recorded_at),
            }
            for snapshot in explained.snapshots
        ],
        "rate_card": explained.card_recorded_at and {"recorded_at": format_instant(explained.card_recorded_at)},
        "sharers": list(explained.sharers),
    }


def _figures(figures: tuple[int, int | None], digits: int) -> dict[str, str | None]:
    return {"byte_seconds": str(figures[0]), "amount": _money(figures[1], digits)}


def _blob(blob: BlobAllocations) -> dict[str, object]:
    return {
        "digest": blob.digest,
        "size": str(blob.size_bytes),
        "byte_seconds": fraction(blob.byte_seconds),
        "pieces": [
            {
                "part": allocation.part,
                "from": format_instant(allocation.start),
                "until": format_instant(allocation.end),
                "sharers": allocation.sharers,
                "carries": allocation.carries,
                "shared_with": {"packages": allocation.others, "first": list(allocation.named)},
                "byte_seconds": fraction(allocation.byte_seconds),
            }
            for allocation in blob.allocations
        ],
        "references": [
            {
                "version": sighting.version,
                "source": sighting.source,
                "present_from": format_instant(sighting.present_from),
                "first_seen_at": format_instant(sighting.first_seen_at),
                "last_seen_at": format_instant(sighting.last_seen_at),
                "hidden": sighting.hidden,
            }
            for sighting in blob.sightings
        ],
    }


def explanation_csv(explained: Explanation) -> str:
    """One row per allocation and per correction, as in RFC 4180. Byte-seconds are numerator / denominator.

    A correction is followed by its evidence: one row without figures per event, snapshot or rate card.
    """
    text = StringIO()
    rows = csv.writer(text, lineterminator="\r\n")  # CR is in it, so that a lone CR in a cell is quoted
    rows.writerow(_COLUMNS)
    for row in _rows(explained):
        rows.writerow(formula_safe(cell) if isinstance(cell, str) else cell for cell in row)
    return text.getvalue()


def _rows(explained: Explanation) -> Iterator[Sequence[object]]:
    for line in explained.lines:
        for blob in line.blobs:
            known = _known(blob)
            for allocation in blob.allocations:
                yield _row(explained, line, blob, allocation, known)
    for each in explained.corrections:
        for cells in (_correction_cells(each, explained.statement.minor_digits), *_evidence_cells(each)):
            named = {**_key_cells(explained, each.correction), **cells}
            yield [named.get(column) for column in _COLUMNS]


def _key_cells(explained: Explanation, correction: Correction) -> dict[str, object]:
    key = correction.key
    return {
        "workspace": explained.statement.workspace,
        "month": str(explained.statement.month),
        "repository": key.repository,
        "format": key.format,
        "package": key.package,
        "state": key.state,
        "corrects": str(correction.month),
    }


def _correction_cells(explained: CorrectionExplanation, digits: int) -> dict[str, object]:
    """The figures. They are numbers, so that a minus sign does not make a formula of them."""
    (sealed_byte_seconds, sealed), (now_byte_seconds, now) = explained.sealed, explained.now
    return {
        "byte_seconds_numerator": explained.correction.byte_seconds,
        "byte_seconds_denominator": 1,
        "amount": _number(explained.correction.amount_minor, digits),
        "told_byte_seconds": sealed_byte_seconds,
        "told_amount": _number(sealed, digits),
        "now_byte_seconds": now_byte_seconds,
        "now_amount": _number(now, digits),
    }


def _number(minor: int | None, digits: int) -> Decimal | None:
    return None if minor is None else Decimal(money(minor, digits))


def _evidence_cells(explained: CorrectionExplanation) -> Iterator[dict[str, object]]:
    for event in explained.events:
        yield {
            "evidence": "event",
            **dict(zip(_EVENT_COLUMNS, _event_cells(event.cause), strict=True)),
            "recorded_at": format_instant(event.recorded_at),
        }
    for snapshot in explained.snapshots:
        yield {
            "evidence": "snapshot",
            "sources": snapshot.source,
            "first_seen_at": format_instant(snapshot.taken_at),
            "last_seen_at": format_instant(snapshot.taken_at),
            "recorded_at": format_instant(snapshot.recorded_at),
        }
    if explained.card_recorded_at is not None:
        yield {"evidence": "rate card", "recorded_at": format_instant(explained.card_recorded_at)}


def _event_cells(cause: Cause) -> tuple[str, str, str, str]:
    return _type(cause), format_instant(cause.occurred_at), cause.event_id, cause.event_source


def _known(blob: BlobAllocations) -> list[object]:
    """The cells for the versions that held a blob, and for the snapshots that show it."""
    versions = list(dict.fromkeys(sighting.version for sighting in blob.sightings))
    return [
        len(versions),
        _names(versions[:NAMED], len(versions)),
        "; ".join(dict.fromkeys(sighting.source for sighting in blob.sightings)),
        format_instant(min(sighting.first_seen_at for sighting in blob.sightings)),
        format_instant(max(sighting.last_seen_at for sighting in blob.sightings)),
    ]


def _row(
    explained: Explanation, line: LineExplanation, blob: BlobAllocations, allocation: Allocation, known: list[object]
) -> list[object]:
    key, part = line.line.key, explained.parts[allocation.part]
    (interval,) = (interval for interval in line.states if interval.start <= allocation.start < interval.end)
    cause = interval.changed_by
    return [
        explained.statement.workspace, str(explained.statement.month), key.repository, key.format, key.package,
        key.state, blob.digest, blob.size_bytes, format_instant(allocation.start), format_instant(allocation.end),
        allocation.end - allocation.start, "yes" if interval.charged else "no", str(part.rule.effective_from),
        str(part.rate.effective_from) if part.rate else None, allocation.sharers, "yes" if allocation.carries else "no",
        allocation.others, _names(allocation.named, allocation.others), *known,
        *(_event_cells(cause) if cause else [None] * len(_EVENT_COLUMNS)),
        allocation.byte_seconds.numerator, allocation.byte_seconds.denominator, *[None] * len(_CORRECTION_COLUMNS),
    ]  # fmt: skip


def _names(names: Sequence[str], count: int) -> str:
    more = count - len(names)
    return "; ".join(names) + (f" and {more} more" if more else "")
