"""Broken objects of registries, as text and JSON."""

from collections.abc import Sequence

from accounting.facts.broken import BrokenObject, in_order
from accounting.instants import format_instant, shown_instant
from accounting.tables import table
from accounting.text import visible

_FIRST, _SHOWN = 3, 20


def objects(broken: Sequence[BrokenObject]) -> int:
    """How many broken objects there are; one that concerns several packages counts once."""
    return len({(each.source, each.key) for each in broken})


def first_broken(broken: Sequence[BrokenObject]) -> list[str]:
    """The first few as lines of text: the package of each, and what is wrong with it."""
    by_key = {each.key: each for each in reversed(in_order(broken))}
    first = list(reversed(by_key.values()))
    lines = [f"  {visible(f'{_whose(each)}: {each.key} {each.problem}')}" for each in first[:_FIRST]]
    return lines + (["  `acct status` lists all of them"] if len(first) > _FIRST else [])


def broken_text(title: str, broken: Sequence[BrokenObject], width: int | None = None) -> str:
    """A title and a table of the first objects."""
    rows = [
        [
            visible(each.source),
            visible(_whose(each)),
            shown_instant(each.since) if each.since else "",
            visible(f"{each.key} {each.problem}"),
        ]
        for each in in_order(broken)
    ]
    more = f"and {len(rows) - _SHOWN:,} more, which --format json lists\n" if len(rows) > _SHOWN else ""
    shown = table(["source", "package", "since", "what is wrong"], rows[:_SHOWN], width=width)
    return f"{title}\n\n{shown}{more}"


def broken_json(broken: Sequence[BrokenObject]) -> list[dict[str, object]]:
    """As a list for JSON."""
    return [
        {
            "source": each.source,
            "kind": each.kind,
            "key": each.key,
            "workspace": each.workspace,
            "package": each.package,
            "problem": each.problem,
            "since": format_instant(each.since) if each.since else None,
        }
        for each in in_order(broken)
    ]


def _whose(broken: BrokenObject) -> str:
    return "/".join(filter(None, (broken.workspace, broken.package))) or "(unknown)"
