"""Which characters the fonts of reports/fonts/ draw, so that a name never turns into boxes."""

import unicodedata
from functools import cache

from accounting.paths import shipped

_FILES = ("NotoSans-Regular.ttf", "DroidSansFallback.ttf")  # in the order in which reports/statement.typ asks them


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
        files = (file,) if unicodedata.category(char).startswith("M") else _FILES
        file = next((name for name in files if name and char.isprintable() and char in _drawn(name)), None)
        shown += char if file else char.encode("unicode_escape").decode()
    return shown


@cache
def _drawn(file: str) -> frozenset[str]:
    """The space, and all characters for which the font has a glyph that is not empty."""
    from fontTools.ttLib import TTFont

    with TTFont(shipped("reports") / "fonts" / file) as font:
        number, place = font.getReverseGlyphMap(), font["loca"]
        drawn = {
            chr(code) for code, glyph in font.getBestCmap().items() if place[number[glyph]] < place[number[glyph] + 1]
        }
    return frozenset(drawn | {" "})
