"""A forecast as text and JSON."""

from collections.abc import Callable
from fractions import Fraction

from accounting.analysis.forecasting import Bound, Forecast, ForecastMonth
from accounting.analysis.ranges import BLOCK_DAYS, ENOUGH_DAYS, FUTURES
from accounting.analysis.retention import RetentionEnd
from accounting.instants import format_instant, shown_instant
from accounting.model import UNIT_BYTES, Statement
from accounting.rendering.analysis.calendar import end_words
from accounting.tables import json_text, table
from accounting.text import counted, decimal, money, places, shown_money, visible

_KNOWN = "everything stored stays, nothing is added, and deleted content is charged until its retention period ends"


def forecast_text(forecast: Forecast, width: int | None = None) -> str:
    """The months as a table, how their figures are computed, and the dates that they include."""
    first = forecast.months[0].known
    unit, currency = f"{first.unit}-months", first.currency
    kinds = ["known", "from", "to"] if forecast.has_range else ["known"]
    rows = []
    for month in forecast.months:
        bounds = [_known(month), *([month.low, month.high] if forecast.has_range else [])]
        figures = [_unit_months(forecast, month.known, bound) for bound in bounds]
        amounts = [_amount(month.known, bound, shown_money) or "" for bound in bounds] if currency else []
        rows.append([str(month.known.month), *figures, *amounts])
    columns = ["month", *(f"{unit} {kind}" for kind in kinds), *(f"{currency} {kind}" for kind in kinds if currency)]
    head = (
        f"Workspace {visible(forecast.workspace)}, forecast from {shown_instant(forecast.covered_until)}."
        " All times are UTC.\n"
        f"known: {_KNOWN}.\n{_range_words(forecast)}\n\n"
    )
    return head + table(columns, rows, len(columns) - 1, width=width) + _ends_text(forecast, width)


def forecast_json(forecast: Forecast) -> str:
    """The schema `acct.forecast/1`; without enough history `range` is null."""
    return json_text(
        {
            "schema": "acct.forecast/1",
            "workspace": forecast.workspace,
            "covered_until": format_instant(forecast.covered_until),
            "currency": forecast.months[0].known.currency,
            "how": {"known": _KNOWN, "range": _range_words(forecast)},
            "history_days": len(forecast.history),
            "months": [
                {
                    "month": str(month.known.month),
                    "known": _bound_members(month, _known(month)),
                    "range": None
                    if month.low is None or month.high is None
                    else {"from": _bound_members(month, month.low), "to": _bound_members(month, month.high)},
                }
                for month in forecast.months
            ],
            "dates": [
                {
                    "at": format_instant(end.happens_at),
                    "what": end.what,
                    "repository": end.repository,
                }
                for end in _counted(forecast)
            ],
        }
    )


def _range_words(forecast: Forecast) -> str:
    """How the range is computed, or why there is none."""
    days = counted(len(forecast.history), "day")
    if not forecast.has_range:
        return (
            f"There is no range: {days} of history are known, and more than {ENOUGH_DAYS} are needed to estimate how"
            " storage changes."
        )
    return (
        f"from, to: the range of 90% of {FUTURES:,} simulations; it always includes the known figure. Each simulation"
        f" replays random {BLOCK_DAYS}-day blocks of the growth in the last {days} and, once, the effect of past"
        " deletions."
    )


def _known(month: ForecastMonth) -> Bound:
    return Bound(month.known.charged_byte_seconds, month.known.amount_minor)


def _bound_members(month: ForecastMonth, bound: Bound) -> dict[str, str | None]:
    return {"charged_byte_seconds": str(bound.charged_byte_seconds), "amount": _amount(month.known, bound, money)}


def _amount(known: Statement, bound: Bound | None, shown: Callable[[int, int], str]) -> str | None:
    return None if bound is None or bound.amount_minor is None else shown(bound.amount_minor, known.minor_digits)


def _unit_months(forecast: Forecast, known: Statement, bound: Bound | None) -> str:
    """Charged usage, with the number of decimals that suits the largest month."""
    if bound is None:
        return ""
    unit = UNIT_BYTES[known.unit]
    months = [month.known for month in forecast.months]
    most = max(Fraction(each.charged_byte_seconds, unit * each.month.seconds) for each in months)
    return decimal(Fraction(bound.charged_byte_seconds, unit * known.month.seconds), places(most))


def _ends_text(forecast: Forecast, width: int | None) -> str:
    rows = [[shown_instant(end.happens_at), end_words(forecast.workspace, end)] for end in _counted(forecast)]
    return (
        "\nChanges on known dates, which are included:\n\n" + table(["on", "event"], rows, width=width) if rows else ""
    )


def _counted(forecast: Forecast) -> list[RetentionEnd]:
    """The dates that change what is stored or charged."""
    return [end for end in forecast.ends if end.what != "name_free"]
