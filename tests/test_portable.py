"""The usage SQL gives the same exact figures on another engine, from the same text."""

import re
from collections.abc import Sequence

import pytest
from datafusion import SessionContext

from accounting import ledger as ledgers
from accounting.billing.statement import workspace_names
from accounting.billing.usage import coverage
from accounting.facts.cards import card_in_force
from accounting.instants import Month
from accounting.ledger import Query
from accounting.ledger.view import relation_of
from accounting.rates.periods import rate_periods
from tests.support.golden import GoldenCase, golden_books, named_cases

FACTS = (
    "packages",
    "holdings",
    "events",
    "periods",
    "charged_states",
    "rules",
    "limits",
    "scope",
    "evidence",
    "snapshots",
    "sources",
)
COLUMNS = "workspace_id, period_id, repository, format, package, state, charged, sharers, byte_seconds"


# One of each: lifecycles, sharing, dated rules, several sources, hostile names.
CASES = named_cases(
    "slug-created-again",
    "shared-blob-repository-deleted",
    "rule-changes-mid-month",
    "provisional-two-sources",
    "empty-versions-and-twice-listed",
    "repository-then-workspace-deleted-then-restored",
    "random-0003",
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_usage_is_the_same_on_another_engine(case: GoldenCase) -> None:
    """Every relation from facts to usage, run by DataFusion on the ledger's tables."""
    with golden_books(case) as these, ledgers.reading(these.ledger) as ledger:
        month, card = Month.parse(case.case.month), card_in_force(ledger)
        query = Query(rate_periods(month, card), min(month.end, coverage(ledger)), card.rules)
        with ledger.view(query, workspace_names(ledger)) as view:
            expected = view.rows(f"SELECT {COLUMNS} FROM usage")
            texts = [relation_of(name).sql for name in ledger.defined]
            engine = SessionContext()
            for table in FACTS:
                engine.from_arrow(ledger.arrow(f"SELECT * FROM {table}"), name=table)
    for text in texts:
        engine.sql(re.sub(r"CREATE OR REPLACE TEMP (VIEW|TABLE)", r"CREATE \1", text))
    rows = engine.sql(f"SELECT {COLUMNS} FROM usage").to_pylist()
    assert _sorted([tuple(row.values()) for row in rows]) == _sorted(expected)


def _sorted(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(rows, key=repr)
