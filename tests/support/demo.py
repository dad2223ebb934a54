"""The ledger that `acct demo` writes, always of the same month."""

from pathlib import Path

from accounting.instants import parse_instant
from tests.support.cli_runner import run_today
from tests.support.clock import clock_at

WORKSPACE, MONTH = "acme", "2026-10"


def write_demo(folder: Path) -> Path:
    """The ledger in the folder `acct-demo` in that one, as written on 24 November 2026."""
    with clock_at(parse_instant("2026-11-24T12:00:00Z")):
        result = run_today("demo", cwd=folder)
    assert result.exit_code == 0, result.stderr
    return folder / "acct-demo" / "acct.duckdb"
