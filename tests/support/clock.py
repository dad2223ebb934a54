"""The clock of the tests, none of which knows what day it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from accounting.instants import parse_instant

NOW = parse_instant("2030-01-01T12:00:00Z")  # after all evidence, but for what is meant to lie in the future
PATIENCE_SECONDS = 600  # until something counts as hanging, however much else a machine has to do


@contextmanager
def clock_at(at: int) -> Iterator[None]:
    """In the block the time is this instant, in epoch seconds, for everybody."""
    with mock.patch("time.time", return_value=float(at)):
        yield
