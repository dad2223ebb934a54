"""On how many histories a law is tried."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import settings

Test = TypeVar("Test", bound=Callable[..., None])


def tried(times: int) -> Callable[[Test], Test]:
    """On so many histories; ACCT_EXAMPLES multiplies that: 10 is worth a coffee, 100 a night."""
    return settings(max_examples=int(times * float(os.environ.get("ACCT_EXAMPLES") or 1)))
