"""The instant at the end of a snapshot file's name, `_INSTANT.ext`, such as `images_2026-10-01T000000Z.csv`."""

import re
from pathlib import Path

from accounting.errors import AcctError
from accounting.instants import parse_instant

_INSTANT = r".*_(\d{4}-\d{2}-\d{2})[Tt](\d{2}):?(\d{2}):?(\d{2}(?:[.]\d+)?)([Zz]|[+-]\d{2}:?\d{2})"


def instant_of(file: Path) -> int | None:
    """Epoch seconds of the instant at the end of a file's name; None if there is none.

    Raises AcctError for an instant that does not exist, such as one on 31 June.

    >>> from accounting.instants import format_instant
    >>> names = ("images_2026-10-01T053000+0530.csv", "2026-10-01.csv", "1_b_2026-10-01T000000.75Z.parquet")
    >>> [at if at is None else format_instant(at) for at in (instant_of(Path(name)) for name in names)]
    ['2026-10-01T00:00:00Z', None, '2026-10-01T00:00:00Z']
    """
    found = re.fullmatch(_INSTANT, file.stem, re.ASCII | re.DOTALL)
    if not found:
        return None
    day, hours, minutes, seconds, offset = found.groups()
    try:
        return parse_instant(f"{day}T{hours}:{minutes}:{seconds}{offset}")
    except ValueError:
        raise AcctError(
            str(file), "its name ends in an instant that does not exist", "correct it, such as to _2026-10-01T000000Z"
        ) from None
