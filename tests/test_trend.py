"""What changed between months has reasons that add up to the change, exactly, and that the evidence bears out."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from hypothesis import given

from accounting.analysis.trend import LineChange, Reasons, Trend, Versions, trend
from accounting.billing.grouping import statements
from accounting.billing.usage import coverage
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import Ledger, reading
from accounting.model import LineKey, Statement
from accounting.rendering.analysis.trend import trend_section
from tests.support import model_of_rules as model
from tests.support.cli_runner import run
from tests.support.histories import histories
from tests.support.laws import tried
from tests.support.model_of_rules import DAY, Case, PackageKey, Row, Snapshot, epoch
from tests.support.project import books

GB = 10**9


def means(bill: Statement) -> dict[LineKey, Fraction]:
    """Mean stored bytes of a statement's lines."""
    seconds = min(bill.month.end, bill.covered_until) - bill.month.start
    return {line.key: Fraction(line.byte_seconds, seconds) for line in bill.lines}


@tried(10)
@given(histories())
def test_reasons_add_up(case: Case) -> None:
    """Within a trend, and over the steps that it is made of."""
    for ledger, workspace, found in trends(case):
        assert_reasons_add_up(found)
        assert_reasons_are_those_of_the_steps(case, ledger, workspace, found)


def assert_reasons_add_up(found: Trend) -> None:
    """To each line's change, and what moved to nothing within a package; nothing that changed is left out."""
    of_months = [means(bill) for bill in found.bills]
    differing = {key for of in of_months for key in of if len({of.get(key, 0) for of in of_months}) > 1}
    assert differing <= {change.key for change in found.changes}
    moved: dict[tuple[str, str], Fraction] = {}
    for change in found.changes:
        assert change.means == tuple(of.get(change.key, 0) for of in of_months)
        why = change.reasons
        assert why.came + why.went + why.moved + change.shared == change.change
        assert why.came >= 0 >= why.went
        package = (change.key.format, change.key.package)
        moved[package] = moved.get(package, Fraction(0)) + why.moved
    assert not any(moved.values())
    if found.last.amount_minor is not None:
        lines = sum(change.amount_minor or 0 for change in found.changes)
        assert lines + found.corrected_minor == found.last.amount_minor - (found.first.amount_minor or 0)


def assert_reasons_are_those_of_the_steps(case: Case, ledger: Ledger, workspace: str, found: Trend) -> None:
    """Each computed of two months alone; and a version comes and goes by what the rules say of it alone."""
    steps = [trend(ledger, pair) for pair in pairwise(found.bills)]
    reasons: dict[LineKey, Reasons] = {}
    for step in steps:
        assert step is not None
        for change in step.changes:
            reasons[change.key] = reasons.get(change.key, Reasons()) + change.reasons
    output = {change.key: change.reasons for change in found.changes}
    assert {key: why for key, why in reasons.items() if why != Reasons()} == {
        key: why for key, why in output.items() if why != Reasons()
    }
    held = [versions(case, workspace, bill) for bill in found.bills]
    came = {version for before, after in pairwise(held) for version in after - before}
    gone = {version for before, after in pairwise(held) for version in before - after}
    assert found.versions == Versions(len(came), len(gone))


def trends(case: Case) -> Iterator[tuple[Ledger, str, Trend]]:
    """What changed in each workspace, as far as there is a trend."""
    with books(case) as these, reading(these.ledger) as ledger:
        for workspace in case.workspaces():
            found = trend(ledger, billable(ledger, case, workspace))
            if found is not None:
                yield ledger, workspace, found


def billable(ledger: Ledger, case: Case, workspace: str) -> tuple[Statement, ...]:
    """The bills of the two months before the case's, of that, and of the next, as far as the card bills them."""
    month = Month.parse(case.month)
    for months in ([month.before.before, month.before, month, month.next], [month, month.next]):
        with suppress(AcctError):
            return statements(ledger, workspace, months)
    return ()


def versions(case: Case, workspace: str, bill: Statement) -> set[tuple[PackageKey, str]]:
    """The versions of which anything was there in the metered part of a month: each as if it were a package, and those
    that were the last to name what a deletion hides."""
    found = []
    for source in {snapshot.source for snapshot in case.snapshots}:
        taken = model.snapshots_of(case, source)
        bare = tuple(replace(each, served=False) for each in taken)
        apart = tuple(
            replace(each, rows=tuple(replace(row, package=f"{row.package}\0{row.version}") for row in each.rows))
            for each in bare
        )
        for stay in model.stays(replace(case, snapshots=apart), workspace):
            kind, (name, version) = stay.package[0], stay.package[1].split("\0")
            found.append((stay, (kind, name), version))
        shown = set(model.stays(replace(case, snapshots=bare), workspace))
        for stay in set(model.stays(replace(case, snapshots=tuple(taken)), workspace)) - shown:
            last = next(each for each in taken if epoch(each.taken_at) == stay.start)
            for row in last.rows:
                named = (row.workspace, (row.format, row.package), row.digest, row.size)
                if named == (workspace, stay.package, stay.digest, stay.size):
                    found.append((stay, stay.package, row.version))
    until = min(bill.month.end, bill.covered_until)
    return {
        (package, version)
        for stay, package, version in found
        if version and max(stay.start, bill.month.start) < min(stay.until, until)
    }


def trend_of(*snapshots: tuple[str, list[Row]], events: tuple[dict[str, object], ...] = ()) -> dict[str, LineChange]:
    """What changed from September 2026 to the month before coverage ends, by state and package."""
    case = Case(tuple(Snapshot("s", at, tuple(rows)) for at, rows in snapshots), events, None, "2026-10")
    with books(case) as these, reading(these.ledger) as ledger:
        months = [Month.parse(f"2026-{number:02}") for number in range(9, 13)]
        last = Month.holding(coverage(ledger)).before
        found = trend(ledger, statements(ledger, "acme", [month for month in months if month <= last]))
    assert isinstance(found, Trend)
    return {f"{change.key.state} {change.key.package}": change for change in found.changes}


def row(package: str, version: str, digest: str, size: int = GB) -> Row:
    return Row("acme", "container", package, version, digest, size, None)


def event(number: int, time: str, kind: str, subject: str, slug: str | None = None) -> dict[str, object]:
    output = {"specversion": "1.0", "source": "hub", "id": str(number), "time": time, "type": f"registry.{kind}"}
    return output | {"subject": subject, "data": {"repository": slug} if slug else {}}


def test_a_range_that_begins_before_the_first_snapshot_says_so() -> None:
    kept = (Row("acme", "container", "web", "1", "sha256:1", GB),)
    instants = ("2026-09-21T00:00:00Z", "2026-11-01T00:00:00Z")
    case = Case(tuple(Snapshot("images", at, kept) for at in instants), (), None, "2026-10")
    with books(case) as these, reading(these.ledger) as ledger:
        output = trend(ledger, statements(ledger, "acme", [Month.parse("2026-09"), Month.parse("2026-10")]))
    assert output is not None
    assert "Nothing is known before 21 Sep 2026" in trend_section(output).sentences[1]


def test_a_version_that_comes_and_one_that_goes_are_told_apart() -> None:
    old, new = row("web", "1", "sha256:1"), row("web", "2", "sha256:2", 3 * GB)
    (web,) = trend_of(
        ("2026-09-01T00:00:00Z", [old]), ("2026-10-01T00:00:00Z", [old]), ("2026-10-01T00:00:01Z", [new]),
        ("2026-11-01T00:00:00Z", [new]),
    ).values()  # fmt: skip
    seconds = 31 * DAY
    assert web.reasons.came == Fraction(3 * GB * (seconds - 1), seconds)
    assert web.reasons.went == -GB
    assert not web.reasons.moved
    assert not web.shared
    assert web.versions == Versions(1, 1)


def test_what_comes_and_goes_within_a_range_is_told() -> None:
    """Though the first month and the last are alike; and the month in which most of it happened."""
    kept, passing = row("web", "1", "sha256:1"), row("web", "2", "sha256:2", 5 * GB)
    small = row("api", "1", "sha256:3", GB // 1000)
    api, web = trend_of(
        ("2026-09-01T00:00:00Z", [kept]), ("2026-10-01T00:00:00Z", [kept]), ("2026-10-01T00:00:01Z", [kept, passing]),
        ("2026-10-31T00:00:00Z", [kept, passing]), ("2026-11-01T00:00:00Z", [kept, small]),
        ("2026-12-01T00:00:00Z", [kept, small]),
    ).values()  # fmt: skip
    assert api.change > 0, "what changed comes before what lies further apart and did not"
    assert not web.change
    assert web.reasons.came == -web.reasons.went == Fraction(5 * GB * (30 * DAY - 1), 31 * DAY)
    assert web.versions == Versions(1, 1)


def test_a_repository_that_is_deleted_moves_what_it_held() -> None:
    stays = [
        ("2026-09-01T00:00:00Z", [row("web", "1", "sha256:1")]),
        ("2026-11-01T00:00:00Z", [row("web", "1", "sha256:1")]),
    ]
    events = (
        event(1, "2026-08-01T00:00:00Z", "package.linked", "acme/container/web", "r"),
        event(2, "2026-10-01T00:00:00Z", "repository.deleted", "acme/r"),
    )
    changes = trend_of(*stays, events=events)
    assert changes["live web"].reasons.moved == -GB
    assert changes["repository_deleted web"].reasons.moved == Fraction(30 * GB, 31)
    assert changes["expired web"].reasons.moved == Fraction(GB, 31)


def test_a_version_counts_on_the_lines_on_which_it_was_there() -> None:
    """One that is away while its repository is deleted is not gone from what the deleted one held."""
    kept, away = row("web", "1", "sha256:1"), row("web", "2", "sha256:2")
    events = (
        event(1, "2026-08-01T00:00:00Z", "package.linked", "acme/container/web", "r"),
        event(2, "2026-09-10T00:00:00Z", "repository.deleted", "acme/r"),
        event(3, "2026-09-12T00:00:00Z", "repository.restored", "acme/r"),
    )
    changes = trend_of(
        ("2026-09-01T00:00:00Z", [kept, away]), ("2026-09-05T00:00:00Z", [kept, away]),
        ("2026-09-06T00:00:00Z", [kept]), ("2026-09-20T00:00:00Z", [kept, away]),
        ("2026-09-25T00:00:00Z", [kept, away]), ("2026-09-26T00:00:00Z", [kept]), ("2026-11-01T00:00:00Z", [kept]),
        events=events,
    )  # fmt: skip
    assert changes["live web"].versions == Versions(came=0, gone=1)
    assert changes["repository_deleted web"].versions == Versions(came=0, gone=0)


def test_a_sharer_that_goes_moves_shares() -> None:
    web, api = row("web", "1", "sha256:1"), row("api", "1", "sha256:1")
    changes = trend_of(
        ("2026-09-01T00:00:00Z", [web, api]), ("2026-10-01T00:00:00Z", [web, api]), ("2026-10-01T00:00:01Z", [web]),
        ("2026-11-01T00:00:00Z", [web]),
    )  # fmt: skip
    assert not any(
        (changes["live web"].reasons.came, changes["live web"].reasons.went, changes["live web"].reasons.moved)
    )
    assert changes["live web"].shared == changes["live web"].change > 0
    assert changes["live api"].reasons.went == -GB


def test_only_what_is_metered_is_compared(tmp_path: Path) -> None:
    """A month that nothing covers is no fall to nothing; one month alone has no trend."""
    (tmp_path / "s.csv").write_text(
        "workspace,format,package,version,digest,size,uploaded_at\nacme,npm,ui,1,sha256:1,1000000000,\n",
        encoding="utf-8",
    )
    for taken_at in ("2026-09-01T00:00:00Z", "2026-10-11T00:00:00Z"):
        assert run("import", "snapshot", "s.csv", "--source", "s", "--taken-at", taken_at, cwd=tmp_path).exit_code == 0
    for months, output in (("2026-09..2026-12", "2026-10"), ("2026-10..2026-12", None)):
        shown = run("report", "-w", "acme", "--month", months, "--format", "json", cwd=tmp_path)
        trend_shown = json.loads(shown.stdout).get("trend")
        assert (trend_shown and trend_shown["to"]) == output
        assert not trend_shown or trend_shown["mean_bytes"] == []
