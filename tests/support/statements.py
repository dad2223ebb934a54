"""A statement made by hand."""

from accounting.instants import Month
from accounting.model import Correction, Line, LineKey, Statement

WEB = LineKey("gadgets", "container", "web", "live")


BILL = Statement(
    workspace="acme",
    month=Month(2026, 10),
    status="final",
    covered_until=Month(2026, 10).end,
    unit="GB",
    currency="USD",
    minor_digits=2,
    byte_seconds=10**18,
    charged_byte_seconds=10**18,
    included_byte_seconds=0,
    amount_minor=70,
    lines=(Line(WEB, True, 10**18, 100),),
    corrections=(Correction(Month(2026, 9), WEB, -1000, -30),),
    held_names=(),
)
