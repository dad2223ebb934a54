"""The monthly run: what is in its folder, that the same evidence gives the same bytes, and that it is there or not."""

import base64
import csv
import hashlib
import json
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import reading
from accounting.monthly import statements as run_statements
from accounting.monthly.run import run as run_month
from accounting.monthly.statements import statement_stems
from accounting.rendering.statement.formats import FORMATS
from tests.support import model_of_rules as model
from tests.support.cli_runner import Result, run, surroundings
from tests.support.closing import CARD, SNAPSHOT
from tests.support.histories import histories
from tests.support.hostile import HOSTILE
from tests.support.laws import tried
from tests.support.markup import Page
from tests.support.model_of_rules import Bill, Case
from tests.support.project import Books, Card, Events, Retire, Step, books, steps_of

ACME = "acme,container,web,1,sha256:web,3000000000,\n"
BETA = "beta,npm,@beta/ui,1,sha256:ui,1000000000,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of two workspaces: acme has 3 GB from August 2026 on, beta 1 GB from September; covered to November."""
    (tmp_path / "rates.toml").write_text(CARD)
    acct(tmp_path, "rates", "load", "rates.toml")
    for month, rows in (("08", ACME), ("09", ACME + BETA), ("11", ACME + BETA)):
        take_snapshot(tmp_path, rows, f"2026-{month}-01T00:00:00Z")
    return tmp_path


def acct(folder: Path, *arguments: object) -> Result:
    ended = run(*arguments, cwd=folder)
    assert ended.exit_code == 0, ended.stderr
    return ended


def take_snapshot(folder: Path, rows: str, at: str) -> None:
    file = folder / f"{at[:10]}.csv"
    file.write_text(SNAPSHOT + rows, encoding="utf-8")
    acct(folder, "import", "snapshot", file.name, "--source", "images", "--taken-at", at)


def run_to(folder: Path, out: str, *options: str, month: str = "2026-10") -> Path:
    acct(folder, "run", "--month", month, "--out", out, *options)
    return folder / out


def content(out: Path) -> dict[str, bytes]:
    """All files of a folder, by their path in it."""
    return {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}


def read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


# What is in the folder


def test_every_workspace_has_what_report_says_in_every_format(folder: Path) -> None:
    out = run_to(folder, "out")
    for workspace in read_json(out / "summary.json")["workspaces"]:
        files = sorted((out / "statements").glob(f"{Path(workspace['statement']).name}.*"))
        assert len(files) == len(FORMATS)
        for file in files:
            kind = "text" if file.suffix == ".txt" else file.suffix[1:]
            wanted = folder / f"wanted{file.suffix}"
            acct(folder, "report", "-w", workspace["workspace"], "--month", "2026-10", "--format", kind,
                 "--output", wanted)  # fmt: skip
            assert file.read_bytes() == wanted.read_bytes()


def test_the_summary_says_the_same_in_each_format(folder: Path) -> None:
    out = run_to(folder, "out", month="2026-09")
    shown = read_json(out / "summary.json")
    assert shown["total"]["amount"] == "4.00"
    assert [(row["workspace"], row["amount"], row["amount_before"], row["change"]) for row in shown["workspaces"]] == [
        ("acme", "3.00", "3.00", "0.00"),
        ("beta", "1.00", "0.00", "1.00"),
    ]
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    of_month = {name: shown[name] for name in ("month", "status", "covered_until", "currency")}
    assert rows == [row | of_month for row in shown["workspaces"]]
    frame = pq.read_table(out / "summary.parquet")
    assert frame["amount"].to_pylist() == [Decimal("3.00"), Decimal("1.00")]
    assert frame["byte_seconds"].to_pylist() == [Decimal(row["byte_seconds"]) for row in rows]
    assert frame.column_names == list(rows[0])


def test_the_manifest_has_every_file_and_all_inputs(folder: Path) -> None:
    acct(folder, "source", "retire", "images", "--at", "2026-11-02T00:00:00Z")
    out = run_to(folder, "out")
    manifest = read_json(out / "manifest.json")
    files = content(out)
    del files["manifest.json"]
    assert {file["path"]: (file["size"], file["sha256"]) for file in manifest["files"]} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()
    }
    (source,) = manifest["inputs"]["sources"]
    assert (source["name"], source["retired_at"]) == ("images", "2026-11-02T00:00:00Z")
    for snapshot in source["snapshots"]:
        imported = (folder / f"{snapshot['taken_at'][:10]}.csv").read_bytes()
        assert snapshot["content_digest"] == hashlib.sha256(imported).hexdigest()
    card = manifest["inputs"]["rate_card"]
    assert (card["toml"], card["sha256"]) == (CARD, hashlib.sha256(CARD.encode()).hexdigest())
    assert manifest["covered_until"] == "2026-11-01T00:00:00Z"
    with (out / "focus.csv").open(encoding="utf-8", newline="") as file:
        assert sum(Decimal(row["BilledCost"]) for row in csv.DictReader(file)) == Decimal("4.00")


def test_other_events_are_other_inputs(folder: Path) -> None:
    before = read_json(run_to(folder, "before") / "manifest.json")["inputs"]["events"]
    event = {"specversion": "1.0", "source": "hub", "id": "1", "time": "2026-12-24T00:00:00Z",
             "type": "registry.workspace.deleted", "subject": "acme"}  # fmt: skip
    (folder / "events.jsonl").write_text(json.dumps(event))
    acct(folder, "import", "events", "events.jsonl")
    after = read_json(run_to(folder, "after") / "manifest.json")["inputs"]["events"]
    assert (before["count"], after["count"]) == (0, 1)
    assert before["sha256"] != after["sha256"]


def test_without_a_rate_card_there_is_usage(tmp_path: Path) -> None:
    for at in ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        take_snapshot(tmp_path, ACME, at)
    out = run_to(tmp_path, "out")
    shown = read_json(out / "summary.json")
    assert (shown["total"]["amount"], shown["total"]["change"]) == (None, None)
    assert shown["total"]["byte_seconds"] == str(3_000_000_000 * 31 * 86_400)
    assert pq.read_table(out / "summary.parquet")["amount"].to_pylist() == [None]
    assert "No rate card is loaded" in (out / "index.html").read_text(encoding="utf-8")
    assert not (out / "focus.csv").exists()


def test_the_first_month_is_compared_with_none(folder: Path) -> None:
    shown = read_json(run_to(folder, "out", month="2026-08") / "summary.json")
    assert shown["total"]["amount"] == "3.00"
    assert shown["total"]["amount_before"] is None


# The index


def test_the_index_links_every_file_and_runs_its_own_script_alone(folder: Path) -> None:
    out = run_to(folder, "out", month="2026-09")
    text = (out / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    links = {
        attribute for tag, attributes in page.tags if tag == "a" for name, attribute in attributes if name == "href"
    }
    assert links == content(out).keys() - {"index.html"}
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert {"4.00 USD", "+1.00", "0.00"} <= set(page.text)
    headers = [dict(attributes) for tag, attributes in page.tags if tag == "th"]
    assert all(header.get("scope") in ("col", "row") for header in headers)


# Names


def test_hostile_names_stay_in_the_folder_and_are_shown_as_they_are(tmp_path: Path) -> None:
    names = [*HOSTILE, "CON", "A", "a", ".htaccess", "..", "é", "e\u0301", "名隲丂", "名只丆"]
    with (tmp_path / "names.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(SNAPSHOT.strip().split(","))
        rows.writerows((name, "npm", "ui", "1", "sha256:0", 5, "") for name in names)
    for at in ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        acct(tmp_path, "import", "snapshot", "names.csv", "--source", "s", "--taken-at", at)
    before = set(tmp_path.iterdir())
    out = run_to(tmp_path, "out")
    assert set(tmp_path.iterdir()) - before == {out}
    files = [file.name for file in (out / "statements").iterdir()]
    assert len(files) == len(names) * len(FORMATS)
    assert all(re.fullmatch(r"[a-z0-9_][a-z0-9_-]{0,150}[.][a-z]+", file) for file in files)
    shown = read_json(out / "summary.json")["workspaces"]
    assert {row["workspace"] for row in shown} == set(names)
    for row in shown:
        assert read_json(out / f"{row['statement']}.json")["workspace"] == row["workspace"]
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        cells = {row["workspace"] for row in csv.DictReader(file)}
    assert "'=cmd|' /C calc'!A0" in cells
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {tag for tag, _ in page.tags} & {"img", "iframe"}
    assert {"<script>alert(1)</script>", "{{ 7 * 7 }}{% raw %}", r"abc\u202egnp.exe"} <= set(page.text)


def test_two_names_never_share_a_file() -> None:
    """These two have the same first 8 digits of a SHA-256, and no letter of a file's name."""
    names = ["名隲丂", "名只丆"]
    assert len({stem[:19] for stem in statement_stems(names).values()}) == 1
    assert len(set(statement_stems(names).values())) == 2


# The same evidence, the same bytes


@tried(3)
@given(histories(), st.data())
def test_the_order_of_imports_changes_no_byte(case: Case, data: st.DataObject) -> None:
    names = data.draw(st.permutations(sorted({snapshot.source for snapshot in case.snapshots})))
    by_source: list[Step] = [snapshot for name in names for snapshot in model.snapshots_of(case, name)]
    shuffled = data.draw(st.permutations(case.events))
    cut = data.draw(st.integers(0, len(shuffled)))
    files: list[Step] = [Events(tuple(shuffled[:cut])), Events(tuple(shuffled[cut:]))]
    rest = [step for step in steps_of(case) if isinstance(step, Card | Retire)]
    first, last = (by_source, files) if data.draw(st.booleans()) else (files, by_source)
    with books(case) as one, books(case, [*first, *last, *rest]) as other:
        assert folder_of(one, case) == folder_of(other, case)


def folder_of(these: Books, case: Case) -> dict[str, bytes] | None:
    """What a run writes; None where it refuses, and then the model does."""
    out = these.folder / "out"
    with reading(these.ledger) as ledger:
        try:
            run_month(ledger, Month.parse(case.month), out, True, lambda progress: None)
        except AcctError:
            assert not any(isinstance(bill, Bill) for bill in model.bills(case).values())
            return None
    written = content(out)
    shown = {row["workspace"]: row for row in json.loads(written["summary.json"])["workspaces"]}
    for workspace, bill in model.bills(case).items():
        assert isinstance(bill, Bill)
        assert shown[workspace]["amount"] == bill.amount
        assert shown[workspace]["byte_seconds"] == str(bill.byte_seconds)
    return written


def test_other_processes_write_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = content(run_to(folder, "alone"))
    monkeypatch.setattr(run_statements, "_PATIENCE_SECONDS", 0)
    assert content(run_to(folder, "together")) == alone


def test_a_closed_month_never_changes(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-09", "--yes")
    acct(folder, "close", "--month", "2026-10", "--yes")
    september, october = (content(run_to(folder, month, month=f"2026-{month}")) for month in ("09", "10"))
    assert json.loads(october["manifest.json"])["status"] == "closed"
    event = {"specversion": "1.0", "source": "hub", "id": "1", "time": "2026-08-15T00:00:00Z",
             "type": "registry.package.deleted", "subject": "acme/container/web"}  # fmt: skip
    (folder / "late.jsonl").write_text(
        json.dumps(event) + "\n" + json.dumps(event | {"id": "2", "subject": "new/npm/x"})
    )
    acct(folder, "import", "events", "late.jsonl")
    take_snapshot(folder, ACME + BETA, "2026-12-01T00:00:00Z")
    run_to(folder, "09", month="2026-09")
    run_to(folder, "10", month="2026-10")
    assert (content(folder / "09"), content(folder / "10")) == (september, october)
    corrected = read_json(run_to(folder, "11", month="2026-11") / "summary.json")["workspaces"][0]
    assert (corrected["workspace"], corrected["amount"], corrected["amount_before"]) == ("acme", "-6.00", "3.00")


def test_the_summary_and_the_index_tell_what_corrections_add(folder: Path) -> None:
    acct(folder, "close", "--month", "2026-09", "--yes")
    before = run_to(folder, "before")
    assert [row["corrections"] for row in read_json(before / "summary.json")["workspaces"]] == ["0.00", "0.00"]
    assert "corrections" not in (before / "index.html").read_text(encoding="utf-8")
    event = {"specversion": "1.0", "source": "hub", "id": "1", "time": "2026-09-01T00:00:00Z",
             "type": "registry.package.deleted", "subject": "acme/container/web"}  # fmt: skip
    (folder / "late.jsonl").write_text(json.dumps(event))
    acct(folder, "import", "events", "late.jsonl")
    out = run_to(folder, "out")
    shown = read_json(out / "summary.json")
    assert [(row["amount"], row["corrections"]) for row in (shown["total"], *shown["workspaces"])] == [
        ("-2.00", "-3.00"),
        ("-3.00", "-3.00"),
        ("1.00", "0.00"),
    ]
    assert pq.read_table(out / "summary.parquet")["corrections"].to_pylist() == [Decimal("-3.00"), Decimal("0.00")]
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    assert "Of which corrections" in page.text
    assert {"-2.00 USD (a credit)", "-2.00 (a credit)", "-3.00 (a credit)", "-3.00", "1.00"} <= set(page.text)


def test_the_summary_has_the_totals_of_the_statements(folder: Path) -> None:
    """In each of its formats, where a source that comes late adds byte-seconds to a closed month, too."""
    acct(folder, "close", "--month", "2026-09", "--yes")
    (folder / "late.csv").write_text(SNAPSHOT + "acme,npm,late,1,sha256:late,5000000000,\n")
    for at in ("2026-09-16T00:00:00Z", "2026-11-01T00:00:00Z"):
        acct(folder, "import", "snapshot", "late.csv", "--source", "late", "--taken-at", at)
    out = run_to(folder, "out")
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    totals = ("amount", "byte_seconds", "charged_byte_seconds", "included_byte_seconds")
    for each in (
        rows,
        read_json(out / "summary.json")["workspaces"],
        pq.read_table(out / "summary.parquet").to_pylist(),
    ):
        for row in each:
            shown = read_json(out / f"{row['statement']}.json")
            assert {name: str(row[name]) for name in totals} == shown["total"]
            corrections = sum(int(correction["byte_seconds"]) for correction in shown["corrections"])
            assert int(row["corrections_byte_seconds"]) == corrections
    assert [int(row["corrections_byte_seconds"]) for row in rows] == [5_000_000_000 * 15 * 86_400, 0]
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    assert {"8.000", "1.000", "9.000"} <= set(page.text)  # GB-months are those of the month itself


# Whole or not at all


def test_a_month_that_is_not_covered(folder: Path) -> None:
    refused = run("run", "--month", "2026-11", "--out", "out", cwd=folder)
    assert refused.exit_code == 3
    assert "images at 2026-11-01T00:00:00Z" in refused.stderr
    assert not (folder / "out").exists()
    out = run_to(folder, "out", "--provisional", month="2026-11")
    assert not (out / "focus.csv").exists()
    for file, data in content(out).items():
        table_of_nothing = file.endswith(".csv") and data.count(b"\n") == 1  # its rows say it, and there are none
        assert b"rovisional" in data or table_of_nothing, file


@pytest.mark.parametrize("there", [{}, {"notes.txt": "mine"}, {"manifest.json": "{}", "index.html": "another run"}])
def test_a_folder_that_is_there(folder: Path, there: dict[str, str]) -> None:
    out = folder / "out"
    out.mkdir()
    for name, text in there.items():
        (out / name).write_text(text)
    ended = run("run", "--month", "2026-10", "--out", "out", cwd=folder)
    if there:
        assert ended.exit_code == 1
        assert "already exists" in ended.stderr
        assert {name: data.decode() for name, data in content(out).items()} == there
    else:
        assert ended.exit_code == 0
        assert (out / "index.html").exists()
    assert not list(folder.glob(".out.*"))


def test_running_twice_changes_nothing(folder: Path) -> None:
    out = run_to(folder, "deep/out")
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    run_to(folder, "deep/out")
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*")} == before
    (out / "index.html").write_text("changed by hand")
    refused = run("run", "--month", "2026-10", "--out", "deep/out", cwd=folder)
    assert refused.exit_code == 1
    assert "index.html" in refused.stderr


def no_room(_: object) -> bytes:
    raise OSError(28, "No space left on device")


def no_font(_: object) -> bytes:
    raise AcctError("workspace acme", "has a name that no font can show", "add one")


@pytest.mark.parametrize(("failing", "shown"), [(no_room, "No space left on device"), (no_font, "no font can show")])
def test_a_run_that_fails_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: Callable[[object], bytes], shown: str
) -> None:
    before = set(folder.iterdir())
    monkeypatch.setitem(FORMATS, next(iter(FORMATS)), failing)
    failed = run("run", "--month", "2026-10", "--out", "deep/out", cwd=folder)
    assert failed.exit_code == 1
    assert shown in failed.stderr
    assert set(folder.iterdir()) == before


def test_a_refusal_comes_whole_out_of_another_process() -> None:
    refusal = AcctError("workspace acme", "has a name that no font can show", "add one")
    assert vars(pickle.loads(pickle.dumps(refusal))) == vars(refusal)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_leaves_nothing(folder: Path, number: signal.Signals, status: int) -> None:
    take_snapshot(folder, "".join(f"w{n},npm,ui,1,sha256:0,5,\n" for n in range(1000)), "2026-12-01T00:00:00Z")
    before = set(folder.iterdir())
    command = [sys.executable, "-m", "accounting", "run", "--month", "2026-11", "--out", "out"]
    with subprocess.Popen(command, cwd=folder, env=surroundings(), stderr=subprocess.PIPE, text=True) as running:
        while not list(folder.glob(".out.*/statements/*")):
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(number)
        _, stderr = running.communicate()
    assert running.returncode == status
    assert "Traceback" not in stderr
    assert set(folder.iterdir()) == before
