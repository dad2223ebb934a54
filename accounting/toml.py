"""TOML that a user wrote; AcctError for whatever cannot be read."""

import tomllib
from collections.abc import Iterable
from typing import Any

from accounting.errors import AcctError

_INTEGERS = range(-(2**63), 2**63)
_LEVELS = 100


def parse_toml(text: str, where: str, hint: str) -> dict[str, Any]:
    """The tables of a TOML text; errors name it as `where` and suggest `hint`.

    Raises AcctError for text that is not TOML, and for integers of more than 64 bits: TOML allows no others, and Python
    neither reads nor prints an integer of more than 4,300 digits.

    >>> parse_toml("days = 30", "rates.toml", "correct it")
    {'days': 30}
    """
    too_long = AcctError(where, "contains an integer that does not fit into 64 bits", hint)
    too_deep = AcctError(where, "is nested too deeply", hint)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AcctError(where, f"is not valid TOML: {error}", hint) from error
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
    """The values of a table or an array; nothing for any other value."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
