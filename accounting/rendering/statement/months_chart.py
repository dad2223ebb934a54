"""The chart of several months: the average stored in each, stacked by state."""

from collections.abc import Sequence

from accounting.model import STATES, UNIT_BYTES, Statement
from accounting.rendering.statement.chart import Bar, stacked_chart


def months_chart(bills: Sequence[Statement]) -> str:
    """The SVG. A month that is only partly covered shows the average of the part that is covered.

    Raises AcctError if the libraries that draw are not installed.
    """
    unit = bills[-1].unit
    bars = []
    for bill in bills:
        for state in STATES:
            stored = sum(line.byte_seconds for line in bill.lines if line.key.state == state)
            if stored:
                bars.append(Bar(str(bill.month), state, stored / bill.metered_seconds / UNIT_BYTES[unit]))
    title = f"Average {unit} stored in each month from {bills[0].month} to {bills[-1].month}, by state"
    charged = {line.key.state for bill in bills for line in bill.lines if line.charged}
    free = {bar.state for bar in bars} - charged
    return stacked_chart(bars, unit, "datum.value", title, "One column for each month", free)
