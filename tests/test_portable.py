"""The usage SQL gives the same exact figures on another engine, from the same text."""

import re
from collections.abc import Sequence
from pathlib import Path

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
from tests.cli_runner import run
from tests.golden import GoldenCase, golden_cases, sources_of

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
CASES = [
    case
    for case in golden_cases()
    if case.name
    in (
        "slug-created-again",
        "shared-blob-repository-deleted",
        "rule-changes-mid-month",
        "empty-versions-and-twice-listed",
        "repository-then-workspace-deleted-then-restored",
        "random-0003",
    )
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_usage_is_the_same_on_another_engine(case: GoldenCase, tmp_path: Path) -> None:
    """Every relation from facts to usage, run by DataFusion on the ledger's tables."""
    path = tmp_path / "acct.duckdb"
    _load(path, case)
    with ledgers.reading(path) as ledger:
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


def _load(ledger: Path, case: GoldenCase) -> None:
    for file, source, taken_at in case.snapshot_files():
        options = ["--source", source, "--taken-at", taken_at, "--accept", "sizes"]
        options += ["--served"] if sources_of(case.folder).get(source, {}).get("served") else []
        assert run("--ledger", ledger, "import", "snapshot", file, *options).exit_code == 0
    run("--ledger", ledger, "import", "events", case.folder / "events.jsonl")
    assert run("--ledger", ledger, "rates", "load", case.folder / "card.toml").exit_code == 0


def _sorted(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(rows, key=repr)
