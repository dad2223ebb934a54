"""The laws in queries/checks hold on real ledgers, and each of them notices what breaks it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from accounting.ledger import reading
from accounting.paths import shipped
from tests.support.golden import golden_books, named_cases

CHECKS = sorted((shipped("queries") / "checks").glob("*.sql"))
HISTORIES = named_cases("random-0000", "size-corrected", "slug-created-again", "tag-moved-between-snapshots")

BREAKS = {
    "blobs_stand_once": "INSERT INTO blobs SELECT blob_id + 1000, * EXCLUDE (blob_id) FROM blobs",
    "events_stand_once": "INSERT INTO events SELECT * FROM events LIMIT 1",
    "holdings_follow_from_references": "UPDATE holdings SET valid_from = valid_from + 1",
    "holdings_agree_with_their_blobs": "UPDATE holdings SET size_bytes = size_bytes + 1",
    "names_stand_once": "INSERT INTO packages SELECT package_id + 1000, workspace_id, format, name FROM packages",
    "references_do_not_overlap": "INSERT INTO reference_intervals SELECT * FROM reference_intervals",
    "references_end_at_snapshots": "UPDATE reference_intervals SET valid_until = valid_from + 1",
    "snapshots_count_their_references": "UPDATE snapshots SET reference_count = reference_count + 1",
}


def findings(ledger: Path, check: Path) -> list[tuple[object, ...]]:
    with reading(ledger) as opened:
        return opened.rows(check.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda case: case.name)
def history(request: pytest.FixtureRequest) -> Iterator[Path]:
    with golden_books(request.param) as these:
        yield these.ledger


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.stem)
def test_a_ledger_that_acct_wrote_passes(history: Path, check: Path) -> None:
    assert findings(history, check) == []


def test_every_check_is_broken_here() -> None:
    assert set(BREAKS) == {check.stem for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.stem)
def test_a_ledger_that_was_changed_by_hand_is_noticed(history: Path, check: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(history.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute(BREAKS[check.stem])
    assert findings(changed, check)
