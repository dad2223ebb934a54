"""What is supposed of a ledger bills as what is imported into it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.analysis.scenario import (
    Supposed,
    goes_on,
    happens,
    known_until,
    months_from,
    supposing,
    taken_back,
    versions_go,
)
from accounting.billing.statement import statement
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.instants import Month
from accounting.ledger import reading
from tests.support.histories import histories
from tests.support.latest import iso, latest
from tests.support.laws import tried
from tests.support.model_of_rules import DAY, Case, Row, Snapshot
from tests.support.project import Books, Events, Step, books

Version = tuple[str, str, str]  # format, package, version


@tried(6)
@given(histories(), st.data())
def test_what_is_supposed_bills_as_what_is_imported(case: Case, data: st.DataObject) -> None:
    """Deletions and returns at an instant, versions that go then, and all else as it was, for two months and more."""
    workspace = data.draw(st.sampled_from(case.workspaces() or [""]))
    if not workspace:
        return
    with books(case) as these:
        with supposing(these.ledger, workspace) as ledger:
            at = known_until(ledger) + data.draw(st.sampled_from((0, 1, 12 * DAY)))
            until = at + data.draw(st.sampled_from((0, 1, 40 * DAY)))
            iso = data.draw(st.lists(deletions(case, workspace), max_size=3))
            gone = data.draw(going(case, workspace)) if until > at else []
            with taken_back(ledger):
                happens(ledger, workspace, [Supposed("workspace", "deleted")], at)
            versions_go(ledger, version_ids(ledger.rows(VERSIONS), gone), at)
            happens(ledger, workspace, [supposed for supposed, _ in iso], at)
            goes_on(ledger, until)
            expected = [bill(ledger, workspace, month) for month in months_from(at, until)]
        these.take(imported(case, at, until, {(workspace, *version) for version in gone}, [e for _, e in iso]))
        with reading(these.ledger) as ledger:
            assert [bill(ledger, workspace, month) for month in months_from(at, until)] == expected


VERSIONS = "SELECT v.version_id, p.format, p.name, v.name FROM versions AS v JOIN packages AS p USING (package_id)"


def version_ids(rows: list[tuple[Any, ...]], gone: list[Version]) -> list[int]:
    return [version_id for version_id, *version in rows if tuple(version) in gone]


def bill(ledger: Any, workspace: str, month: Month) -> str:
    """A statement to the byte, or that there is none."""
    try:
        return statement_json(statement(ledger, workspace, month))
    except AcctError as error:
        return error.what


def imported(case: Case, at: int, until: int, gone: set[tuple[str, ...]], events: list[dict[str, Any]]) -> list[Step]:
    """The files that say the same: each source's snapshot again, then without what is gone."""
    steps: list[Step] = [replace(snapshot, taken_at=iso(at)) for snapshot in latest(case)]

    def stays(row: Row) -> bool:
        return (row.workspace, row.format, row.package, row.version) not in gone

    for snapshot in latest(case):
        if until > at:
            rows = tuple(row for row in snapshot.rows if stays(row))
            steps.append(replace(snapshot, taken_at=iso(until), rows=rows))
    numbered = [event | {"id": f"\U0010fffe{number:03}"} for number, event in enumerate(events)]
    timed = [event | {"time": iso(at), "specversion": "1.0", "source": "hub"} for event in numbered]
    return [*steps, Events(tuple(timed))]


@st.composite
def deletions(draw: Any, case: Case, workspace: str) -> tuple[Supposed, dict[str, Any]]:
    """A deletion or a return, as it is supposed and as the event that says the same."""
    verb = draw(st.sampled_from(("deleted", "deleted", "restored")))
    iso = [e for e in case.events if e.get("subject", "").split("/")[0] == workspace]
    subjects = {e["subject"]: e["type"].split(".")[1] for e in iso} | {workspace: "workspace"}
    subject = draw(st.sampled_from(sorted(subjects)))
    kind = subjects[subject]
    names = subject.split("/", 2)
    slug = names[1] if kind == "repository" else None
    format_, package = (names[1], names[2]) if kind == "package" else (None, None)
    event = {"type": f"registry.{kind}.{verb}", "subject": subject}
    return Supposed(kind, verb, format_, package, slug), event


@st.composite
def going(draw: Any, case: Case, workspace: str) -> list[Version]:
    """Some versions that latest snapshots hold."""
    there = {
        (row.format, row.package, row.version)
        for snapshot in latest(case)
        for row in snapshot.rows
        if row.workspace == workspace
    }
    return draw(st.lists(st.sampled_from(sorted(there)), unique=True)) if there else []


def test_nothing_is_written(tmp_path: Path) -> None:
    """No file comes or changes, so that a reader who may write nowhere can suppose all the same."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    these = Books(folder)
    these.take([Snapshot("images", "2026-10-01T00:00:00Z", (Row("acme", "npm", "web", "1", "sha256:a", 7),))])
    before = these.ledger.read_bytes()
    names = sorted(folder.iterdir())
    with supposing(these.ledger, "acme") as ledger:
        at = known_until(ledger)
        happens(ledger, "acme", [Supposed("package", "deleted", "npm", "web")], at)
        goes_on(ledger, at + DAY)
        line = json.loads(bill(ledger, "acme", Month(2026, 10)))["lines"][0]
        assert (line["state"], line["byte_seconds"]) == ("package_deleted", str(7 * DAY))
        assert sorted(folder.iterdir()) == names
    assert these.ledger.read_bytes() == before


def test_a_ledger_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AcctError, match="does not exist"), supposing(tmp_path / "none.duckdb", "acme"):
        pass
