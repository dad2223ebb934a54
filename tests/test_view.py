"""A view of the ledger answers its own question, whatever else is asked in between, and defines each relation once."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from accounting.billing.statement import query_of
from accounting.instants import Month
from accounting.ledger import Ledger, Query, reading
from tests.support.cli_runner import run

USAGE = "SELECT sum(byte_seconds)::HUGEINT FROM usage"


@dataclass(frozen=True)
class Source:
    """Of the facts."""

    name: str
    served: bool


def usage_of(ledger: Ledger, month: str) -> object:
    with ledger.view(query_of(ledger, Month.parse(month)).query, ["acme"]) as view:
        return view.rows(USAGE)


def test_a_view_stays_of_its_month_while_others_are_open(demo_ledger: Path) -> None:
    """Interleaved, each gives what it gives alone."""
    with reading(demo_ledger) as ledger:
        alone = {month: usage_of(ledger, month) for month in ("2026-10", "2026-11")}
        assert alone["2026-10"] != alone["2026-11"]
        first, second = (query_of(ledger, Month.parse(month)).query for month in alone)
        with ledger.view(first, ["acme"]) as october, ledger.view(second, ["acme"]) as november:
            for _ in range(2):
                assert october.rows(USAGE) == alone["2026-10"]
                assert november.rows(USAGE) == alone["2026-11"]


def test_a_given_table_is_read_anew(demo_ledger: Path) -> None:
    """What reads it, through other relations too, is defined again."""
    with reading(demo_ledger) as ledger:
        query = query_of(ledger, Month.parse("2026-10")).query
        with ledger.view(query, ["acme"]) as view:
            counts = []
            for package in ("web", "nothing", "web"):
                view.give("explained_packages", "SELECT package_id FROM scope_packages WHERE name = ?", [package])
                counts.append(view.rows("SELECT count(*) FROM allocations")[0][0])
    assert counts[0] == counts[2] > counts[1] == 0


def test_facts_that_changed_between_views_are_seen(demo_ledger: Path, tmp_path: Path) -> None:
    """Nothing that one view has defined outlives it."""
    with reading(demo_ledger) as ledger:
        usage_of(ledger, "2026-10")
        assert (ledger.given, ledger.defined) == ({}, {})


def test_records_go_by_the_names_of_columns(demo_ledger: Path) -> None:
    """Not by their places; a column that is not asked for is refused."""
    with reading(demo_ledger) as ledger:
        found = ledger.records(Source, "SELECT served, name FROM sources ORDER BY name")
        assert found == [Source("files", False), Source("images", False)]
        with pytest.raises(TypeError):
            ledger.records(Source, "SELECT served, name, source_id FROM sources")


@pytest.mark.parametrize(
    ("command", "most"),
    [
        (("report", "--workspace", "acme", "--month", "2026-10"), 30),
        (("whatif", "delete-repository", "acme/shop"), 100),
    ],
    ids=["report", "whatif"],
)
def test_a_command_defines_little(
    command: tuple[str, ...], most: int, demo_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relation is defined once a question: the counts are what the commands need, and few more."""
    made: Counter[str] = Counter()
    execute = Ledger.run

    def counted(ledger: Ledger, sql: str, *arguments: object) -> None:
        made.update(["relation"] if sql.startswith("-- One row") else [])
        execute(ledger, sql, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "run", counted)
    shown = run("--ledger", demo_ledger, *command)
    assert shown.exit_code == 0, shown
    assert 0 < made["relation"] <= most


def test_a_query_at_an_instant_holds_one_second(demo_ledger: Path) -> None:
    """And held names are asked for at that instant itself."""
    with reading(demo_ledger) as ledger:
        rules = query_of(ledger, Month.parse("2026-10")).card.rules
        inputs = Query.at(1_760_000_000, rules).inputs()
    assert inputs["periods"]["period_from"][1] == [1_760_000_000]
    assert inputs["periods"]["period_until"][1] == [1_760_000_001]
    assert inputs["moment"]["as_of"][1] == [1_760_000_000]
