"""What changed over some months, and why, for text, JSON and HTML."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from accounting.analysis.trend import LineChange, Reasons, Trend, Versions
from accounting.instants import shown_instant
from accounting.model import UNIT_BYTES, Statement
from accounting.rendering.common import STATE_WORDS, fraction, rounded, shown_to
from accounting.rendering.statement.page_sections import NONE, Column, Section
from accounting.text import counted, in_words, money, places, shown_money

_SHOWN = 10  # lines; one more row sums up the rest
_UNCOUNTED = Versions()


def trend_section(trend: Trend) -> Section:
    """The lines that changed most, the sum of the rest, and the total; each with its reasons, the largest first."""
    shown, rest = trend.changes[:_SHOWN], trend.changes[_SHOWN:]
    decimals = _decimals(trend)
    groups = [*([change] for change in shown), *([rest] if rest else [])]
    before, after = (
        rounded([sum((change.means[of] for change in group), Fraction(0)) for group in groups], _unit(trend), decimals)
        for of in (0, -1)
    )
    names = [
        (_package(change), STATE_WORDS[change.key.state], _why_of_line(trend, decimals, change, last - first))
        for change, first, last in zip(shown, before, after, strict=False)
    ]
    if rest:
        names.append((counted(len(rest), "more line"), NONE, _why(trend, decimals, rest, after[-1] - before[-1])))
    amounts = [sum(change.amount_minor or 0 for change in group) for group in groups]
    rows = [
        (*name, *_figures(trend, decimals, *of_group))
        for name, *of_group in zip(names, before, after, amounts, strict=True)
    ]
    if _priced(trend) and trend.corrected_minor:
        corrected = in_words([f"on the bill of {bill.month}" for bill in (trend.first, trend.last) if bill.corrections])
        rows.append(
            ("Corrections of closed months", NONE, corrected, *3 * (NONE,), _amount(trend, trend.corrected_minor))
        )
    all_before, all_after = sum(before), sum(after)
    why = _why(trend, decimals, trend.changes, all_after - all_before, trend.versions)
    if _priced(trend):
        why = f"from {_total(trend.first)} to {_total(trend.last)} {trend.last.currency}; {why}"
    return Section(
        "trend",
        f"What changed most from {trend.first.month} to {trend.last.month}",
        (
            f"The figures are the average {trend.last.unit} stored. The reasons compare each month with the month"
            " before, and are added up.",
            *_beginning(trend),
        ),
        (
            Column("Package", "name"),
            Column("State", "word"),
            Column("Why", "name"),
            *(Column(title, "figure") for title in (str(trend.first.month), str(trend.last.month), "Change")),
            *([Column(trend.last.currency or "", "figure")] if _priced(trend) else []),
        ),
        tuple(rows),
        ("Total", "", why, *_figures(trend, decimals, all_before, all_after, sum(amounts) + trend.corrected_minor)),
    )


def _beginning(trend: Trend) -> Iterator[str]:
    """A note on a first month that is only partly known."""
    if trend.known_from > trend.first.month.start:
        yield (
            f"Nothing is known before {shown_instant(trend.known_from)}, the date of the first snapshot."
            f" {trend.first.month} counts as if nothing had been stored until then."
        )


def trend_members(trend: Trend) -> dict[str, object]:
    """Every line that changed, in exact fractions of a byte."""
    return {
        "from": str(trend.first.month),
        "to": str(trend.last.month),
        "versions_came": trend.versions.came,
        "versions_gone": trend.versions.gone,
        "corrections_change": None if trend.last.amount_minor is None else _exact(trend, trend.corrected_minor),
        "mean_bytes": [
            {
                "repository": change.key.repository,
                "format": change.key.format,
                "package": change.key.package,
                "state": change.key.state,
                "before": fraction(change.before),
                "after": fraction(change.after),
                "change": fraction(change.change),
                "came": fraction(change.reasons.came),
                "went": fraction(change.reasons.went),
                "moved": fraction(change.reasons.moved),
                "shared": fraction(change.shared),
                "versions_came": change.versions.came,
                "versions_gone": change.versions.gone,
                "mostly_in": str(trend.most_in(change.means).month),
                "amount_change": None if change.amount_minor is None else _exact(trend, change.amount_minor),
            }
            for change in trend.changes
        ],
    }


def _priced(trend: Trend) -> bool:
    """Whether the amounts can be compared, because both months are billed in full."""
    return trend.last.currency is not None and "provisional" not in (trend.first.status, trend.last.status)


def _package(change: LineChange) -> str:
    key = change.key
    return f"{key.format}/{key.package}" + (f" in {key.repository}" if key.repository is not None else "")


def _why_of_line(trend: Trend, decimals: int, change: LineChange, shown: int) -> str:
    """The reasons of one line's change; moved content is shown with its origin or destination."""
    key, moved = change.key, change.reasons.moved
    others = [
        other.key
        for other in trend.changes
        if (other.key.format, other.key.package) == (key.format, key.package) and other.reasons.moved * moved < 0
    ]
    states = {STATE_WORDS[other.state] for other in others if other.state != key.state}
    repositories = {f"repository {other.repository}" if other.repository else "no repository" for other in others}
    where = in_words(sorted(states or repositories or {""}))
    return _why(trend, decimals, [change], shown, change.versions, f"moved {'from' if moved > 0 else 'to'} {where}")


def _why(trend: Trend, decimals: int, changes: Sequence[LineChange], shown: int, versions: Versions = _UNCOUNTED,
         moved: str = "moved between states") -> str:  # fmt: skip
    """The reasons for the changes of some lines, the largest first; with several months, also the month of most change.

    They add up to `shown`, the change in the same row, in 10^-decimals of the unit.
    """
    reasons = sum((change.reasons for change in changes), Reasons())
    named = [
        (reasons.came, counted(versions.came, "new version") if versions.came else "more content"),
        (reasons.went, f"{counted(versions.gone, 'version')} removed" if versions.gone else "less content"),
        (reasons.moved, moved),
        (sum((change.shared for change in changes), Fraction(0)), "sharing changed"),
    ]
    named.sort(key=lambda reason: -abs(reason[0]))
    whole = [round(value * 10**decimals / _unit(trend)) for value, _ in named]
    if not any(whole):
        return NONE
    whole[0] += shown - sum(whole)
    words = [
        f"{name} {'+' if figure > 0 else ''}{shown_to(figure, decimals)}"
        for figure, (_, name) in zip(whole, named, strict=True)
        if figure
    ]
    means = [sum(of_month, Fraction(0)) for of_month in zip(*(change.means for change in changes), strict=True)]
    most = f"mostly in {trend.most_in(means).month}: " if len(trend.bills) > 2 else ""
    return most + "; ".join(words)


def _unit(trend: Trend) -> int:
    return UNIT_BYTES[trend.last.unit]


def _decimals(trend: Trend) -> int:
    """The number of decimals that suits the largest mean."""
    return places(max(mean for change in trend.changes for mean in change.means) / _unit(trend))


def _figures(trend: Trend, decimals: int, first: int, last: int, amount: int) -> Iterator[str]:
    """The means of the first and the last month, their difference, and the change of the amount."""
    for figure in (first, last, last - first):
        yield shown_to(figure, decimals)
    if _priced(trend):
        yield _amount(trend, amount)


def _total(bill: Statement) -> str:
    return shown_money(bill.amount_minor or 0, bill.minor_digits)


def _amount(trend: Trend, minor: int) -> str:
    return shown_money(minor, trend.last.minor_digits)


def _exact(trend: Trend, minor: int) -> str:
    return money(minor, trend.last.minor_digits)
