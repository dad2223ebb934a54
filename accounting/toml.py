"""TOML that a user wrote, with one refusal for whatever cannot be read."""

import tomllib
from collections.abc import Iterable
from typing import Any

from accounting.errors import AcctError

_INTEGERS = range(-(2**63), 2**63)
_LEVELS = 100


def parse_toml(text: str, where: str, hint: str) -> dict[str, Any]:
    """The tables of a TOML text; `where` names it in errors, and `hint` says what to do about them.

    An integer is one of 64 bits, as TOML has them: Python neither reads nor prints one of more than 4,300 digits.
    Raises AcctError.

    >>> parse_toml("days = 30", "rates.toml", "correct it")
    {'days': 30}
    """
    too_long = AcctError(where, "has an integer that does not fit into 64 bits", hint)
    too_deep = AcctError(where, "is nested too deeply", hint)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AcctError(where, f"is no TOML: {error}", hint) from error
    except RecursionError as error:
        raise too_deep from error
    except ValueError as error:
        raise too_long from error
    level: list[object] = [tables]
    for _ in range(_LEVELS):
        if any(isinstance(value, int) and value not in _INTEGERS for value in level):
            raise too_long
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise too_deep
    return tables


def _inside(value: object) -> Iterable[object]:
    """The values of a table or an array; none of anything else."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
