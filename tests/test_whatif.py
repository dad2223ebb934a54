"""What each option of deleting would cost is what the bill says when that has happened."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.analysis.deleting import Kind, subject
from accounting.analysis.whatif import WhatIf, what_if
from accounting.billing.rating import round_half_up
from accounting.errors import AcctError
from accounting.facts.statement_json import statement_json
from accounting.model import Statement
from tests.support import model_of_rules as model
from tests.support.cli_runner import run
from tests.support.deleting import CARD, GB, happened
from tests.support.histories import histories
from tests.support.latest import iso, latest
from tests.support.laws import tried
from tests.support.model_of_rules import DAY, Bill, Case, Row, Snapshot
from tests.support.project import Books, Card, Events, bill_of, books

ROWS = (
    Row("acme", "container", "team/api", "1.0", "sha256:api", 70 * GB),
    Row("acme", "container", "team/api", "1.0", "sha256:base", 30 * GB),
    Row("acme", "container", "web", "1.0", "sha256:base", 30 * GB),
    Row("acme", "npm", "@acme/ui", "1.0.0", "sha256:ui", 10 * GB),
)


LINKS = tuple(
    happened(number, "package", "linked", f"acme/{name}", "2026-10-01T00:00:00Z", slug)
    for number, (name, slug) in enumerate(
        [("container/team/api", "widgets"), ("npm/@acme/ui", "widgets"), ("container/web", "gadgets")]
    )
)


@pytest.fixture
def shop(tmp_path: Path) -> Books:
    """Known until 2026-11-11: widgets has 80 GB of its own and a layer of 30 GB that web of gadgets has too."""
    these = Books(tmp_path)
    snapshots = [Snapshot("images", f"2026-{day}T00:00:00Z", ROWS) for day in ("10-01", "11-11")]
    these.take([*snapshots, Events(LINKS), Card(CARD)])
    return these


def ask(these: Books, kind: Kind, name: str, on: int | None = None) -> WhatIf:
    return what_if(these.ledger, kind, "acme", name, on, lambda progress: None)


def amounts(found: WhatIf) -> dict[str, list[int | None]]:
    return {option.name: [bill.amount_minor for bill in option.bills] for option in found.options}


def test_the_repository_first_is_charged_for_30_days_more(shop: Books) -> None:
    """November by hand, of 110 GB: 10 days of all, then 20 of what is charged still; December 10 days more."""
    found = ask(shop, "repository", "widgets")
    november, december = 110 * 25, 110 * 25
    assert amounts(found) == {
        "packages_first": [round_half_up(Fraction(november * 10 + 30 * 25 * 20, 30)), 30 * 25],
        "repository_first": [november, round_half_up(Fraction(december * 10 + 30 * 25 * 21, 31))],
        "leave": [november, december],
    }
    assert (found.unique_bytes, found.shared_bytes) == (80 * GB, 30 * GB)
    names = {option.name: [(name.name, name.held_until) for name in option.held_names] for option in found.options}
    until = model.epoch("2026-12-11T00:00:00Z")
    assert names == {"packages_first": [], "repository_first": [("team/api", until)], "leave": []}
    # After the deletion of its packages web carries the shared layer alone.
    assert [[int(option.charged_bytes) // GB for option in interval.options] for interval in found.intervals] == [
        [110, 110, 110], [30, 110, 110], [30, 110, 110], [30, 30, 110],
    ]  # fmt: skip
    assert [[int(option.of_it) // GB for option in interval.options] for interval in found.intervals] == [
        [95, 95, 95], [0, 95, 95], [0, 95, 95], [0, 0, 95],
    ]  # fmt: skip


def steps(found: WhatIf, option: str) -> list[tuple[str, str, str]]:
    (chosen,) = [each for each in found.options if each.name == option]
    return [(step.event.verb, subject("acme", step.event), step.role) for step in chosen.steps]


def test_the_steps_and_who_can_take_them(shop: Books) -> None:
    assert steps(ask(shop, "workspace", "acme"), "packages_first") == [
        ("deleted", "acme/container/team/api", "repository admin"),
        ("deleted", "acme/container/web", "repository admin"),
        ("deleted", "acme/npm/@acme/ui", "repository admin"),
        ("deleted", "acme", "workspace admin"),
    ]
    assert steps(ask(shop, "workspace", "acme"), "workspace_first") == [("deleted", "acme", "workspace admin")]
    found = ask(shop, "package", "npm/@acme/ui")
    assert steps(found, "delete") == [("deleted", "acme/npm/@acme/ui", "repository admin")]
    assert amounts(found)["leave"] == [2750, 2750]


def test_what_a_deleted_repository_still_costs_can_be_stopped(shop: Books) -> None:
    """It has to be restored, for what is in it is out of reach."""
    shop.take([Events((happened(9, "repository", "deleted", "acme/widgets", "2026-11-05T00:00:00Z"),))])
    found = ask(shop, "repository", "widgets")
    assert [option.name for option in found.options] == ["packages_first", "leave"]
    assert (found.target.deleted, found.target.kept_until) == (True, model.epoch("2026-12-05T00:00:00Z"))
    assert steps(found, "packages_first") == [
        ("restored", "acme/widgets", "the registry's support"),
        ("deleted", "acme/container/team/api", "repository admin"),
        ("deleted", "acme/npm/@acme/ui", "repository admin"),
        ("deleted", "acme/widgets", "repository admin"),
    ]
    saved = [[bill.amount_minor for bill in option.bills] for option in found.options]
    assert saved[0] == [round_half_up(Fraction(2750 * 10 + 750 * 20, 30)), 750]
    over = ask(shop, "repository", "widgets", on=model.epoch("2026-12-05T00:00:00Z"))
    assert (over.target.packages, [option.name for option in over.options]) == ((), ["leave"])


def test_what_is_known_cannot_be_undone(shop: Books) -> None:
    with pytest.raises(AcctError, match="of 2026-11-11T00:00:00Z, and what is past stays"):
        ask(shop, "repository", "widgets", on=model.epoch("2026-11-10T00:00:00Z"))
    with pytest.raises(
        AcctError, match=r"acme/nope: no snapshot and no event names it. The workspace has gadgets, wid"
    ):
        ask(shop, "repository", "nope")
    with pytest.raises(AcctError, match="Did you mean widgets"):
        ask(shop, "repository", "widget")
    with pytest.raises(AcctError, match="Did you mean npm/@acme/ui"):
        ask(shop, "package", "npm/@acme/u")
    with pytest.raises(AcctError, match="too far ahead"):
        ask(shop, "repository", "widgets", on=model.epoch("9999-01-01T00:00:00Z"))


def test_the_command_line_tells_it_exactly(shop: Books) -> None:
    result = run("--ledger", shop.ledger, "whatif", "delete-repository", "acme/widgets", "--format", "json")
    assert result.exit_code == 0, result
    output = json.loads(result.stdout)
    assert [option["amount"] for option in output["ways"]] == ["21.67", "41.45", "55.00"]
    assert output["bytes"] == {"unique": str(80 * GB), "shared": str(30 * GB)}
    for i, option in enumerate(output["ways"]):
        costs = [interval["ways"][option["way"]]["cost"] for interval in output["stretches"]]
        exact = sum(Fraction(int(cost["numerator"]), int(cost["denominator"])) for cost in costs)
        assert abs(exact - Fraction(output["ways"][i]["amount"])) < Fraction(2, 100)


def test_a_row_is_a_step(shop: Books) -> None:
    """Nothing before the deletion, and no row in which nothing that is shown differs from the row above."""
    output = run("--ledger", shop.ledger, "whatif", "delete-repository", "acme/widgets").stdout
    bytes_, costs = (text.split("\n\n")[0].splitlines()[2:] for text in output.split(":\n\n")[2:4])
    assert [re.split("  +", row.strip()) for row in bytes_] == [
        ["11 Nov 2026", "30.00", "0 B", "95.00 GB", "95.00 GB"],
        ["11 Dec 2026", "21.00", "0 B", "0 B", "95.00 GB"],
    ]
    assert [re.split("  +", row.strip()) for row in costs] == [
        ["11 Nov 2026", "20.00", "0.2500", "0.9167", "0.9167"],
        ["1 Dec 2026", "10.00", "0.2419", "0.8871", "0.8871"],
        ["11 Dec 2026", "21.00", "0.2419", "0.2419", "0.8871"],
    ]
    assert "saved until 1 Jan 2027            33.33              13.55          –" in output


def test_what_is_in_no_snapshot_any_more_may_be_there_still(shop: Books) -> None:
    """No event deleted it, so it stays a step and its name is held; but that nothing of it is stored is told."""
    gone = [row for row in ROWS if row.package != "team/api"]
    shop.take([Snapshot("images", "2026-11-12T00:00:00Z", tuple(gone))])

    def shown(*args: str) -> str:
        return run("--ledger", shop.ledger, "whatif", *args).stdout

    output = shown("delete-repository", "acme/widgets")
    assert "\n2 packages, of which 1 stores nothing. Not shared with any other charged package: 10.00 GB.\n" in output
    assert "  1. delete the package acme/container/team/api (stores nothing): repository admin\n" in output
    assert "  2. delete the package acme/npm/@acme/ui: repository admin\n" in output
    assert "  The image name team/api (stores nothing) is held until 12 Dec 2026.\n" in output
    output = shown("delete-package", "acme/container/team/api")
    assert "\nAccording to the latest snapshot, nothing of it is stored.\n" in output
    assert "Someone with write access" not in output
    packages = json.loads(shown("delete-repository", "acme/widgets", "--format", "json"))["packages"]
    assert [package["stored_bytes"] for package in packages] == ["0", str(10 * GB)]


# As a law


@tried(6)
@given(histories(), st.data())
def test_each_way_is_what_the_rules_say_of_it(case: Case, data: st.DataObject) -> None:
    """The bills of the model, from the steps as events and from snapshots that go on; and the days add up to them."""
    found = data.draw(st.sampled_from(subjects(case) or [("", "", "")]))
    kind, workspace, name = found
    if not kind:
        return
    with books(case) as these:
        on = None if data.draw(st.booleans()) else latest_instant(case) + data.draw(st.sampled_from((0, 1, 40 * DAY)))
        try:
            options = what_if(these.ledger, kind, workspace, name, on, lambda progress: None)
        except AcctError as error:
            refused = error.what
        else:
            refused = ""
    if refused:  # a month that nobody can bill
        assert "cannot be billed" in refused or "does not list" in refused
        return
    for i, option in enumerate(options.options):
        events = [(step.event.kind, step.event.verb, subject(workspace, step.event)) for step in option.steps]
        for statement in option.bills:
            expected = model.bill(supposed(case, events, options, statement), workspace)
            assert figures(statement) == (expected.byte_seconds, expected.charged_byte_seconds, expected.amount)
            assert_adds_up(statement, options, i)
    if "package_deleted" not in {state for rule in (case.card or {}).get("rule", []) for state in rule["charged"]}:
        by_name = {option.name: option.amount_minor or 0 for option in options.options}
        assert by_name.get("packages_first", 0) <= by_name.get(f"{kind}_first", 2**200)


def subjects(case: Case) -> list[tuple[Any, str, str]]:
    """What the evidence names that can be deleted."""
    named = {("workspace", workspace, workspace) for workspace in case.workspaces()}
    for event in model.ordered_events(case):
        workspace, *rest = event["subject"].split("/", 1)
        _, kind, verb = event["type"].split(".")
        for name in rest:
            named.add((kind, workspace, name))
        slug = (event.get("data") or {}).get("repository") if verb in ("created", "linked") else None
        named |= {("repository", workspace, slug)} if slug else set()
    return sorted(named)


def latest_instant(case: Case) -> int:
    """Where all that is known ends."""
    return max(
        *(model.epoch(snapshot.taken_at) for snapshot in case.snapshots),
        *(model.epoch(event["time"]) for event in model.ordered_events(case)),
    )


def supposed(case: Case, events: list[tuple[str, str, str]], options: WhatIf, statement: Statement) -> Case:
    """The case with the steps as events, and every active source's latest snapshot again at the end."""
    end = options.intervals[-1].until
    made = tuple(
        happened(0, kind, verb, name, iso(options.on)) | {"id": f"\U0010fffe{i:03}"}
        for i, (kind, verb, name) in enumerate(events)
    )
    later = tuple(replace(snapshot, taken_at=iso(end)) for snapshot in latest(case))
    return replace(case, snapshots=case.snapshots + later, events=case.events + made, month=str(statement.month))


def figures(statement: Statement) -> tuple[int, int, str | None]:
    output: Bill = bill_of(json.loads(statement_json(statement)))
    return output.byte_seconds, output.charged_byte_seconds, output.amount


def assert_adds_up(statement: Statement, options: WhatIf, i: int) -> None:
    month = [s for s in options.intervals if statement.month.start <= s.start < statement.month.end]
    assert (month[0].start, month[-1].until) == (statement.month.start, statement.month.end)
    of_option = [(interval.until - interval.start, interval.options[i]) for interval in month]
    assert sum(seconds * option.charged_bytes for seconds, option in of_option) == statement.charged_byte_seconds
    if statement.amount_minor is not None:
        exact = sum((option.cost or Fraction(0) for _, option in of_option), Fraction(0))
        assert round_half_up(exact * 10**statement.minor_digits) == statement.amount_minor
