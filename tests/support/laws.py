"""On how many histories a law is tried."""

import os
from collections.abc import Callable
from random import Random
from typing import TypeVar

from hypothesis import Phase, find, settings
from hypothesis.strategies import SearchStrategy

Test = TypeVar("Test", bound=Callable[..., None])
Drawn = TypeVar("Drawn")


def tried(times: int) -> Callable[[Test], Test]:
    """On so many histories; ACCT_EXAMPLES multiplies that: 10 is worth a coffee, 100 a night."""
    return settings(max_examples=int(times * float(os.environ.get("ACCT_EXAMPLES") or 1)))


def draw_until(strategy: SearchStrategy[Drawn], enough: Callable[[Drawn], bool], most: int) -> None:
    """Draw examples, the same ones each time, until one of them was enough; hypothesis.NoSuchExample if none is."""
    drawing = settings(max_examples=most, phases=[Phase.generate], database=None)
    find(strategy, enough, settings=drawing, random=Random(0))
