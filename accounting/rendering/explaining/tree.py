"""Trees of text, and the names in them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from accounting.explaining.explanation import Cause
from accounting.instants import shown_instant
from accounting.model import LineKey
from accounting.text import visible


class Branch(NamedTuple):
    """A line of the tree and the lines below it."""

    label: str
    twigs: "Sequence[Branch]" = ()


def drawn(branch: Branch, first: str = "", rest: str = "") -> Iterator[str]:
    """The lines of a tree."""
    yield first + branch.label
    for twig in branch.twigs:
        is_last = twig is branch.twigs[-1]
        yield from drawn(twig, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "))


def line_name(key: LineKey) -> str:
    """A line of a bill in words."""
    where = f"in repository {visible(key.repository)}" if key.repository is not None else "in no repository"
    return f"{key.format}/{visible(key.package)} {where}, {key.state.replace('_', ' ')}"


def cause_words(cause: Cause) -> str:
    """An event, by its type, time, id and source."""
    name = f"registry.{cause.kind}.{cause.verb}"
    return (
        f"{name} on {shown_instant(cause.occurred_at)}"
        f" (id {visible(cause.event_id)}, source {visible(cause.event_source)})"
    )
