"""Runs `acct` in this process, many times faster than as one of its own, and once in a while as one of its own.

At a fixed instant, or by this machine's clock where a server is to agree about the time.
"""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from accounting.commands import main
from tests.support.clock import NOW, clock_at

# What the surroundings say must not reach the command: a ledger of the developer's least of all.
UNSET = ("ACCT_LEDGER", "ACCT_CONFIG")


@dataclass(frozen=True)
class Result:
    """What a shell would have seen of a call."""

    exit_code: int
    stdout: str
    stderr: str


def run(*args: object, cwd: Path | None = None, stdin: str | None = None) -> Result:
    """One call of the command line at NOW, in the folder `cwd` where that is given."""
    with clock_at(NOW):
        return run_today(*args, cwd=cwd, stdin=stdin)


def run_today(*args: object, cwd: Path | None = None, stdin: str | None = None) -> Result:
    """The same at whatever time it is."""
    printed, stderr = io.BytesIO(), io.StringIO()
    stdout = io.TextIOWrapper(printed, encoding="utf-8", newline="", write_through=True)
    given = io.TextIOWrapper(io.BytesIO((stdin or "").encode()), encoding="utf-8")
    with (
        mock.patch.dict(os.environ, surroundings(), clear=True),
        mock.patch("sys.stdin", given),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        standing_in(cwd),
    ):
        exit_code = main([str(arg) for arg in args])
    return Result(exit_code, printed.getvalue().decode(), stderr.getvalue())


def run_apart(*args: object, cwd: Path | None = None, stdin: str | None = None) -> Result:
    """The same as a process of its own, by this machine's clock."""
    command = [sys.executable, "-m", "accounting", *(str(arg) for arg in args)]
    done = subprocess.run(
        command, cwd=cwd, input=stdin or "", capture_output=True, encoding="utf-8", env=surroundings(), check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def surroundings() -> dict[str, str]:
    """The environment of a call: ours, but no terminal and nothing that configures acct."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return kept | {"TERM": "dumb", "COLUMNS": "120"}


@contextlib.contextmanager
def standing_in(folder: Path | None) -> Iterator[None]:
    """In that folder, then back."""
    before = Path.cwd()
    os.chdir(folder or before)
    try:
        yield
    finally:
        os.chdir(before)
