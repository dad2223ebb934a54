"""Instants and months: UTC, cut down to whole seconds, kept as epoch seconds (RULES, preamble)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from accounting.errors import AcctError

# One grammar for command line, snapshot files and events: ISO 8601 with an offset or Z.
INSTANT = r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.]\d+)?)?([Zz]|[+-]\d{2}:?\d{2})"
# The same in SQL, for a TIMESTAMPTZ `instant`. `//` cuts towards zero; date_trunc would take six times as long.
EPOCH_SECONDS = "(epoch_us(instant) - CASE WHEN epoch_us(instant) < 0 THEN 999999 ELSE 0 END) // 1000000"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ONE_SECOND = timedelta(seconds=1)
FIRST = -62_135_596_800  # 0001-01-01T00:00:00Z
LAST = 253_402_300_799  # 9999-12-31T23:59:59Z


def parse_instant(text: str) -> int:
    """Epoch seconds of an ISO 8601 instant with an offset; fractions of seconds are cut off.

    Raises ValueError for any other text.

    >>> parse_instant("2026-10-01T02:00:00.750+02:00") == parse_instant("2026-10-01T00:00:00Z")
    True
    >>> parse_instant("1969-12-31T23:59:59.5Z")
    -1
    """
    if not re.fullmatch(INSTANT, text, re.ASCII):
        raise ValueError(text)
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // _ONE_SECOND


def format_instant(seconds: int) -> str:
    """ISO 8601 in UTC; an instant before the year 1 or after 9999 is shown as the first or the last second of these.

    >>> format_instant(1790812800)
    '2026-10-01T00:00:00Z'
    >>> format_instant(-(10**12))
    '0001-01-01T00:00:00Z'
    """
    return (_EPOCH + timedelta(seconds=max(FIRST, min(seconds, LAST)))).isoformat().replace("+00:00", "Z")


def shown_instant(seconds: int) -> str:
    """An instant in UTC as people read it: its date, and its time unless that is midnight.

    >>> shown_instant(1790812800), shown_instant(1790812800 + 3660), shown_instant(1790812800 + 3661)
    ('1 Oct 2026', '1 Oct 2026 01:01', '1 Oct 2026 01:01:01')
    """
    instant = _EPOCH + timedelta(seconds=max(FIRST, min(seconds, LAST)))
    if not seconds % 86_400:
        return shown_date(instant)
    return f"{shown_date(instant)} {instant:{'%H:%M:%S' if instant.second else '%H:%M'}}"


def shown_date(day: date) -> str:
    """A date as people read it, such as 1 Oct 2026, whatever the language of the machine."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def midnight(day: date) -> int:
    """Epoch seconds of a date's midnight in UTC."""
    return (day - _EPOCH.date()) // timedelta(days=1) * 86_400


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC, the half-open interval [start, end) in epoch seconds.

    >>> month = Month.parse("2026-02")
    >>> month.seconds // 86_400, str(month.next), str(month.before)
    (28, '2026-03', '2026-01')
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises AcctError unless the text is YYYY-MM."""
        found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text, re.ASCII)
        if not found or not 1970 <= int(found[1]) <= 9998:
            raise AcctError(f"month {text!r}", "is not a month", "write it as YYYY-MM, such as 2026-10")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def holding(cls, seconds: int) -> Self:
        """The month in which an instant lies."""
        instant = _EPOCH + timedelta(seconds=seconds)
        return cls(instant.year, instant.month)

    @property
    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> "Month":
        return Month.holding(self.start - 1)

    @property
    def start(self) -> int:
        return midnight(date(self.year, self.number, 1))

    @property
    def end(self) -> int:
        return self.next.start

    @property
    def seconds(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"
