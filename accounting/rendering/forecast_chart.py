"""The chart of a forecast: the bytes charged day by day, those to come as a dashed line in their range."""

from datetime import UTC, datetime

from accounting.foresight.forecasting import DAY, Forecast
from accounting.model import UNIT_BYTES
from accounting.rendering.chart import COLOURS, HEIGHT, WIDTH, drawing_library, finished, styled

_KINDS = ("charged so far", "known to come")


def forecast_chart(forecast: Forecast) -> str:
    """The SVG; the same bytes for the same forecast. Raises AcctError where the libraries are not installed."""
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
            value |= {"low": day.low / UNIT_BYTES[unit], "high": day.high / UNIT_BYTES[unit]}
    monthly = alt.Axis(format="%Y-%m", tickCount={"interval": "month", "step": 1}, labelOverlap=True)
    x = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=monthly)
    y = alt.Y("charged:Q", title=unit, axis=alt.Axis(tickCount=4, format=",.6~f", domain=False, tickSize=0))
    base = alt.Chart(alt.InlineData(values=values), width=WIDTH, height=HEIGHT)
    line = base.mark_line(color=COLOURS["live"], strokeWidth=2).encode(
        x=x,
        y=y,
        strokeDash=alt.StrokeDash("kind:N", title=None, sort=list(_KINDS), legend=alt.Legend(symbolType="stroke")),
    )
    range_ = base.mark_area(color=COLOURS["live"], opacity=0.25).encode(x=x, y="low:Q", y2="high:Q")
    drawn = (alt.layer(range_, line) if forecast.has_range else line).properties(background="transparent")
    title = f"{unit} charged from day to day, known and to come"
    told = (
        "An area around them is the range in which they are expected." if forecast.has_range else "There is no range."
    )
    description = f"A line of the days so far, dashed for those to come if nothing else happens. {told}"
    return finished(library.vegalite_to_svg(styled(drawn).to_dict()), title, description, [])
