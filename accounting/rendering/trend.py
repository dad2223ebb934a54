"""What changed between two months, and why, for text, JSON and HTML."""

from collections.abc import Sequence
from fractions import Fraction

from accounting.billing.trend import LineChange, Trend
from accounting.model import UNIT_BYTES
from accounting.rendering.common import STATE_WORDS
from accounting.tables import Sheet
from accounting.text import counted, decimal, money, visible

_SHOWN = 10  # lines; the rest together on one
# The reasons of a change: the head of their column, and the words where one of them is the largest.
_REASONS = {
    "came": ("came", "new content"),
    "went": ("went", "content gone"),
    "moved": ("moved", "state or repository"),
    "shared": ("shared", "shares"),
}


def trend_heading(trend: Trend) -> str:
    """What the table shows."""
    return f"What changed most, mean {trend.last.unit} stored in {trend.first.month} and {trend.last.month}"


def trend_sheet(trend: Trend) -> Sheet:
    """The lines that changed most, the rest together, and all; the reasons of a row add up to its change."""
    shown, rest = trend.changes[:_SHOWN], trend.changes[_SHOWN:]
    rows = [[*_names(change), _mostly([change]), *_figures(trend, [change])] for change in shown]
    if rest:
        rows.append([counted(len(rest), "more line"), "", "", _mostly(rest), *_figures(trend, rest)])
    return Sheet(
        [
            *("repository", "package", "state", "mostly"),
            *(str(trend.first.month), str(trend.last.month), "change", *(head for head, _ in _REASONS.values())),
            *([trend.last.currency or ""] if _priced(trend) else []),
        ],
        rows,
        ["total", "", "", "", *_figures(trend, trend.changes)],
        8 if _priced(trend) else 7,
    )


def trend_members(trend: Trend) -> dict[str, object]:
    """Every line that changed, in exact fractions of a byte."""
    return {
        "from": str(trend.first.month),
        "to": str(trend.last.month),
        "mean_bytes": [
            {
                "repository": change.key.repository,
                "format": change.key.format,
                "package": change.key.package,
                "state": change.key.state,
                "before": _fraction(change.before),
                "after": _fraction(change.after),
                "change": _fraction(change.change),
                **{reason: _fraction(getattr(change, reason)) for reason in _REASONS},
                "amount_change": _amount(trend, change.amount_minor),
            }
            for change in trend.changes
        ],
    }


def _priced(trend: Trend) -> bool:
    """Whether amounts compare: both months are billed whole."""
    return trend.last.currency is not None and "provisional" not in (trend.first.status, trend.last.status)


def _names(change: LineChange) -> list[str]:
    key = change.key
    return [visible(key.repository or "–"), f"{key.format}/{visible(key.package)}", STATE_WORDS[key.state]]


def _mostly(changes: Sequence[LineChange]) -> str:
    """The largest reason in words."""
    return _REASONS[max(_REASONS, key=lambda reason: abs(_sum(changes, reason)))][1]


def _figures(trend: Trend, changes: Sequence[LineChange]) -> list[str]:
    unit = UNIT_BYTES[trend.last.unit]
    largest = max(max(change.before, change.after) for change in trend.changes)
    digits = 3 if largest >= unit else 6
    amounts = [change.amount_minor for change in changes if change.amount_minor is not None]
    return [
        *(decimal(_sum(changes, figure) / unit, digits) for figure in ("before", "after", "change", *_REASONS)),
        *([_amount(trend, sum(amounts)) or ""] if _priced(trend) else []),
    ]


def _sum(changes: Sequence[LineChange], figure: str) -> Fraction:
    return sum((getattr(change, figure) for change in changes), Fraction(0))


def _amount(trend: Trend, minor: int | None) -> str | None:
    return None if minor is None else money(minor, trend.last.minor_digits)


def _fraction(value: Fraction) -> dict[str, str]:
    return {"numerator": str(value.numerator), "denominator": str(value.denominator)}
