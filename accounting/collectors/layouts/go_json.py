"""JSON as the registry reads it, with Go's encoding/json, because everything that the registry serves has to be billed.

Invalid UTF-8 and lone surrogates are replaced; numbers have any length; values are nested at most 10,000 deep. Names of
members match in any case, by simple Unicode folding. If a name occurs twice, the later value is read into the earlier
one: it overwrites the members that it has and leaves the rest.
"""

import json
import re
from collections.abc import Iterator
from typing import NoReturn, TypeAlias

MOST_NESTED = 10_000
_INTEGER = re.compile("-?[0-9]{1,19}")
_LEAST_INTEGER, _MOST_INTEGER = -(2**63), 2**63 - 1

# A structural character, a string, or the text between them.
_TOKEN = re.compile(r'[ \t\n\r]*+(?:([\[\]{}:,])|("(?:[^"\\]++|\\.)*+"|[^\[\]{}:," \t\n\r]++))', re.DOTALL)

# The type that a value is read as: a string, an integer, a list, or an object with these members, by folded name.
Kind: TypeAlias = "type[str] | type[int] | list[Kind] | dict[str, Kind]"


class Members(list[tuple[str, object]]):
    """An object: its members in their order, including those with the same name."""


class Number(str):
    """A number, as it was written."""


class _List(list[object]):
    """A list, with the elements that an earlier, longer list of the same name had beyond its end: Go keeps them, and a
    later list may be read into them."""

    beyond: list[object]


def parse(body: bytes, most_nested: int | None = MOST_NESTED) -> object:
    """The value: Members, list, str, Number, bool or None. Raises ValueError if it is not JSON or is nested deeper."""
    text = body.decode(errors="replace")
    try:
        return _plain(text)
    except RecursionError:
        return _nested(text, most_nested)


def read(value: object, kind: Kind, before: object = None) -> object:
    """A value as `kind`, read into the value `before`; an object becomes a dict of the members that it has.

    Raises ValueError for a value of another kind. A null changes nothing, except that a list becomes None.
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
    raise ValueError("has a member whose type is not that of a manifest")


def folded(name: str) -> str:
    """Equal for names that Go treats as the same: case, the long s and the Kelvin sign make no difference.

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
    """The value by Python's own parser, which is fast but accepts only some hundred levels."""
    return json.loads(
        text, object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant
    )


def _nested(text: str, most_nested: int | None) -> object:
    """The same without recursion. The text between structural characters is parsed by _plain."""
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
            raise ValueError("not JSON")
    if len(holders) > 1 or not whole:
        raise ValueError("not JSON")
    return whole[0]


def _put(holder: list[object] | Members, names: list[str], value: object) -> None:
    if isinstance(holder, Members):
        holder.append((names.pop(), value))
    else:
        holder.append(value)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Each structural character, or the text between two of them; the other is empty."""
    end = len(text.rstrip(" \t\n\r"))
    at = 0
    while at < end:
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError("not JSON")
        at = found.end()
        yield found[1] or "", found[2] or ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
