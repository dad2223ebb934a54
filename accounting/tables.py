"""Plain tables and JSON, as every command prints them."""

import json
from collections.abc import Sequence
from functools import cache
from textwrap import TextWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 10_000  # columns if there is no terminal: nothing is folded
_LEAST_OF_A_NAME = 6


def json_text(value: object) -> str:
    """Indented JSON, with names not escaped."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0, total: Sequence[str] | None = None,
           width: int | None = None) -> str:  # fmt: skip
    """A plain table; the last `right` columns are figures. Names are text, never markup.

    For a terminal of `width` columns, cells are folded between words, and names also within a word; figures never are.
    """
    shown = [columns, *rows, *([total] if total else [])]
    widths, gap = _widths([list(cells) for cells in zip(*shown, strict=True)], right, width or _WIDE)
    rule = "─" * (sum(widths) + gap * (len(widths) - 1))
    lines = [*_lines(columns, widths, right, gap, bottom=True), rule]
    lines += [line for row in rows for line in _lines(row, widths, right, gap)]
    lines += ["", *_lines(total, widths, right, gap)] if total else []
    return "\n".join(f" {line}".rstrip() for line in lines) + "\n"


def _lines(row: Sequence[str], widths: Sequence[int], right: int, gap: int, bottom: bool = False) -> list[str]:
    """A row as lines of text, several if a cell is folded; shorter cells are at the top, or at the bottom."""
    first_figure = len(widths) - right
    cells = [_fitted(cell, width, i >= first_figure) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
    height = max(map(len, cells))
    for cell, width in zip(cells, widths, strict=True):
        blank = [" " * width] * (height - len(cell))
        cell[:] = [*blank, *cell] if bottom else [*cell, *blank]
    return [(" " * gap).join(line) for line in zip(*cells, strict=True)]


def _fitted(cell: str, width: int, figure: bool) -> list[str]:
    """A cell's lines, each as wide as its column. Rich folds well but slowly, so only cells that need it go there."""
    from rich.cells import cell_len

    room = width - cell_len(cell)
    if room >= 0 and cell.isprintable():
        return [" " * room + cell if figure else cell + " " * room]
    from rich.text import Text

    lines = Text(cell).wrap(_console(), width, justify="right" if figure else "left", overflow="fold")
    return [line.plain for line in lines]


@cache
def _console() -> "Console":
    from rich.console import Console

    return Console()


def folded(text: str, width: int | None) -> str:
    """The text with lines folded between words at so many columns; indented lines, such as tables, stay as they are.

    >>> folded("One two three.\\n  four five six", 8)
    'One two\\nthree.\\n  four five six'
    """
    if width is None:
        return text
    whole = TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    lines = (line if line.startswith(" ") else "\n".join(whole.wrap(line)) for line in text.split("\n"))
    return "\n".join(lines)


def _widths(columns: Sequence[Sequence[str]], right: int, width: int) -> tuple[list[int], int]:
    """The width of each column and the gap between them, so that the table fits: first whole cells with wide gaps, then
    whole words, then narrower gaps, and at last names that are folded within a word."""
    from rich.cells import cell_len

    first_figure = len(columns) - right
    natural = [max(map(cell_len, cells)) for cells in columns]
    words = [
        max(map(cell_len, [*title.split(), *(cells if i >= first_figure else " ".join(cells).split())]), default=0)
        for i, (title, *cells) in enumerate(columns)
    ]
    least = [size if i >= first_figure else min(size, _LEAST_OF_A_NAME) for i, size in enumerate(words)]
    choices = [(3, natural), (3, words), (2, words), (1, words), (1, least)]
    rooms = {gap: width - 1 - gap * (len(columns) - 1) for gap, _ in choices}
    gap, bounds = next((choice for choice in choices if sum(choice[1]) <= rooms[choice[0]]), choices[-1])
    return _shrunk(natural, bounds, rooms[gap]), gap


def _shrunk(widths: Sequence[int], bounds: Sequence[int], room: int) -> list[int]:
    """Column widths with a sum of `room` if possible: the widest shrink first, none below its bound."""
    shrunk = list(widths)
    while sum(shrunk) > room:
        givers = [i for i, size in enumerate(shrunk) if size > bounds[i]]
        if not givers:
            break
        shrunk[max(givers, key=shrunk.__getitem__)] -= 1
    return shrunk
