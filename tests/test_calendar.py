"""The calendar tells the instants at which the rules free names and stop charging, in files that calendars take."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from icalendar import Calendar

from accounting.billing.retention import retention_calendar
from accounting.ledger import reading
from accounting.text import visible
from tests import model_of_rules as model
from tests.cli_runner import run
from tests.histories import histories
from tests.model_of_rules import Case
from tests.project import books
from tests.test_laws import tried
from tests.test_reports import HOSTILE


@tried(12)
@given(histories())
def test_names_are_free_when_the_rules_say(case: Case) -> None:
    """Held until the second before, and by the rules of the case; and each name that goes on being held is told of."""
    with books(case) as these:
        for workspace in case.workspaces():
            with reading(these.ledger) as ledger:
                calendar = retention_calendar(ledger, workspace)
            freed = {end.name: end for end in calendar.ends if end.what == "name_free"}
            for name, end in freed.items():
                last, first = (model.held_names(case, end.happens_at - before, workspace) for before in (1, 0))
                assert (name, end.happens_at) in {(held.name, held.held_until) for held in last}
                assert name not in {held.name for held in first}
            later = max(
                [calendar.covered_until, *(model.epoch(event["time"]) for event in case.events if "time" in event)]
            )
            assert {held.name for held in model.held_names(case, later, workspace)} <= set(freed)


@tried(12)
@given(histories())
def test_charging_stops_and_packages_expire_when_the_rules_say(case: Case) -> None:
    """Until the second before, as many packages are in that state, which a rule charges; then they expire."""
    states = {"charging_stops": "repository_deleted", "packages_expire": "workspace_deleted"}
    with books(case) as these:
        for workspace in case.workspaces():
            with reading(these.ledger) as ledger:
                calendar = retention_calendar(ledger, workspace)
            for end in calendar.ends:
                if end.what == "name_free":
                    continue
                before, after = (states_at(case, workspace, end.happens_at - seconds) for seconds in (1, 0))
                state = (end.repository, states[end.what]) if end.repository else (None, "workspace_deleted")
                kept = [key for key, told in before.items() if told == state or (told[1] == state[1] and not state[0])]
                assert len(kept) >= end.packages > 0
                assert any(after[key][1] == "expired" for key in kept)
                if end.what == "charging_stops":
                    rule = model.in_force(model.rules(case), end.happens_at - 1) or model.rules(case)[0][1]
                    assert "repository_deleted" in rule["charged"]


def states_at(case: Case, workspace: str, instant: int) -> dict[model.PackageKey, tuple[str | None, str]]:
    """Every package's repository and state, by the rules."""
    events = model.events_of(case, workspace)
    stored = {(row.format, row.package) for each in case.snapshots for row in each.rows if row.workspace == workspace}
    it = model.workspace_at(events, instant)
    return {key: model.state_of(case, it, key, instant) for key in stored | set(it.packages)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages, repositories and a workspace with hostile names, all deleted."""
    folder = tmp_path_factory.mktemp("calendar")
    with (folder / "names.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("workspace", "format", "package", "version", "digest", "size", "uploaded_at"))
        for number, name in enumerate(HOSTILE):
            rows.writerow(("acme", "container", name, "1", f"sha256:{number}", 10**12, ""))
            rows.writerow((name, "npm", "ui", "1", "sha256:0", 5, ""))
    events = [
        (f"package.linked-{number}", f"acme/container/{name}", {"repository": f"r{number}{name.replace('/', '')}"})
        for number, name in enumerate(HOSTILE)
    ]
    events += [
        (f"repository.deleted-{number}", f"acme/r{number}{name.replace('/', '')}", {})
        for number, name in enumerate(HOSTILE)
    ]
    events += [(f"workspace.deleted-{number}", name, {}) for number, name in enumerate(HOSTILE) if "/" not in name]
    lines = [
        {"specversion": "1.0", "source": "s", "id": kind, "time": "2026-10-05T00:00:00Z", "subject": subject,
         "type": f"registry.{kind.partition('-')[0]}", "data": data}
        for kind, subject, data in events
    ]  # fmt: skip
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    for taken_at in ("2026-10-01T00:00:00Z", "2026-10-30T00:00:00Z"):
        assert (
            run("import", "snapshot", "names.csv", "--source", "s", "--taken-at", taken_at, cwd=folder).exit_code == 0
        )
    taken = run("import", "events", "events.jsonl", cwd=folder)
    assert taken.exit_code == 0, taken.stderr
    return folder


def calendar_of(folder: Path, format_: str, workspace: str = "acme") -> str:
    shown = run("calendar", f"--workspace={workspace}", "--format", format_, cwd=folder)
    assert shown.exit_code == 0, shown.stderr
    return shown.stdout


def test_names_are_shown_and_never_obeyed(folder: Path) -> None:
    assert {date["name"] for date in json.loads(calendar_of(folder, "json"))["dates"]} == {*HOSTILE, None}
    assert all(char.isprintable() or char == "\n" for char in calendar_of(folder, "text"))
    file = calendar_of(folder, "ics")
    assert all(char.isprintable() or char in "\r\n" for char in file)
    assert all(len(line.encode()) <= 75 for line in file.split("\r\n"))
    (calendar,) = Calendar.from_ical(file, multiple=True)
    told = [str(event["summary"]) for event in calendar.walk("VEVENT")]
    assert len(told) == 2 * len(HOSTILE)
    assert {f"acme: image name {visible(name)} is free" for name in HOSTILE} <= set(told)


@pytest.mark.parametrize("workspace", [name for name in HOSTILE if "/" not in name])
def test_a_hostile_workspace_has_a_calendar(folder: Path, workspace: str) -> None:
    (event,) = Calendar.from_ical(calendar_of(folder, "ics", workspace)).walk("VEVENT")
    assert event["summary"] == f"{visible(workspace)}: what workspace {visible(workspace)} held expires (1 package)"
    assert event.decoded("dtstart").isoformat() == "2026-11-04T00:00:00+00:00"


def test_the_file_is_the_same_whenever_it_is_made(folder: Path, tmp_path: Path) -> None:
    """Events keep their identity while what they tell of is the same; no two share one."""
    run("calendar", "--workspace", "acme", "--output", tmp_path / "acme.ics", cwd=folder)
    file = (tmp_path / "acme.ics").read_bytes()
    assert file.decode() == calendar_of(folder, "ics")
    uids = [str(event["uid"]) for event in Calendar.from_ical(file).walk("VEVENT")]
    assert len(set(uids)) == len(uids)
