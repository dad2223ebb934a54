"""What was stored day by day as a chart: SVG that needs nothing else, for a light and a dark page and for print.

A state has a pattern as well as a colour, so that no meaning is by colour alone. The colours hold against white and
against black; lines and letters take the colour of the text around them.
"""

import copy
import functools
import re
from typing import Any

from accounting.errors import AcctError
from accounting.model import STATES, UNIT_BYTES
from accounting.statement_page import StatementPage

_COLOURS = {
    "live": "#3a7fc4",
    "repository_deleted": "#d0632a",
    "workspace_deleted": "#2f9268",
    "package_deleted": "#8a70c8",
    "expired": "#85878b",
}
# What is drawn on a square of 8 by 8 in the state's colour, over a fainter ground of it; the live state is solid.
_PATTERNS = {
    "repository_deleted": "M0,8L8,0M-2,2L2,-2M6,10L10,6",
    "workspace_deleted": "M0,4H8",
    "package_deleted": "M4,0V8",
    "expired": "M0,0L8,8M0,8L8,0",
}
_WIDTH, _HEIGHT = 720, 220
_FONT = "system-ui, sans-serif"


def stored_chart(page: StatementPage) -> str:
    """The SVG of what was stored on each day, stacked by state; the same bytes for the same page.

    Raises AcctError where the libraries that draw are not installed.
    """
    try:
        import vl_convert
    except ImportError:
        raise AcctError(
            "the chart of a statement",
            "needs altair and vl-convert-python, which are not installed",
            "install acct with its extra `plots`",
        ) from None
    statement = page.statement
    unit = UNIT_BYTES[statement.unit]
    states = [state for state in STATES if any(day.state == state for day in page.days)]
    spec = copy.deepcopy(_spec())
    values = [
        {
            "day": day.day.isoformat(),
            "state": _words(day.state),
            "stored": day.byte_seconds / day.seconds / unit,  # a picture, no figure
            "place": states.index(day.state),
        }
        for day in page.days
    ]
    spec["data"] = {"values": values}
    spec["encoding"]["y"]["title"] = statement.unit
    spec["encoding"]["color"]["scale"] = {
        "domain": [_words(state) for state in states],
        "range": [_fill(state) for state in states],
    }
    title = f"{statement.unit} stored on each day of {statement.month}, by state"
    description = f"A column a day, stacked from below: {', '.join(_words(state) for state in states)}."
    return _finished(vl_convert.vegalite_to_svg(spec), title, description, states)


@functools.cache
def _spec() -> dict[str, Any]:
    """The drawing without its data, checked against its schema once."""
    import altair as alt

    drawn = (
        alt.Chart(alt.InlineData(values=[]), width=_WIDTH, height=_HEIGHT, background="transparent")
        .mark_bar(stroke="currentColor", strokeWidth=0.4)
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0, labelExpr="+slice(datum.value, 8)", tickSize=0)),
            y=alt.Y("stored:Q", axis=alt.Axis(tickCount=4, format=",.6~f", domain=False, tickSize=0)),
            color=alt.Color("state:N", title=None),
            order=alt.Order("place:Q"),
        )
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
    spec = dict(drawn.to_dict())
    spec.pop("datasets", None)  # data come with each page
    return spec


def _words(state: str) -> str:
    return state.replace("_", " ")


def _fill(state: str) -> str:
    return f"url(#pattern-{state})" if state in _PATTERNS else _COLOURS[state]


def _finished(svg: str, title: str, description: str, states: list[str]) -> str:
    """The drawing with what is read aloud in its place, and its patterns."""
    patterns = "".join(
        f'<pattern id="pattern-{state}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="{_COLOURS[state]}" fill-opacity="0.35"/>'
        f'<path d="{_PATTERNS[state]}" stroke="{_COLOURS[state]}" stroke-width="2.5" fill="none"/></pattern>'
        for state in states
        if state in _PATTERNS
    )
    head, body = svg.split(">", 1)
    body = re.sub(r' (role|aria-[a-z]+)="[^"]*"', "", body)  # the picture is read aloud as one
    body = re.sub(r' (d|transform)="[^"]*"', _shortened, body)
    return (
        f'{head} role="img" aria-labelledby="chart-title chart-description"><title id="chart-title">{title}</title>'
        f'<desc id="chart-description">{description}</desc><defs>{patterns}</defs>{body}'
    )


def _shortened(attribute: re.Match[str]) -> str:
    """Coordinates to a hundredth of a pixel."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", attribute[0])
