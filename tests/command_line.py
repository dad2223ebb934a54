"""Runs `acct` in this process, as a shell would: arguments in, status and what was printed out."""

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from accounting.commands import main


@dataclass(frozen=True)
class Result:
    status: int
    stdout: str
    stderr: str


def acct(*arguments: object, cwd: Path, stdin: str = "", env: dict[str, str] | None = None) -> Result:
    """One call of the command line in the folder `cwd`."""
    stdout, stderr = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    before = Path.cwd()
    os.chdir(cwd)
    try:
        with (
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            mock.patch("sys.stdin", given),
            mock.patch.dict(os.environ, {"COLUMNS": "120", "TERM": "dumb", **(env or {})}),
        ):
            status = main([str(argument) for argument in arguments])
    finally:
        os.chdir(before)
    return Result(status, stdout.getvalue(), stderr.getvalue())
