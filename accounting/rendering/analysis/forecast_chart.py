"""The chart of a forecast: the bytes charged on each day. Future days are a dashed line within their range.

It is a file of its own, so it has a title, and a background that is light or dark as its reader's screen.
"""

from datetime import UTC, datetime

from accounting.analysis.forecasting import DAY, Forecast
from accounting.model import UNIT_BYTES
from accounting.rendering.statement.chart import COLOURS, HEIGHT, WIDTH, drawing_library, finished, styled
from accounting.text import visible

_KINDS = ("charged so far", "known to come")
_RANGE = "range: 90% of simulations"
_OPACITY = 0.25
_PAPER = (
    "<style>.forecast { background: #ffffff; color: #1c2024; }"
    " @media (prefers-color-scheme: dark) { .forecast { background: #16191d; color: #e6e9ec; } }</style>"
)


def forecast_chart(forecast: Forecast) -> str:
    """The SVG. The same forecast gives the same bytes. Raises AcctError if the libraries are not installed."""
    library = drawing_library()
    import altair as alt

    unit = forecast.months[0].known.unit
    first = forecast.covered_until - len(forecast.history) * DAY
    daily = [*forecast.history, *(day.known for day in forecast.days)]
    values: list[dict[str, object]] = [
        {
            "day": datetime.fromtimestamp(first + number * DAY, UTC).date().isoformat(),
            "kind": _KINDS[number >= len(forecast.history)],
            "charged": charged / UNIT_BYTES[unit],
        }
        for number, charged in enumerate(daily)
    ]
    for value, day in zip(values[len(forecast.history) :], forecast.days, strict=True):
        if day.low is not None and day.high is not None:
            value |= {"low": day.low / UNIT_BYTES[unit], "high": day.high / UNIT_BYTES[unit], "range": _RANGE}
    monthly = alt.Axis(format="%Y-%m", tickCount={"interval": "month", "step": 1}, labelOverlap=True)
    x = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=monthly)
    y = alt.Y("charged:Q", title=unit, axis=alt.Axis(tickCount=4, format=",.6~f", domain=False, tickSize=0))
    base = alt.Chart(alt.InlineData(values=values), width=WIDTH, height=HEIGHT)
    line = base.mark_line(color=COLOURS["live"], strokeWidth=2).encode(
        x=x,
        y=y,
        strokeDash=alt.StrokeDash(
            "kind:N",
            title=None,
            sort=list(_KINDS),
            legend=alt.Legend(
                symbolType="stroke", symbolStrokeColor=COLOURS["live"], symbolStrokeWidth=2, symbolSize=400
            ),
        ),
    )
    fill = alt.Fill(
        "range:N",
        title=None,
        scale=alt.Scale(range=[COLOURS["live"]]),
        legend=alt.Legend(symbolType="square", symbolOpacity=_OPACITY, symbolStrokeWidth=0, symbolSize=400),
    )
    range_ = base.transform_filter("datum.range").mark_area(opacity=_OPACITY)
    range_ = range_.encode(x=x, y="low:Q", y2="high:Q", fill=fill)
    title = f"{visible(forecast.workspace)}: {unit} charged on each day, past and future"
    drawn = (alt.layer(range_, line) if forecast.has_range else line).properties(
        background="transparent", padding=16, title=title
    )
    spec = styled(drawn).configure_title(anchor="start", color="currentColor", fontSize=14, offset=12).to_dict()
    spec["config"]["legend"]["layout"] = {"top": {"anchor": "start", "direction": "horizontal", "margin": 36}}
    range_words = "The area around them is their expected range." if forecast.has_range else "There is no range."
    description = f"A line shows the days so far. It is dashed for future days, if nothing else changes. {range_words}"
    svg = finished(library.vegalite_to_svg(spec), title, description, [])
    return svg.replace('class="marks"', 'class="forecast"', 1).replace("<defs>", f"<defs>{_PAPER}", 1)
