"""Every saving that is advised is the difference of two bills."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounting.advising import Advice, advise
from accounting.deleting import subject
from accounting.errors import AcctError
from accounting.rating import round_half_up
from tests import model_of_rules as model
from tests.cli_runner import run
from tests.histories import histories
from tests.model_of_rules import Case, Row, Snapshot
from tests.project import Books, Card, Events, books
from tests.test_scenario import latest, told
from tests.test_whatif import CARD, GB, happened

UNTAGGED = f"sha256:{'f' * 64}"
MD5 = "0123456789abcdef0123456789abcdef"
FIRST = (
    Row("acme", "container", "web", "1.0", "sha256:base", 30 * GB),
    Row("acme", "container", "web", "1.0", "sha256:one", 20 * GB),
    Row("acme", "container", "web", UNTAGGED, "sha256:base", 30 * GB),
    Row("acme", "container", "web", UNTAGGED, "sha256:none", 5 * GB),
    Row("acme", "container", "old", "1.0", "sha256:old", 40 * GB),
    Row("acme", "maven", "com.acme:core", "3.2", f"s3://maven/core.jar#{MD5}", 8 * GB),
)
LATER = (
    *FIRST,
    Row("acme", "container", "web", "1.1", "sha256:base", 30 * GB),
    Row("acme", "container", "web", "1.1", "sha256:two", 10 * GB),
    Row("acme", "container", "web", "latest", "sha256:old", 40 * GB),
    Row("acme", "npm", "@acme/core", "3.2.0", f"s3://npm/core.tgz#{MD5}", 8 * GB),
    Row("acme", "npm", "@acme/core", "", "s3://npm/package.json#", 1),
)
EVENTS = (
    happened(1, "package", "linked", "acme/container/web", "2026-10-01T00:00:00Z", "shop"),
    happened(2, "package", "linked", "acme/container/old", "2026-10-01T00:00:00Z", "legacy"),
    happened(3, "package", "linked", "acme/maven/com.acme:core", "2026-10-01T00:00:00Z", "shop"),
    happened(4, "repository", "deleted", "acme/legacy", "2026-11-01T00:00:00Z"),
)


@pytest.fixture
def shop(tmp_path: Path) -> Books:
    these = Books(tmp_path)
    taken = [("10-01", FIRST), ("10-20", LATER), ("11-11", LATER)]
    snapshots = [Snapshot("images", f"2026-{day}T00:00:00Z", rows) for day, rows in taken]
    these.take([*snapshots, Events(EVENTS), Card(CARD)])
    return these


def test_what_saves_most_comes_first(shop: Books) -> None:
    """By hand, of 0.25 USD a GB-month, from the 11th of November on."""
    advised = advise(shop.ledger, "acme", 1, lambda news: None)
    told = {(each.kind, each.subject): each for each in advised.advice}
    rest = Fraction(20, 30)

    def saving(gb: int) -> tuple[int, int]:
        return (round_half_up(gb * 25 * rest), gb * 25)

    assert [each.subject for each in advised.advice] == ["container/web", "npm/@acme/core", "container/web"]
    old = told["old_versions", "container/web"]
    assert ([version.name for version in old.versions], old.freed_bytes) == (["1.0"], 20 * GB)
    assert [abs(a - b) <= 1 for a, b in zip(old.saved_minor, saving(20), strict=True)] == [True, True]
    assert [version.name for version in told["untagged", "container/web"].versions] == [UNTAGGED]
    assert abs(told["untagged", "container/web"].saved_minor[1] - 5 * 25) <= 1
    copies = told["copies", "npm/@acme/core"]
    assert ([version.name for version in copies.versions], copies.freed_bytes) == (["3.2.0"], 8 * GB)
    assert (old.role, copies.role) == ("repository write", "workspace admin")
    # The layer of the deleted repository's image stays as long as `latest` of web has it: it saves nothing.
    assert ("deleted_repository", "legacy") not in told


def test_a_deleted_repository_that_is_charged_still(shop: Books) -> None:
    """Restored, emptied and deleted again, it is free; until when it is charged else does not matter then."""
    without = tuple(row for row in LATER if row.version != "latest")
    shop.take([Snapshot("images", "2026-11-12T00:00:00Z", without)])
    advised = advise(shop.ledger, "acme", 1, lambda news: None)
    (emptied,) = [each for each in advised.advice if each.kind == "deleted_repository"]
    assert [(step.event.verb, subject("acme", step.event), step.role) for step in emptied.steps] == [
        ("restored", "acme/legacy", "the registry's support"),
        ("deleted", "acme/container/old", "repository admin"),
        ("deleted", "acme/legacy", "repository admin"),
    ]
    assert abs(emptied.saved_minor[0] - round_half_up(Fraction(40 * 25 * 19, 30))) <= 1
    assert emptied.saved_minor[1] == 0  # its retention ends with November


def test_the_command_line_shows_it(shop: Books) -> None:
    def acct(*args: object) -> str:
        result = run("--ledger", shop.ledger, *args)
        assert result.exit_code == 0, result
        return result.stdout

    found = json.loads(acct("advise", "-w", "acme", "--keep", "1", "--format", "json"))
    assert [each["kind"] for each in found["advice"]] == ["old_versions", "copies", "untagged"]
    assert found["months"] == [
        {"month": "2026-11", "from": "2026-11-11T00:00:00Z"},
        {"month": "2026-12", "from": "2026-12-01T00:00:00Z"},
    ]
    assert "2. Delete of acme/npm/@acme/core (workspace admin): 3.2.0" in acct("advise", "-w", "acme", "--keep", "1")
    assert run("--ledger", shop.ledger, "advise", "-w", "acme", "--keep", "0").exit_code == 2
    assert run("--ledger", shop.ledger, "advise", "-w", "nobody").exit_code == 1


# As a law


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories().filter(lambda case: case.card is not None), st.data())
def test_savings_are_differences_of_two_bills(case: Case, data: st.DataObject) -> None:
    """Of the model: with the advice taken, by events and by snapshots, and without; each alone, and all together."""
    case = with_old_and_copied(case)
    workspace = data.draw(st.sampled_from(case.workspaces() or [""]))
    if not workspace:
        return
    keep = data.draw(st.sampled_from((1, 1, 2)))
    with books(case) as these:
        try:
            advised = advise(these.ledger, workspace, keep, lambda news: None)
        except AcctError:
            return  # a month that nobody can bill
    assert advised.left_out == 0
    for number, month in enumerate(advised.months):

        def amount(taken: Sequence[Advice], name: str = str(month)) -> int:
            end = advised.months[-1].end
            bill = model.bill(replace(done(case, workspace, taken, advised.at, end), month=name), workspace)
            return int((bill.amount or "").replace(".", ""))

        before = amount([])
        assert advised.together[number] == before - amount(advised.advice)
        for each in advised.advice:
            assert each.saved_minor[number] == before - amount([each])
    totals = [sum(each.saved_minor) for each in advised.advice]
    assert totals == sorted(totals, reverse=True)


def with_old_and_copied(case: Case) -> Case:
    """A version that is a digest, and files that are named by their places, where a blob was named alike everywhere."""

    def changed(row: Row) -> Row:
        if row.format == "container":
            return replace(row, version=UNTAGGED) if row.version == "NULL" else row
        return replace(row, digest=f"{row.format} {row.package}#{row.digest[-32:]}")

    return replace(
        case,
        snapshots=tuple(replace(each, rows=tuple(map(changed, each.rows))) for each in case.snapshots),
    )


def done(case: Case, workspace: str, taken: Sequence[Advice], at: int, until: int) -> Case:
    """The evidence after some advice was taken: each source's latest snapshot again, and what is left at the end."""
    gone = {(each.subject, version.name) for each in taken for version in each.versions}
    steps = [step.event for each in taken for step in each.steps]
    events = tuple(
        happened(0, event.kind, event.verb, subject(workspace, event), told(at)) | {"id": f"\U0010fffe{i:03}"}
        for i, event in enumerate(steps)
    )

    def stays(row: Row) -> bool:
        return row.workspace != workspace or (f"{row.format}/{row.package}", row.version) not in gone

    then = [replace(snapshot, taken_at=told(at)) for snapshot in latest(case)]
    left = [
        replace(snapshot, taken_at=told(until), rows=tuple(filter(stays, snapshot.rows))) for snapshot in latest(case)
    ]
    return replace(case, snapshots=(*case.snapshots, *then, *left), events=case.events + events)
