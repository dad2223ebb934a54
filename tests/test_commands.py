"""What a shell sees of the program itself: the demo, completion, pipes that close early, options in any place."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_runner import run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the demo writes, and the statement that it ends with."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    shown = run("demo", "--out", folder)
    assert shown.exit_code == 0, shown.stderr
    return folder, shown.stdout


def test_every_rule_of_deletion_shows_in_the_demo(demo: tuple[Path, str]) -> None:
    lines = [line.split() for line in demo[1].splitlines()]
    amounts = {(line[0], " ".join(line[3:-2])): line[-1] for line in lines if len(line) > 5}
    assert float(amounts["old-site", "repository deleted"]) > 0
    assert amounts["trial", "package deleted (free)"] == "0.00"
    assert amounts["web", "workspace deleted (free)"] == "0.00"
    assert "IMAGE NAMES THAT CANNOT BE REUSED" in demo[1]
    assert any(line[:2] == ["old-site", "legacy"] for line in lines)


def test_the_demo_collects_what_its_history_says(demo: tuple[Path, str]) -> None:
    """Collector and snapshot files agree on every reference, so that a further snapshot brings nothing new."""
    again = run("--config", demo[0] / "acct.toml", "collect")
    assert again.exit_code == 0
    assert " 0 new, 0 gone" in again.stderr or "already" in again.stderr


def test_the_demo_overwrites_nothing(demo: tuple[Path, str]) -> None:
    refused = run("demo", "--out", demo[0])
    assert refused.exit_code == 1
    assert "already exists" in refused.stderr


def test_global_options_stand_anywhere(demo: tuple[Path, str], tmp_path: Path) -> None:
    ledger = demo[0] / "acct.duckdb"
    before = run("--ledger", ledger, "status", cwd=tmp_path)
    assert before.exit_code == 0
    assert run("status", "--ledger", ledger, cwd=tmp_path) == before
    assert run("status", f"--ledger={ledger}", cwd=tmp_path) == before
    assert run("status", "--config", demo[0] / "acct.toml", cwd=tmp_path) == before


def test_the_environment_and_the_configuration_name_the_ledger(demo: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "acct.toml").write_text(f'ledger = "{demo[0] / "acct.duckdb"}"')
    assert run("status", cwd=tmp_path).exit_code == 0
    program = [sys.executable, "-m", "accounting", "status"]
    surroundings = {**os.environ, "ACCT_LEDGER": "elsewhere.duckdb"}
    ended = subprocess.run(program, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert "elsewhere.duckdb: does not exist" in ended.stderr


def test_completion() -> None:
    surroundings = {**os.environ, "_ACCT_COMPLETE": "complete_bash", "COMP_WORDS": "acct rep", "COMP_CWORD": "1"}
    program = [str(Path(sys.executable).with_name("acct"))]
    ended = subprocess.run(program, env=surroundings, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["report"]


def test_a_pipe_that_closes_early(demo: tuple[Path, str]) -> None:
    program = f"{sys.executable} -m accounting --ledger {demo[0] / 'acct.duckdb'} report --workspace acme"
    ended = subprocess.run(
        ["bash", "-c", f"{program} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("0\n", "")


def test_events_from_standard_input(tmp_path: Path) -> None:
    event = (
        '{"specversion": "1.0", "source": "hub", "id": "1", "time": "2026-10-01T00:00:00Z",'
        ' "type": "registry.workspace.created", "subject": "acme"}\n'
    )
    assert "1 new event" in run("import", "events", "-", cwd=tmp_path, stdin=event).stderr
    refused = run("import", "events", "-", cwd=tmp_path, stdin="{")
    assert "standard input, line 1" in refused.stderr


PLANS = """
currency = "USD"
[[rule]]
effective_from = 2025-12-03
retention_days = 30
charged = ["live"]
share = "workspace"
[[rate]]
effective_from = 2025-12-03
unit = "GB"
tiers = [{ price = "1" }]
included = { premium = "1" }
"""


def test_events_that_may_be_mistaken_are_noted_and_a_plan_can_be_corrected(tmp_path: Path) -> None:
    """A later id wins at one instant (RULES, section 3), so a misspelled plan need not be put into the rate card."""

    def acct(*arguments: str, stdin: str | None = None) -> str:
        ended = run(*arguments, cwd=tmp_path, stdin=stdin)
        assert ended.exit_code == 0, ended.stderr
        return ended.stderr

    def event(identity: str, kind: str, subject: str, data: str = "{}", at: str = "2026-10-01") -> str:
        return (
            f'{{"specversion": "1.0", "source": "hub", "id": "{identity}", "time": "{at}T00:00:00Z",'
            f' "type": "registry.{kind}", "subject": "{subject}", "data": {data}}}\n'
        )

    deleted = event("1", "package.deleted", "acme/npm/uu")
    assert "in no snapshot" not in acct("import", "events", "-", stdin=deleted)
    (tmp_path / "a.csv").write_text(
        "workspace,format,package,version,digest,size,uploaded_at\nacme,npm,ui,1,sha256:a,1,\n"
    )
    for at in ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        acct("import", "snapshot", "a.csv", "--source", "hub", "--taken-at", at)
    (tmp_path / "rates.toml").write_text(PLANS)
    acct("rates", "load", "rates.toml")
    assert "1 package is in no snapshot, acme/npm/uu" in acct("import", "events", "-", stdin=deleted)
    seen = event("2", "package.deleted", "acme/npm/ui", at="2999-01-01")
    noted = acct("import", "events", "-", stdin=seen)
    assert "in no snapshot" not in noted
    assert "an event is in the future, at 2999-01-01T00:00:00Z" in noted
    wrong = event("3", "workspace.plan_changed", "acme", '{"plan": "premum"}')
    output = "acme has the plan 'premum', which the rate card does not list"
    assert output in acct("import", "events", "-", stdin=wrong)
    refused = run("report", "-w", "acme", "--month", "2026-10", cwd=tmp_path)
    assert refused.exit_code == 1
    assert "or correct the plan by an event of the same time" in refused.stderr
    right = event("4", "workspace.plan_changed", "acme", '{"plan": "premium"}')
    assert output not in acct("import", "events", "-", stdin=right)
    acct("report", "-w", "acme", "--month", "2026-10")
    assert output not in acct("import", "events", "-", stdin=wrong)  # it counts for no second
