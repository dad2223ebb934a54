"""Closing, corrections and verifying: what is sealed stays, what comes later stands on the next open month."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounting.closing import close
from accounting.instants import Month, format_instant
from accounting.ledger import reading, writing
from accounting.verifying import verify
from tests import model_of_rules as model
from tests.cli_runner import Result, run
from tests.histories import histories
from tests.model_of_rules import Bill, Case, epoch
from tests.project import Books, Events, books, steps_of
from tests.test_laws import tried

Figures = tuple[int, int]
Key = tuple[str | None, str, str, str]


# Any history, closed, then any late evidence


@tried(8)
@given(histories(), st.data())
def test_what_was_sealed_and_the_corrections_are_what_all_evidence_says(case: Case, data: st.DataObject) -> None:
    month = Month.parse(case.month)
    case = known_until(case, month.next.end)
    late = [event for event in case.events if data.draw(st.booleans())]
    early = replace(case, events=tuple(event for event in case.events if event not in late))
    cut = data.draw(st.integers(0, len(late)))
    assume((model.coverage(case) or 0) >= month.next.end)  # not where all sources are retired
    for each in (early, case):
        for asked in (month, month.next):
            assume(all(isinstance(bill, Bill) for bill in model.bills(replace(each, month=str(asked))).values()))
    with books(case, steps_of(early)) as these:
        seal(these, month)
        sealed = {workspace: report(these, workspace, month) for workspace in case.workspaces()}
        take(these, late[:cut])
        if data.draw(st.booleans()):
            seal(these, month.next)
        take(these, late[cut:])
        told = {workspace: lines(sealed[workspace]["lines"]) for workspace in case.workspaces()}
        for later in (month.next, month.next.next):
            for workspace in case.workspaces():
                corrections = report(these, workspace, later)["corrections"]
                for key, figures in lines([c for c in corrections if c["month"] == str(month)]).items():
                    told[workspace][key] = added(told[workspace].get(key, (0, 0)), figures)
        for workspace, bill in model.bills(case).items():
            assert isinstance(bill, Bill)
            assert report(these, workspace, month) == sealed[workspace]
            expected = lines([vars(line) for line in bill.lines])
            assert {key: figures for key, figures in told[workspace].items() if figures != (0, 0)} == expected
        with reading(these.ledger) as ledger:
            assert list(verify(ledger, None, lambda news: None)) == []


def known_until(case: Case, end: int) -> Case:
    """With a snapshot of each source that is not retired at that instant, which tells nothing new."""
    retired = {source for source, _ in case.retired}
    latest = {snapshot.source: snapshot for snapshot in case.snapshots}
    more = [
        replace(snapshot, taken_at=format_instant(end))
        for source, snapshot in latest.items()
        if source not in retired and epoch(snapshot.taken_at) < end
    ]
    return replace(case, snapshots=(*case.snapshots, *more))


def seal(these: Books, month: Month) -> None:
    with writing(these.ledger) as ledger:
        assert close(ledger, month, lambda news: None) is not None


def take(these: Books, events: list[dict[str, Any]]) -> None:
    if events:
        these.take([Events(tuple(events))])


def report(these: Books, workspace: str, month: Month) -> dict[str, Any]:
    told = these.report(workspace, str(month))
    assert told is not None
    return dict(json.loads(told))


def lines(told: list[dict[str, Any]]) -> dict[Key, Figures]:
    """Byte-seconds and minor units by line."""
    found: dict[Key, Figures] = {}
    for line in told:
        key = (line["repository"], line["format"], line["package"], line["state"])
        amount = int((line["amount"] or "0").replace(".", ""))
        found[key] = added(found.get(key, (0, 0)), (int(line["byte_seconds"]), amount))
    return found


def added(one: Figures, other: Figures) -> Figures:
    return one[0] + other[0], one[1] + other[1]


# By the command line

SNAPSHOT = "workspace,format,package,version,digest,size,uploaded_at\n"
ROWS = "acme,container,web,1,sha256:base,1000000000,\nacme,container,web,1,sha256:web,2000000000,\n"
CARD = """currency = "USD"
[[rule]]
effective_from = 2025-12-03
retention_days = 30
charged = ["live", "repository_deleted"]
share = "workspace"
[[rate]]
effective_from = 2025-12-03
unit = "GB"
tiers = [{ price = "1" }]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger whose months August to October 2026 are final: 3 GB live all the time, at one dollar."""
    (tmp_path / "acme.csv").write_text(SNAPSHOT + ROWS)
    (tmp_path / "rates.toml").write_text(CARD)
    for month in ("07", "08", "09", "10", "11"):
        take_snapshot(tmp_path, f"2026-{month}-01T00:00:00Z")
    acct(tmp_path, "rates", "load", "rates.toml")
    return tmp_path


def acct(folder: Path, *arguments: object) -> Result:
    ended = run(*arguments, cwd=folder)
    assert ended.exit_code == 0, ended.stderr
    return ended


def take_snapshot(folder: Path, at: str, file: str = "acme.csv", source: str = "images") -> None:
    acct(folder, "import", "snapshot", file, "--source", source, "--taken-at", at)


def delete_package(folder: Path, at: str, verb: str = "deleted") -> None:
    event = {"specversion": "1.0", "source": "hub", "id": f"{verb} {at}", "time": at,
             "type": f"registry.package.{verb}", "subject": "acme/container/web"}  # fmt: skip
    (folder / "late.jsonl").write_text(json.dumps(event))
    acct(folder, "import", "events", "late.jsonl")


def bill(folder: Path, month: str) -> dict[str, Any]:
    return dict(json.loads(acct(folder, "report", "-w", "acme", "--month", month, "--format", "json").stdout))


def corrected(folder: Path, month: str) -> dict[tuple[str, str], str]:
    """Amounts of corrections by month and state."""
    return {(c["month"], c["state"]): c["amount"] for c in bill(folder, month)["corrections"]}


def test_closing_asks_and_keeps_its_order(folder: Path) -> None:
    refused = run("close", "--month", "2026-08", cwd=folder)
    assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    early = run("close", "--month", "2026-11", "--yes", cwd=folder)
    assert early.exit_code == 3
    assert "what is known ends with images at 2026-11-01T00:00:00Z" in early.stderr
    assert "1 statement sealed" in acct(folder, "close", "--month", "2026-08", "--yes").stderr
    assert "closed already" in acct(folder, "close", "--month", "2026-08", "--yes").stderr
    for month, next_one in (("2026-10", "2026-09"), ("2026-07", "2026-09")):
        refused = run("close", "--month", month, "--yes", cwd=folder)
        assert (refused.exit_code, f"close {next_one}" in refused.stderr) == (1, True)
    assert "2026-08   closed" in acct(folder, "status").stdout


def test_late_evidence_stands_on_the_next_open_month_once(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    sealed = acct(folder, "report", "-w", "acme", "--month", "2026-08", "--format", "json").stdout
    assert json.loads(sealed)["status"] == "closed"
    delete_package(folder, "2026-08-17T00:00:00Z")  # 15 of 31 days less
    assert acct(folder, "report", "-w", "acme", "--month", "2026-08", "--format", "json").stdout == sealed
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "-1.45", ("2026-08", "package_deleted"): "0.00"}
    september = bill(folder, "2026-09")
    assert september["total"]["amount"] == "-1.45"
    assert corrected(folder, "2026-10") == {}
    acct(folder, "close", "--month", "2026-09", "--yes")
    assert bill(folder, "2026-09") == september | {"status": "closed"}
    assert corrected(folder, "2026-10") == {}
    # A correction of the correction: it was restored a day later.
    delete_package(folder, "2026-08-18T00:00:00Z", "restored")
    assert corrected(folder, "2026-10")["2026-08", "live"] == "1.35"
    assert corrected(folder, "2026-10")["2026-09", "live"] == "3.00"
    acct(folder, "close", "--month", "2026-10", "--yes")
    assert "3 closed months verified" in acct(folder, "verify").stderr


def test_a_source_that_comes_late_corrects_too(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    (folder / "late.csv").write_text(
        SNAPSHOT + "acme,npm,ui,1,sha256:ui,1000000000,\nzoo,npm,ape,1,sha256:a,1000000000,\n"
    )
    for at in ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        take_snapshot(folder, at, "late.csv", "late")
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "1.00"}
    told = acct(folder, "report", "-w", "zoo", "--month", "2026-08", "--format", "json").stdout
    assert (json.loads(told)["status"], json.loads(told)["lines"]) == ("closed", [])
    told = acct(folder, "report", "-w", "zoo", "--month", "2026-09", "--format", "json").stdout
    assert json.loads(told)["total"]["amount"] == "2.00"
    acct(folder, "verify")


def test_a_card_that_changes_a_closed_month_must_say_so(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    (folder / "dearer.toml").write_text(CARD.replace('price = "1"', 'price = "2"'))
    refused = run("rates", "load", "dearer.toml", cwd=folder)
    assert refused.exit_code == 1
    assert "month 2026-08: is closed, and the rate card would change it" in refused.stderr
    acct(folder, "rates", "load", "dearer.toml", "--retroactive")
    assert corrected(folder, "2026-09") == {("2026-08", "live"): "3.00"}
    assert bill(folder, "2026-09")["total"]["amount"] == "9.00"
    (folder / "later.toml").write_text(
        (folder / "dearer.toml").read_text()
        + '[[rate]]\neffective_from = 2026-10-01\nunit = "GB"\ntiers = [{ price = "0" }]\n'
    )
    acct(folder, "rates", "load", "later.toml")  # changes no closed month
    (folder / "yen.toml").write_text(CARD.replace("USD", "JPY"))
    assert "in USD" in run("rates", "load", "yen.toml", "--retroactive", cwd=folder).stderr
    acct(folder, "verify")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            "UPDATE holdings SET size_bytes = size_bytes + 1",
            "month 2026-08, workspace acme: the line –/container/web/live",
        ),
        ("UPDATE holdings SET valid_from = valid_from + 3600 * 24 * 40", "month 2026-08, workspace acme"),
        ("DELETE FROM events", "month 2026-08, workspace acme: the line"),
        (
            "UPDATE sealed_lines SET byte_seconds = byte_seconds - 1",
            "the sealed lines are not those of the sealed statement",
        ),
        ("UPDATE sealed_statements SET statement = replace(statement, 'final', 'fine') || ' '", "another digest"),
        ("UPDATE rate_cards SET toml = replace(toml, '\"1\"', '\"2\"')", "month 2026-08, workspace acme: the line"),
        ("INSERT INTO blobs SELECT * FROM blobs", "law blobs have one size"),
    ],
)
def test_verify_finds_rows_that_were_changed_by_hand(folder: Path, change: str, named: str) -> None:
    delete_package(folder, "2026-08-31T00:00:00Z")
    acct(folder, "close", "--month", "2026-08", "--yes")
    acct(folder, "verify", "--month", "2026-08")
    with duckdb.connect(str(folder / "acct.duckdb")) as ledger:
        ledger.execute(change)
    found = run("verify", cwd=folder)
    assert found.exit_code == 1
    assert named in found.stderr
    assert "Traceback" not in found.stderr


def test_corrections_are_shown_and_add_up_for_the_eye(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-08", "--yes")
    delete_package(folder, "2026-08-17T00:00:00Z")
    text = acct(folder, "report", "-w", "acme", "--month", "2026-09").stdout
    assert "2 corrections of closed months: -1.45 USD." in text
    shown = {line.split()[0]: line.split()[-2:] for line in text.splitlines() if line.strip()}
    assert shown["total"] == ["3.000", "0.00"]
    assert any(line.split()[-3:] == ["live", "-1.452", "-1.45"] for line in text.splitlines())
    assert "Total with corrections: -1.45 USD" in text
    page = acct(folder, "report", "-w", "acme", "--month", "2026-09", "--format", "html").stdout
    assert "Corrections of closed months" in page
