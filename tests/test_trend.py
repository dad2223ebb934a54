"""What changed between months has reasons that add up to the change, exactly, and that the evidence bears out."""

import json
from fractions import Fraction
from pathlib import Path

from hypothesis import given

from accounting.billing.grouping import statements
from accounting.billing.trend import LineChange, Trend, trend
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import reading
from accounting.model import LineKey, Statement
from tests.cli_runner import run
from tests.histories import histories
from tests.model_of_rules import DAY, Case, Row, Snapshot
from tests.project import books
from tests.test_laws import tried

GB = 10**9


def means(bill: Statement) -> dict[LineKey, Fraction]:
    """Mean stored bytes of a statement's lines."""
    seconds = min(bill.month.end, bill.covered_until) - bill.month.start
    return {line.key: Fraction(line.byte_seconds, seconds) for line in bill.lines}


@tried(16)
@given(histories())
def test_reasons_add_up(case: Case) -> None:
    """To each line's change, and what moved to nothing within a package; nothing that changed is left out."""
    month = Month.parse(case.month)
    with books(case) as these, reading(these.ledger) as ledger:
        for workspace in case.workspaces():
            try:
                bills = statements(ledger, workspace, [month.before, month, month.next])
            except AcctError:
                continue
            found = trend(ledger, bills)
            if found is None:
                continue
            before, after = means(found.first), means(found.last)
            changed = {key for key in {*before, *after} if before.get(key, 0) != after.get(key, 0)}
            assert changed <= {change.key for change in found.changes}
            moved: dict[tuple[str, str], Fraction] = {}
            for change in found.changes:
                assert (change.before, change.after) == (before.get(change.key, 0), after.get(change.key, 0))
                assert change.came + change.went + change.moved + change.shared == change.change
                assert change.came >= 0 >= change.went
                package = (change.key.format, change.key.package)
                moved[package] = moved.get(package, Fraction(0)) + change.moved
            assert not any(moved.values())


def trend_of(*snapshots: tuple[str, list[Row]], events: tuple[dict[str, object], ...] = ()) -> dict[str, LineChange]:
    """What changed from September to October 2026, by state and package."""
    case = Case(tuple(Snapshot("s", at, tuple(rows)) for at, rows in snapshots), events, None, "2026-10")
    with books(case) as these, reading(these.ledger) as ledger:
        found = trend(ledger, statements(ledger, "acme", [Month.parse("2026-09"), Month.parse("2026-10")]))
    assert isinstance(found, Trend)
    return {f"{change.key.state} {change.key.package}": change for change in found.changes}


def row(package: str, version: str, digest: str, size: int = GB) -> Row:
    return Row("acme", "container", package, version, digest, size, None)


def event(number: int, time: str, kind: str, subject: str, slug: str | None = None) -> dict[str, object]:
    told = {"specversion": "1.0", "source": "hub", "id": str(number), "time": time, "type": f"registry.{kind}"}
    return told | {"subject": subject, "data": {"repository": slug} if slug else {}}


def test_a_version_that_comes_and_one_that_goes_are_told_apart() -> None:
    old, new = row("web", "1", "sha256:1"), row("web", "2", "sha256:2", 3 * GB)
    (web,) = trend_of(
        ("2026-09-01T00:00:00Z", [old]), ("2026-10-01T00:00:00Z", [old]), ("2026-10-01T00:00:01Z", [new]),
        ("2026-11-01T00:00:00Z", [new]),
    ).values()  # fmt: skip
    seconds = 31 * DAY
    assert web.came == Fraction(3 * GB * (seconds - 1), seconds)
    assert web.went == -GB
    assert not web.moved
    assert not web.shared


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
    assert changes["live web"].moved == -GB
    assert changes["repository_deleted web"].moved == Fraction(30 * GB, 31)
    assert changes["expired web"].moved == Fraction(GB, 31)


def test_a_sharer_that_goes_moves_shares() -> None:
    web, api = row("web", "1", "sha256:1"), row("api", "1", "sha256:1")
    changes = trend_of(
        ("2026-09-01T00:00:00Z", [web, api]), ("2026-10-01T00:00:00Z", [web, api]), ("2026-10-01T00:00:01Z", [web]),
        ("2026-11-01T00:00:00Z", [web]),
    )  # fmt: skip
    assert not any((changes["live web"].came, changes["live web"].went, changes["live web"].moved))
    assert changes["live web"].shared == changes["live web"].change > 0
    assert changes["live api"].went == -GB


def test_only_what_is_metered_is_compared(tmp_path: Path) -> None:
    """A month that nothing covers is no fall to nothing; one month alone has no trend."""
    (tmp_path / "s.csv").write_text(
        "workspace,format,package,version,digest,size,uploaded_at\nacme,npm,ui,1,sha256:1,1000000000,\n",
        encoding="utf-8",
    )
    for taken_at in ("2026-09-01T00:00:00Z", "2026-10-11T00:00:00Z"):
        assert run("import", "snapshot", "s.csv", "--source", "s", "--taken-at", taken_at, cwd=tmp_path).exit_code == 0
    for months, told in (("2026-09..2026-12", "2026-10"), ("2026-10..2026-12", None)):
        shown = run("report", "-w", "acme", "--month", months, "--format", "json", cwd=tmp_path)
        trend_told = json.loads(shown.stdout).get("trend")
        assert (trend_told and trend_told["to"]) == told
        assert not trend_told or trend_told["mean_bytes"] == []
