"""The chart of what was stored on each day: SVG without other files, for light pages, dark pages and print.

A state has a pattern as well as a colour, so that colour alone never carries a meaning. The colours have enough
contrast with white and with black. Lines and letters take the colour of the text around them.
"""

import copy
import functools
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from accounting.errors import AcctError
from accounting.model import STATES, UNIT_BYTES
from accounting.pages.statement_page import StatementPage
from accounting.rendering.common import STATE_WORDS

COLOURS = {
    "live": "#3a7fc4",
    "repository_deleted": "#d0632a",
    "workspace_deleted": "#2f9268",
    "package_deleted": "#8a70c8",
    "expired": "#85878b",
}
# Paths for a tile of 8 by 8, drawn in the state's colour on a lighter ground of that colour. The live state is solid.
_PATTERNS = {
    "repository_deleted": "M0,8L8,0M-2,2L2,-2M6,10L10,6",
    "workspace_deleted": "M0,4H8",
    "package_deleted": "M4,0V8",
    "expired": "M0,0L8,8M0,8L8,0",
}
WIDTH, HEIGHT = 720, 220
_FONT = "system-ui, sans-serif"


@dataclass(frozen=True)
class Bar:
    """What one column, such as a day, has in one state, in the chart's unit."""

    column: str
    state: str
    stored: float  # a float will do: it is drawn, not billed


def stored_chart(page: StatementPage) -> str:
    """The SVG of what was stored on each day, stacked by state. The same page gives the same bytes.

    Raises AcctError if the libraries that draw are not installed.
    """
    statement = page.statement
    unit = UNIT_BYTES[statement.unit]
    charged = {state for part in page.parts for state in part.rule.charged}
    return stacked_chart(
        [Bar(day.day.isoformat(), day.state, day.byte_seconds / day.seconds / unit) for day in page.days],
        statement.unit,
        "+slice(datum.value, 8)",
        f"{statement.unit} stored on each day of {statement.month}, by state",
        "One column for each day",
        {free.state for free in page.free} - charged,
    )


def drawn_or_why_not(draw: Callable[[], str]) -> tuple[str | None, str | None]:
    """A chart, or the sentences that say why there is none: its libraries are not installed."""
    try:
        return draw(), None
    except AcctError:
        return None, "There is no chart, because its libraries are not installed. Install acct with its extra `plots`."


def stacked_chart(
    bars: Sequence[Bar], unit: str, label: str, title: str, columns: str, free: Collection[str] = ()
) -> str:
    """The SVG of columns stacked by state. `label` is a Vega expression for a label, `columns` says what one is.

    `free` are the states that cost nothing in any column.

    Raises AcctError if the libraries that draw are not installed.
    """
    library = drawing_library()
    states = [state for state in STATES if any(bar.state == state for bar in bars)]
    words = {state: STATE_WORDS[state] + (" (free)" if state in free else "") for state in states}
    spec = copy.deepcopy(_spec())
    values = [
        {
            "column": bar.column,
            "state": words[bar.state],
            "stored": bar.stored,
            "place": states.index(bar.state),
        }
        for bar in bars
    ]
    spec["data"] = {"values": values}
    spec["encoding"]["x"]["axis"]["labelExpr"] = label
    spec["encoding"]["y"]["title"] = unit
    spec["encoding"]["color"]["scale"] = {
        "domain": list(words.values()),
        "range": [_fill(state) for state in states],
    }
    description = f"{columns}, stacked from below: {', '.join(words.values())}."
    return finished(library.vegalite_to_svg(spec), title, description, states)


def drawing_library() -> Any:
    """The module vl_convert; raises AcctError if it is not installed."""
    try:
        import vl_convert
    except ImportError:
        raise AcctError(
            "the chart",
            "needs altair and vl-convert-python, which are not installed",
            "install acct with its extra `plots`, in a checkout with `uv sync --extra plots`",
        ) from None
    return vl_convert


@functools.cache
def _spec() -> dict[str, Any]:
    """The drawing without its data. It is checked against its schema only once."""
    import altair as alt

    drawn = (
        alt.Chart(alt.InlineData(values=[]), width=WIDTH, height=HEIGHT, background="transparent")
        .mark_bar(stroke="currentColor", strokeWidth=0.4)
        .encode(
            x=alt.X("column:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, tickSize=0)),
            y=alt.Y("stored:Q", axis=alt.Axis(tickCount=4, format=",.6~f", domain=False, tickSize=0)),
            color=alt.Color("state:N", title=None),
            order=alt.Order("place:Q"),
        )
    )
    spec = dict(styled(drawn).to_dict())
    spec.pop("datasets", None)  # each page has its own data
    return spec


def styled(chart: Any) -> Any:
    """A chart with the lines and fonts that all charts have."""
    return (
        chart
        .configure(aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor="currentColor",
            gridColor="currentColor",
            gridOpacity=0.15,
            labelFont=_FONT,
            labelFontSize=11,
            labelPadding=5,
        )
        .configure_axisY(titleAngle=0, titleAlign="right", titleX=-5, titleY=-8, titleFont=_FONT, titleFontSize=11)
        .configure_legend(
            orient="top", symbolType="square", symbolSize=180, symbolStrokeColor="currentColor", symbolStrokeWidth=0.4,
            labelColor="currentColor", labelFont=_FONT, labelFontSize=12, offset=18,
            columnPadding=28,
        )
    )  # fmt: skip


def _fill(state: str) -> str:
    return f"url(#pattern-{state})" if state in _PATTERNS else COLOURS[state]


def finished(svg: str, title: str, description: str, states: list[str]) -> str:
    """The drawing with its patterns, and with a title and description for screen readers."""
    patterns = "".join(
        f'<pattern id="pattern-{state}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="{COLOURS[state]}" fill-opacity="0.35"/>'
        f'<path d="{_PATTERNS[state]}" stroke="{COLOURS[state]}" stroke-width="2.5" fill="none"/></pattern>'
        for state in states
        if state in _PATTERNS
    )
    head, body = svg.split(">", 1)
    body = re.sub(r' (role|aria-[a-z]+)="[^"]*"', "", body)  # a screen reader reads the picture as one
    body = re.sub(r' (d|transform)="[^"]*"', _shortened, body)
    text = f'<title id="chart-title">{escape(title)}</title><desc id="chart-description">{escape(description)}</desc>'
    return f'{head} role="img" aria-labelledby="chart-title chart-description">{text}<defs>{patterns}</defs>{body}'


def _shortened(attribute: re.Match[str]) -> str:
    """Coordinates to a hundredth of a pixel."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", attribute[0])
