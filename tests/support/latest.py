"""What is latest of a case."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tests.support.model_of_rules import Case, Snapshot, snapshots_of


def latest(case: Case) -> Iterator[Snapshot]:
    """The last snapshot of each active source."""
    retired = {source for source, _ in case.retired}
    for source in sorted({snapshot.source for snapshot in case.snapshots} - retired):
        yield snapshots_of(case, source)[-1]


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
