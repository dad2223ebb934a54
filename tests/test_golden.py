"""Every golden case has the bills that it tells of, and a few have them through the command line too."""

import filecmp
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_runner import Result, run, run_apart
from tests.support.golden import (
    KEPT,
    REPO,
    GoldenCase,
    cases_in,
    differences,
    golden_books,
    golden_cases,
    named_cases,
    sources_of,
)
from tests.support.model_of_rules import epoch

SHARED = (
    REPO.parent / "shared" / "golden"
)  # where somebody has put the cases of all implementations beside the checkout
BY_COMMANDS = named_cases("two-sizes-at-once", "served-source-retired-at-the-deletion")


@pytest.mark.parametrize("golden", golden_cases(), ids=lambda golden: golden.name)
def test_golden_case(golden: GoldenCase) -> None:
    """By the modules that the commands call, all evidence in one transaction."""
    check_by_modules(golden)


@pytest.mark.parametrize("golden", cases_in(SHARED), ids=lambda golden: golden.name)
def test_shared_golden_case(golden: GoldenCase) -> None:
    """It is one of those that are kept, or bills as it tells."""
    if any(same_files(golden.folder, kept) for kept in KEPT.glob(golden.name)):
        return
    check_by_modules(golden)


def same_files(one: Path, other: Path) -> bool:
    names = {str(file.relative_to(folder)) for folder in (one, other) for file in folder.rglob("*") if file.is_file()}
    return filecmp.cmpfiles(one, other, names, shallow=False)[0] == list(names)


@pytest.mark.parametrize("golden", BY_COMMANDS, ids=lambda golden: golden.name)
def test_golden_case_by_commands(golden: GoldenCase, tmp_path: Path) -> None:
    """As a user would do it: one with accepted sizes and two sources, one with a served source that is retired."""
    check_by_commands(golden, tmp_path, run)


def test_golden_case_in_processes_of_their_own(tmp_path: Path) -> None:
    """`python -m accounting` is the same command."""
    (golden,) = named_cases("shared-blob-repository-deleted")
    check_by_commands(golden, tmp_path, run_apart)


def check_by_modules(golden: GoldenCase) -> None:
    """What `acct report` and `acct names` print, asked for one workspace after the other."""
    with golden_books(golden) as these:
        check(
            golden,
            lambda workspace: these.report(workspace, golden.expected["month"]),
            lambda workspace: these.names(workspace, golden.expected["held_names_at"]),
        )


def check_by_commands(golden: GoldenCase, folder: Path, runner: Callable[..., Result]) -> None:
    """Import everything into a new ledger and compare what it reports."""

    def acct(*args: object) -> str:
        result = runner("--ledger", folder / "ledger.duckdb", *args, cwd=folder)
        assert result.exit_code == 0, (args, result)
        return result.stdout

    sources = sources_of(golden.folder)
    for file, source, taken_at in golden.snapshot_files():
        said = sources.get(source, {})
        options = ["--served"] if said.get("served") else []
        options += ["--accept", "sizes"] if said.get("accept_sizes") else []
        acct("import", "snapshot", file, "--source", source, "--taken-at", taken_at, "--accept", "future", *options)
    acct("import", "events", golden.folder / "events.jsonl")
    acct("rates", "load", golden.folder / "card.toml")
    for source, at in golden.case.retired:
        acct("source", "retire", source, "--at", at)
    month, at = golden.expected["month"], golden.expected["held_names_at"]
    check(
        golden,
        lambda workspace: acct("report", "--workspace", workspace, "--month", month, "--format", "json"),
        lambda workspace: acct("names", "--workspace", workspace, "--at", at, "--format", "json"),
    )


def check(golden: GoldenCase, report: Callable[[str], str | None], names: Callable[[str], str]) -> None:
    """Everything that a case tells of its workspaces."""
    held: list[list[Any]] = []
    for workspace, expected in sorted(golden.expected["workspaces"].items()):
        check_report(golden, workspace, json.loads(report(workspace) or "null"), expected)
        held += [[workspace, name["name"], name["held_until"]] for name in json.loads(names(workspace))]
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
