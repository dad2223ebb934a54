"""Every golden case through the command line, as a user would do it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli_runner import Result, run, run_apart
from tests.golden import GoldenCase, differences, golden_cases
from tests.model_of_rules import epoch

CASES = golden_cases()


@pytest.mark.parametrize("golden", CASES, ids=lambda golden: golden.name)
def test_golden_case(golden: GoldenCase, tmp_path: Path) -> None:
    """In this process, for speed."""
    check(golden, tmp_path, run)


def test_golden_case_in_processes_of_their_own(tmp_path: Path) -> None:
    """`python -m accounting` is the same command."""
    golden = next(case for case in CASES if case.name == "shared-blob-repository-deleted")
    check(golden, tmp_path, run_apart)


def check(golden: GoldenCase, folder: Path, runner: Callable[..., Result]) -> None:
    """Import everything into a new ledger and compare what it reports."""

    def acct(*args: object) -> str:
        result = runner("--ledger", folder / "ledger.duckdb", *args, cwd=folder)
        assert result.exit_code == 0, (args, result)
        return result.stdout

    for file, source, taken_at in golden.snapshot_files():
        acct("import", "snapshot", file, "--source", source, "--taken-at", taken_at, "--accept", "future")
    acct("import", "events", golden.folder / "events.jsonl")
    acct("rates", "load", golden.folder / "card.toml")

    held: list[list[Any]] = []
    for workspace, expected in sorted(golden.expected["workspaces"].items()):
        report = json.loads(
            acct("report", "--workspace", workspace, "--month", golden.expected["month"], "--format", "json")
        )
        check_report(golden, workspace, report, expected)
        at = golden.expected["held_names_at"]
        names = json.loads(acct("names", "--workspace", workspace, "--at", at, "--format", "json"))
        held += [[workspace, name["name"], name["held_until"]] for name in names]
    assert held == golden.expected["held_names"]


def check_report(golden: GoldenCase, workspace: str, report: dict[str, Any], expected: dict[str, Any]) -> None:
    """Everything that the case tells of a report, and what can be told without it."""
    got = {**report["total"], "lines": report["lines"]}
    assert differences(got, expected) == []
    covered = report["covered_until"]
    assert (report["workspace"], report["month"]) == (workspace, golden.expected["month"])
    assert (report["currency"], covered) == (golden.expected["currency"], golden.expected["covered_until"])
    year, month = (int(part) for part in golden.expected["month"].split("-"))
    end = f"{year + month // 12:04}-{month % 12 + 1:02}-01T00:00:00Z"
    assert report["status"] == ("final" if epoch(covered) >= epoch(end) else "provisional")
