"""The usage SQL gives the same exact figures on another engine, from the same text."""

import re
from collections.abc import Sequence

import pytest
from datafusion import SessionContext

from accounting import ledger as ledgers
from accounting.billing import usage as usages
from accounting.facts.cards import card_in_force
from accounting.instants import Month
from accounting.paths import shipped
from tests.support.golden import GoldenCase, golden_books, named_cases

FACTS = (
    "packages",
    "holdings",
    "events",
    "periods",
    "charged_states",
    "rules",
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
        until = min(month.end, usages.coverage(ledger))
        list(usages.meter(ledger, usages.parts_of(month, card), until, card.rules))
        ledger.run("CREATE OR REPLACE TEMP TABLE scope AS SELECT workspace_id FROM workspaces")
        expected = _usage_here(ledger)
        engine = SessionContext()
        for table in FACTS:
            engine.from_arrow(ledger.arrow(f"SELECT * FROM {table}"), name=table)
    for query in sorted(shipped("queries").glob("[123]*.sql")):
        if query.stem != "100_coverage":
            text = query.read_text(encoding="utf-8")
            engine.sql(re.sub(r"CREATE OR REPLACE TEMP (VIEW|TABLE)", r"CREATE \1", text))
    rows = engine.sql(f"SELECT {COLUMNS} FROM usage").to_pylist()
    assert _sorted([tuple(row.values()) for row in rows]) == _sorted(expected)


def _usage_here(ledger: ledgers.Ledger) -> list[tuple[object, ...]]:
    for name in usages.RELATIONS:
        ledger.define(name)
    return ledger.rows(f"SELECT {COLUMNS} FROM usage")


def _sorted(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(rows, key=repr)
