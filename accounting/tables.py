"""Plain tables and JSON, as every command prints them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

_WIDE = 10_000  # columns where no terminal sets them: nothing is cut


@dataclass(frozen=True)
class Sheet:
    """What text and HTML both show as a table: the last `right` columns are figures."""

    columns: list[str]
    rows: list[list[str]]
    total: list[str]
    right: int


def json_text(value: object) -> str:
    """JSON for a reader, with names as they are."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0, total: Sequence[str] | None = None,
           width: int | None = None) -> str:  # fmt: skip
    """A plain table; the last `right` columns are figures. Names are text, never markup."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, show_footer=total is not None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        footer = Text(total[i]) if total else ""
        figures = i >= len(columns) - right
        drawn.add_column(Text(column), footer, justify="right" if figures else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    screen = StringIO()
    Console(file=screen, width=width or _WIDE, color_system=None, legacy_windows=False).print(drawn)
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines()).strip("\n") + "\n"
