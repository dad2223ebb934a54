"""The calendar tells the instants at which the rules free names and stop charging, in files that calendars take."""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from icalendar import Calendar

from accounting.analysis.retention import RetentionCalendar, retention_calendar
from accounting.instants import format_instant
from accounting.ledger import reading
from accounting.text import visible
from tests.support import model_of_rules as model
from tests.support.cli_runner import run
from tests.support.histories import histories
from tests.support.hostile import HOSTILE
from tests.support.laws import tried
from tests.support.model_of_rules import Case
from tests.support.project import Books, Card, Events, books


@tried(12)
@given(histories())
def test_everything_ends_when_the_rules_say(case: Case) -> None:
    with books(case) as these, reading(these.ledger) as ledger:
        for workspace in case.workspaces():
            calendar = retention_calendar(ledger, workspace)
            assert_names_are_free_when_the_rules_say(case, workspace, calendar)
            assert_charging_stops_when_the_rules_say(case, workspace, calendar)
            assert_packages_expire_when_the_rules_say(case, workspace, calendar)


def assert_names_are_free_when_the_rules_say(case: Case, workspace: str, calendar: RetentionCalendar) -> None:
    """Held until the second before, and by the rules of the case; and each name that goes on being held is there."""
    freed = {end.name: end for end in calendar.ends if end.what == "name_free"}
    for name, end in freed.items():
        last, first = (model.held_names(case, end.happens_at - before, workspace) for before in (1, 0))
        assert (name, end.happens_at) in {(held.name, held.held_until) for held in last}
        assert name not in {held.name for held in first}
    later = max([calendar.covered_until, *(model.epoch(event["time"]) for event in case.events if "time" in event)])
    assert {held.name for held in model.held_names(case, later, workspace)} <= set(freed)


def assert_charging_stops_when_the_rules_say(case: Case, workspace: str, calendar: RetentionCalendar) -> None:
    """Of each deleted repository that is charged: where its retention ends, or a later rule stops it for good."""
    output = {
        (end.repository, end.deleted_at, end.happens_at): end.packages
        for end in calendar.ends
        if end.what == "charging_stops"
    }
    assert output == stops_of(case, workspace, calendar.covered_until)


def assert_packages_expire_when_the_rules_say(case: Case, workspace: str, calendar: RetentionCalendar) -> None:
    """Until the second before, as many packages are in that state; then they expire."""
    for end in calendar.ends:
        if end.what == "packages_expire":
            before, after = (states_at(case, workspace, end.happens_at - seconds) for seconds in (1, 0))
            kept = [key for key, (_, state) in before.items() if state == "workspace_deleted"]
            assert len(kept) >= end.packages > 0
            assert any(after[key][1] == "expired" for key in kept)


def stops_of(case: Case, workspace: str, after: int) -> Counter[tuple[str | None, int, int]]:
    """By repository, deletion and instant, how many packages that hold something are charged for the last time."""
    rules, events = model.rules(case), model.events_of(case, workspace)
    retained = {model.epoch(event["time"]) + model.retention(case, model.epoch(event["time"])) for event in events}
    last: dict[tuple[str | None, int, model.PackageKey], int] = {}
    for at in sorted({at for at in retained | {start for start, _ in rules} if at > after}):
        before, now = (states_at(case, workspace, at - seconds) for seconds in (1, 0))
        charged_before, charged_now = (charged_states(case, at - seconds) for seconds in (1, 0))
        it = model.workspace_at(events, at - 1)
        for key in held_until(case, workspace, at):
            package = it.packages.get(key)
            if before[key][1] != "repository_deleted" or package is None or package.repository is None:
                continue
            deleted_at = package.repository.deleted_at
            assert deleted_at is not None
            ends = at == deleted_at + model.retention(case, deleted_at) or now[key] == before[key]
            if ends and before[key][1] in charged_before and now[key][1] not in charged_now:
                last[before[key][0], deleted_at, key] = at
    return Counter((slug, deleted_at, at) for (slug, deleted_at, _), at in last.items())


def charged_states(case: Case, instant: int) -> list[str]:
    rule = model.in_force(model.rules(case), instant) or model.rules(case)[0][1]
    return list(rule["charged"])


def held_until(case: Case, workspace: str, instant: int) -> set[model.PackageKey]:
    """The packages that hold something in the last second before an instant; what was seen last of a source stays."""
    retired = {source for source, _ in case.retired}
    held = {stay.package for stay in model.stays(case, workspace) if stay.start < instant <= stay.until}
    latest = {each.source: each for each in sorted(case.snapshots, key=lambda each: model.epoch(each.taken_at))}
    return held | {
        (row.format, row.package)
        for each in latest.values()
        if each.source not in retired and model.epoch(each.taken_at) < instant
        for row in each.rows
        if row.workspace == workspace
    }


def test_a_later_rule_stops_charging_before_the_retention_ends(tmp_path: Path) -> None:
    """On the date of that rule; the image name stays held until the retention ends."""
    these = Books(tmp_path)
    rule = {"effective_from": date(2025, 12, 3), "retention_days": 30, "share": "workspace"}
    later = rule | {"effective_from": date(2026, 10, 20), "charged": ["live"]}
    rate = {"effective_from": date(2025, 12, 3), "unit": "GB", "tiers": [{"price": "1"}]}
    rows = (model.Row("acme", "container", "web", "1", "sha256:1", 10**9),)
    output = {"specversion": "1.0", "source": "hub", "time": "2026-10-01T00:00:00Z"}
    linked = {"type": "registry.package.linked", "subject": "acme/container/web", "data": {"repository": "r"}}
    deleted = {"type": "registry.repository.deleted", "subject": "acme/r", "time": "2026-10-05T00:00:00Z"}
    these.take([
        model.Snapshot("s", "2026-10-01T00:00:00Z", rows),
        model.Snapshot("s", "2026-10-10T00:00:00Z", rows),
        Events((output | linked | {"id": "1"}, output | deleted | {"id": "2"})),
        Card({"currency": "USD", "rule": [rule | {"charged": ["live", "repository_deleted"]}, later], "rate": [rate]}),
    ])  # fmt: skip
    with reading(these.ledger) as ledger:
        ends = retention_calendar(ledger, "acme").ends
    assert [(end.what, format_instant(end.happens_at)) for end in ends] == [
        ("charging_stops", "2026-10-20T00:00:00Z"),
        ("name_free", "2026-11-04T00:00:00Z"),
    ]


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
    output = [str(event["summary"]) for event in calendar.walk("VEVENT")]
    assert len(output) == 2 * len(HOSTILE)
    assert {f"acme: image name {visible(name)} can be used again" for name in HOSTILE} <= set(output)


@pytest.mark.parametrize("workspace", [name for name in HOSTILE if "/" not in name])
def test_a_hostile_workspace_has_a_calendar(folder: Path, workspace: str) -> None:
    (event,) = Calendar.from_ical(calendar_of(folder, "ics", workspace)).walk("VEVENT")
    assert (
        event["summary"]
        == f"{visible(workspace)}: the deleted contents of workspace {visible(workspace)} expire (1 package)"
    )
    assert event.decoded("dtstart").isoformat() == "2026-11-04T00:00:00+00:00"


def test_a_calendar_without_dates_is_one_that_strict_readers_take(tmp_path: Path) -> None:
    """It has a component, as RFC 5545 requires, and no event."""
    these = Books(tmp_path)
    these.take([model.Snapshot("s", "2026-10-01T00:00:00Z", (model.Row("acme", "npm", "ui", "1", "sha256:1", 1),))])
    shown = run("--ledger", these.ledger, "calendar", "-w", "acme", "--format", "ics")
    calendar = Calendar.from_ical(shown.stdout)
    calendar.validate()  # type: ignore[no-untyped-call]
    assert not calendar.walk("VEVENT")
    (note,) = calendar.walk("VJOURNAL")
    assert note["summary"] == "acme: No retention period ends after this date"
    assert note["uid"]


def test_the_file_is_the_same_whenever_it_is_made(folder: Path, tmp_path: Path) -> None:
    """Events keep their identity while what they tell of is the same; no two share one."""
    run("calendar", "--workspace", "acme", "--output", tmp_path / "acme.ics", cwd=folder)
    file = (tmp_path / "acme.ics").read_bytes()
    assert file.decode() == calendar_of(folder, "ics")
    uids = [str(event["uid"]) for event in Calendar.from_ical(file).walk("VEVENT")]
    assert len(set(uids)) == len(uids)
