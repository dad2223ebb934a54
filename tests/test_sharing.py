"""Blobs whose holders change often are shared out another way, and come to the same figures."""

from pathlib import Path

import pytest

from accounting import paths
from accounting.billing import statement
from accounting.instants import Month
from accounting.ledger import Ledger, reading
from accounting.model import Statement
from tests.golden import GoldenCase, golden_cases
from tests.test_checks import record

CASES = [case for case in golden_cases() if case.name.startswith(("random-000", "shared-", "thirds", "rule-changes"))]


def treat_all_as_high_churn(ledger: Ledger, name: str) -> None:
    text = (paths.shipped("queries") / f"{name}.sql").read_text(encoding="utf-8")
    assert name != "330_high_churn_blobs" or "> 64" in text
    ledger.run(text.replace("g.boundaries > 64", "g.boundaries > 0"))


def bills(ledger: Path, case: GoldenCase) -> list[Statement]:
    with reading(ledger) as opened:
        month = Month.parse(case.case.month)
        return [statement.statement(opened, name, month) for name in case.expected["workspaces"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_high_churn_blobs_come_to_the_same(case: GoldenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = record(case, tmp_path / "acct.duckdb")
    as_usual = bills(ledger, case)
    monkeypatch.setattr(Ledger, "define", treat_all_as_high_churn)
    assert bills(ledger, case) == as_usual
