"""Waiting for another process that holds the ledger: for how long, and how that is shown."""

import time
from collections.abc import Callable
from contextvars import ContextVar

_POLL_SECONDS = 0.1
_SHOWN_AFTER_SECONDS = 1.0
_longest_seconds = ContextVar("_longest_seconds", default=60.0)
_show: ContextVar[Callable[[str], None] | None] = ContextVar("_show", default=None)


def wait_at_most(seconds: float, show: Callable[[str], None]) -> None:
    """From here on, waits end after so many seconds; `show` is called for a wait of more than a second."""
    _longest_seconds.set(seconds)
    _show.set(show)


class Wait:
    """A wait of several steps with one deadline."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._shown = False

    def until(self, free: Callable[[], bool], what: str) -> bool:
        """Poll until `free` is true; False if it is not in time. `what` names what is waited for."""
        while not free():
            waited, show = time.monotonic() - self._begun, _show.get()
            if waited >= _longest_seconds.get():
                return False
            if show is not None and not self._shown and waited >= _SHOWN_AFTER_SECONDS:
                show(f"waiting for {what}")
                self._shown = True
            time.sleep(_POLL_SECONDS)
        return True
