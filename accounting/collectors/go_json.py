"""JSON as the registry's program reads it, with the encoding/json of Go, for what it serves has to be billed.

Bytes that are no UTF-8 and halves of surrogates are replaced; numbers have any length; values are nested 10,000 deep at
most. Names of members match in any case, by simple Unicode folding. Of two members of one name the later is read into
what the earlier gave: it overwrites what it says, and leaves the rest.
"""

import json
import re
from collections.abc import Iterator
from typing import NoReturn, TypeAlias

MOST_NESTED = 10_000
_INTEGER = re.compile("-?[0-9]{1,19}")
_LEAST_INTEGER, _MOST_INTEGER = -(2**63), 2**63 - 1

# A structural character, a text, or what stands between them.
_TOKEN = re.compile(r'[ \t\n\r]*+(?:([\[\]{}:,])|("(?:[^"\\]++|\\.)*+"|[^\[\]{}:," \t\n\r]++))', re.DOTALL)

# What a value is read as: a text, a whole number, a list, or an object with these members, by their folded names.
Kind: TypeAlias = "type[str] | type[int] | list[Kind] | dict[str, Kind]"


class Members(list[tuple[str, object]]):
    """An object: its members in their order, those of one name too."""


class Number(str):
    """A number, as it is written."""


class _List(list[object]):
    """A list with what an earlier, longer one of the same name had beyond it: Go keeps it, and a later one may read
    into it."""

    beyond: list[object]


def parse(body: bytes, most_nested: int | None = MOST_NESTED) -> object:
    """The value: Members, list, str, Number, bool or None. Raises ValueError for what is no JSON, or nested deeper."""
    text = body.decode(errors="replace")
    try:
        return _plain(text)
    except RecursionError:
        return _nested(text, most_nested)


def read(value: object, kind: Kind, before: object = None) -> object:
    """A value as `kind`, read into what is there `before`; an object becomes a dict of those members that it has.

    Raises ValueError for a value of another kind. A null changes nothing, but for a list, which is none then.
    """
    if value is None:
        return None if isinstance(kind, list) else before
    if isinstance(kind, list) and type(value) is list:
        return _read_list(value, kind[0], before)
    if isinstance(kind, dict) and isinstance(value, Members):
        found = dict(before) if isinstance(before, dict) else {}
        for written, member in value:
            name = folded(written)
            if name in kind:
                found[name] = read(member, kind[name], found.get(name))
        return found
    if kind is str and isinstance(value, str) and not isinstance(value, Number):
        return value if value.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", value)
    if kind is int and isinstance(value, Number) and _INTEGER.fullmatch(value):
        number = int(str(value))
        if _LEAST_INTEGER <= number <= _MOST_INTEGER:
            return number
    raise ValueError("has a member of another kind than a manifest's")


def folded(name: str) -> str:
    """Equal for names that Go takes for one: case, the long s and the Kelvin sign make no difference.

    >>> folded("LayerS") == folded("layer\\u017f"), folded("\\u212a") == folded("k"), folded("conf\\u0131g")
    (True, True, 'confıg')
    """
    return name.replace("\u017f", "s").lower()


def _read_list(values: list[object], kind: Kind, before: object) -> _List:
    old = [*before, *before.beyond] if isinstance(before, _List) and values else []
    found = _List(read(value, kind, old[i] if i < len(old) else None) for i, value in enumerate(values))
    found.beyond = old[len(values) :]
    return found


def _plain(text: str) -> object:
    """By Python's own parser, which is fast and takes what is nested some hundred deep."""
    return json.loads(
        text, object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant
    )


def _nested(text: str, most_nested: int | None) -> object:
    """The same without recursion. What stands between structural characters is left to _plain."""
    whole: list[object] = []
    holders: list[list[object] | Members] = [whole]
    names: list[str] = []
    due = "value"  # or: value or end, name, name or end, colon, comma or end
    for mark, plain in _tokens(text):
        holder = holders[-1]
        if mark == ":" and due == "colon":
            due = "value"
        elif mark == "," and due == "comma or end" and len(holders) > 1:
            due = "name" if isinstance(holder, Members) else "value"
        elif mark in ("[", "{") and due.startswith("value"):
            holders.append([] if mark == "[" else Members())
            due = "value or end" if mark == "[" else "name or end"
            if most_nested is not None and len(holders) - 1 > most_nested:
                raise ValueError("nested too deeply")
        elif mark == ("}" if isinstance(holder, Members) else "]") and due.endswith("or end") and len(holders) > 1:
            _put(holders[-2], names, holders.pop())
            due = "comma or end"
        elif plain and due.startswith("name") and plain.startswith('"'):
            names.append(str(_plain(plain)))
            due = "colon"
        elif plain and due.startswith("value"):
            _put(holder, names, _plain(plain))
            due = "comma or end"
        else:
            raise ValueError("no JSON")
    if len(holders) > 1 or not whole:
        raise ValueError("no JSON")
    return whole[0]


def _put(holder: list[object] | Members, names: list[str], value: object) -> None:
    if isinstance(holder, Members):
        holder.append((names.pop(), value))
    else:
        holder.append(value)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Each structural character, or what stands between them; the other is empty."""
    end = len(text.rstrip(" \t\n\r"))
    at = 0
    while at < end:
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError("no JSON")
        at = found.end()
        yield found[1] or "", found[2] or ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
