"""The model of the rules gives every golden case's figures, so that it may judge what is drawn by chance."""

import pytest

from tests.support.golden import GoldenCase, differences, golden_cases
from tests.support.model_of_rules import Bill, bills, coverage, epoch, held_at

CASES = golden_cases()


@pytest.mark.parametrize("golden", CASES, ids=lambda golden: golden.name)
def test_model_gives_the_golden_figures(golden: GoldenCase) -> None:
    """Totals, lines, coverage and held names; the lines exactly, since ties are broken as the rules say."""
    billed = bills(golden.case)
    for workspace, expected in golden.expected["workspaces"].items():
        bill = billed[workspace]
        assert isinstance(bill, Bill)
        got = {
            "byte_seconds": str(bill.byte_seconds),
            "amount": bill.amount,
            "lines": [
                {
                    "repository": line.repository,
                    "format": line.format,
                    "package": line.package,
                    "state": line.state,
                    "byte_seconds": str(line.byte_seconds),
                    "amount": line.amount,
                }
                for line in bill.lines
            ],
        }
        assert differences(got, expected, tolerance=0) == []
    assert coverage(golden.case) == epoch(golden.expected["covered_until"])
    held = held_at(golden.case, epoch(golden.expected["held_names_at"]), golden.expected["workspaces"])
    assert [[each.workspace, each.name, each.held_until] for each in held] == [
        [workspace, name, epoch(until)] for workspace, name, until in golden.expected["held_names"]
    ]


def test_every_kept_case_is_there() -> None:
    """A checkout without the cases would pass all of this unseen."""
    assert len(CASES) >= 20
