"""Blobs whose holders change often are shared out another way, and come to the same figures."""

from pathlib import Path

import pytest

from accounting.billing import statement
from accounting.instants import Month
from accounting.ledger import reading, view
from accounting.model import Statement
from tests.support.golden import GoldenCase, golden_books, named_cases

CASES = named_cases(
    "rule-changes-mid-month",
    "shared-blob-package-deleted",
    "shared-blob-repository-deleted",
    "shared-deleted-and-planned",
    "thirds",
    *(f"random-000{number}" for number in range(10)),
)


def bills(ledger: Path, case: GoldenCase) -> list[Statement]:
    with reading(ledger) as opened:
        month = Month.parse(case.case.month)
        return [statement.statement(opened, name, month) for name in case.expected["workspaces"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_high_churn_blobs_come_to_the_same(case: GoldenCase, monkeypatch: pytest.MonkeyPatch) -> None:
    with golden_books(case) as these:
        as_usual = bills(these.ledger, case)
        monkeypatch.setattr(view, "HIGH_CHURN", 0)
        assert bills(these.ledger, case) == as_usual
