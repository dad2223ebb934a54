"""Which characters the fonts in reports/fonts/ have, and their widths: no name shows boxes or leaves its column."""

import unicodedata
from collections.abc import Mapping
from functools import cache

from accounting.paths import shipped

_FILES = ("NotoSans-Regular.ttf", "DroidSansFallback.ttf")  # in the order of reports/statement.typ
_BOLD = "NotoSans-Bold.ttf"
_BREAKS = frozenset(" /.:_@-")  # a name is broken after these


def drawable(text: str) -> str:
    r"""A text in which the fonts have every character. Other characters and invisible ones are shown as escapes.

    >>> print(drawable("né 名前 🚀 \x1b[31m\u202e"))
    né 名前 \U0001f680 \x1b[31m\u202e
    """
    if text.isascii() and text.isprintable():
        return text
    shown, file = "", None
    for char in text:
        # A combining mark is drawn onto the character before it, so both must come from one font.
        files = (file,) if _is_mark(char) else _FILES
        file = next((name for name in files if name and char.isprintable() and char in _drawn(name)), None)
        shown += char if file else char.encode("unicode_escape").decode()
    return shown


def width(text: str, bold: bool = False) -> float:
    """The width of a drawable text without kerning, as a multiple of the type size.

    >>> round(width("1,000.00"), 3), round(width("名前"), 3)
    (3.968, 2.0)
    """
    first = _drawn(_BOLD if bold else _FILES[0])
    try:
        return sum(map(first.__getitem__, text))
    except KeyError:
        return sum(first[char] if char in first else _drawn(_FILES[1])[char] for char in text)


def broken(text: str, room: float) -> list[str]:
    """A drawable text in lines of at most `room` type sizes: broken after a separator, or anywhere if it has none.

    >>> broken("com.example:core", 7), broken("W" * 5, 2)
    (['com.example:', 'core'], ['WW', 'WW', 'W'])
    """
    lines, start, behind, used = [], 0, 0, 0.0
    for i, char in enumerate(text):
        wide = width(char)
        if used + wide > room and i > start and not _is_mark(char):
            cut = behind if behind > (start + i) // 2 else i  # no line is left nearly empty
            lines.append(text[start:cut])
            start, used = cut, width(text[cut:i])
        used += wide
        if char in _BREAKS or (behind == i and _is_mark(char)):
            behind = i + 1
    return [*lines, text[start:]]


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


@cache
def _drawn(file: str) -> Mapping[str, float]:
    """The width of the space, and of each character for which the font has a glyph that is not empty."""
    from fontTools.ttLib import TTFont

    with TTFont(shipped("reports") / "fonts" / file) as font:
        number, place, advances = font.getReverseGlyphMap(), font["loca"], font["hmtx"]
        size = font["head"].unitsPerEm
        return {
            chr(code): advances[glyph][0] / size
            for code, glyph in font.getBestCmap().items()
            if code == ord(" ") or place[number[glyph]] < place[number[glyph] + 1]
        }
