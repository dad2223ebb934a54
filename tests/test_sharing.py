"""Blobs whose holders change often are shared out another way, and come to the same figures."""

from pathlib import Path

import pytest

from accounting.billing import statement
from accounting.instants import Month
from accounting.ledger import reading, view
from accounting.model import Statement
from tests.golden import GoldenCase, golden_cases
from tests.test_checks import record

CASES = [case for case in golden_cases() if case.name.startswith(("random-000", "shared-", "thirds", "rule-changes"))]


def bills(ledger: Path, case: GoldenCase) -> list[Statement]:
    with reading(ledger) as opened:
        month = Month.parse(case.case.month)
        return [statement.statement(opened, name, month) for name in case.expected["workspaces"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_high_churn_blobs_come_to_the_same(case: GoldenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = record(case, tmp_path / "acct.duckdb")
    as_usual = bills(ledger, case)
    monkeypatch.setattr(view, "HIGH_CHURN", 0)
    assert bills(ledger, case) == as_usual
