"""What the fonts of reports/fonts/ draw, and how wide, so that a name never turns into boxes nor leaves its column."""

import unicodedata
from collections.abc import Mapping
from functools import cache

from accounting.paths import shipped

_FILES = ("NotoSans-Regular.ttf", "DroidSansFallback.ttf")  # in the order in which reports/statement.typ asks them
_BOLD = "NotoSans-Bold.ttf"
_BREAKS = frozenset(" /.:_@-")  # a name is broken behind these


def drawable(text: str) -> str:
    r"""A text in which every character is one that the fonts draw: others, and what is not to be seen, as escapes.

    >>> print(drawable("né 名前 🚀 \x1b[31m\u202e"))
    né 名前 \U0001f680 \x1b[31m\u202e
    """
    if text.isascii() and text.isprintable():
        return text
    shown, file = "", None
    for char in text:
        # A mark is drawn onto the character before it, so that both have to come from one font.
        files = (file,) if _is_mark(char) else _FILES
        file = next((name for name in files if name and char.isprintable() and char in _drawn(name)), None)
        shown += char if file else char.encode("unicode_escape").decode()
    return shown


def width(text: str, bold: bool = False) -> float:
    """How wide a drawable text is, without kerning, in sizes of its type.

    >>> round(width("1,000.00"), 3), round(width("名前"), 3)
    (3.968, 2.0)
    """
    first = _drawn(_BOLD if bold else _FILES[0])
    try:
        return sum(map(first.__getitem__, text))
    except KeyError:
        return sum(first[char] if char in first else _drawn(_FILES[1])[char] for char in text)


def broken(text: str, room: float) -> list[str]:
    """A drawable text in lines of so many sizes of its type: behind its own marks, or anywhere where it has none.

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
    """How wide the space is, and each character for which the font has a glyph that is not empty."""
    from fontTools.ttLib import TTFont

    with TTFont(shipped("reports") / "fonts" / file) as font:
        number, place, advances = font.getReverseGlyphMap(), font["loca"], font["hmtx"]
        size = font["head"].unitsPerEm
        return {
            chr(code): advances[glyph][0] / size
            for code, glyph in font.getBestCmap().items()
            if code == ord(" ") or place[number[glyph]] < place[number[glyph] + 1]
        }
