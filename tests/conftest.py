"""What every test of a law goes by: how long an example takes, on whatever machine, is no fault.

Where CI is set, histories are drawn anew in each run; elsewhere they are the same ones each time. A failure in CI
prints how to repeat it, and is kept in `.hypothesis/`, from where it is tried first the next time.
"""

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings

from tests.support.golden import LEDGERS

settings.register_profile(
    "acct",
    deadline=None,
    derandomize="CI" not in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("acct")


def pytest_configure(config: pytest.Config) -> None:
    """The folder of golden ledgers, made once for all processes of a run."""
    if not hasattr(config, "workerinput"):
        os.environ[LEDGERS] = tempfile.mkdtemp(prefix="acct-golden-ledgers-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(LEDGERS))
