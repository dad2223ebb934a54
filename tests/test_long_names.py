"""A name of any length in a file leads to a message that can be read, with the place and what to do."""

import json
from pathlib import Path

import pytest

from accounting.errors import AcctError
from tests.support.cli_runner import run

LONG = "b" + "a" * 200_000 + "z"
SPACED = "b" + "a " * 100_000 + "z"
HIDDEN = "b" + "\u202e" * 200_000 + "z"
names = pytest.mark.parametrize("name", [LONG, SPACED, HIDDEN], ids=["long", "spaced", "hidden"])
EVENT = {"specversion": "1.0", "source": "hub", "id": "1", "time": "2026-10-01T00:00:00Z",
         "type": "registry.repository.deleted", "subject": "acme/shop"}  # fmt: skip
TAKEN = ("--source", "s", "--taken-at", "2026-10-01T00:00:00Z")


def refusal(*args: object, cwd: Path) -> str:
    ended = run(*args, cwd=cwd)
    assert ended.exit_code == 1
    assert len(ended.stderr) < 2_500
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.isprintable() or ended.stderr[:-1].isprintable()
    return ended.stderr


@names
@pytest.mark.parametrize("member", ["subject", "type", "time", "specversion"])
def test_events(tmp_path: Path, name: str, member: str) -> None:
    value = f"registry.{name}" if member == "type" else name
    (tmp_path / "e.jsonl").write_text(json.dumps(EVENT) + "\n" + json.dumps(EVENT | {member: value}))
    message = refusal("import", "events", "e.jsonl", cwd=tmp_path)
    assert message.startswith("acct: e.jsonl, line 2: the ")
    assert "z'" in message
    assert message.endswith("and import the file again.\n")


@names
def test_the_same_event_twice(tmp_path: Path, name: str) -> None:
    events = [EVENT | {"id": name, "source": name, "subject": subject} for subject in ("acme/a", "acme/b")]
    (tmp_path / "e.jsonl").write_text("\n".join(map(json.dumps, events)))
    assert "is already known with different content" in refusal("import", "events", "e.jsonl", cwd=tmp_path)


@names
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_snapshot(tmp_path: Path, name: str, ending: str) -> None:
    columns = ("workspace", "format", "package", "version", "digest", "size", "uploaded_at")
    rows = [("acme", "npm", name, "1", "d", "5", ""), ("acme", name, "b", "1", "e", "5", "")]
    if ending == "csv":
        text = "\n".join(",".join(row) for row in (columns, *rows))
    else:
        text = "\n".join(json.dumps(dict(zip(columns, row, strict=True))) for row in rows)
    (tmp_path / f"s.{ending}").write_text(text)
    message = refusal("import", "snapshot", f"s.{ending}", *TAKEN, cwd=tmp_path)
    assert message.startswith(f"acct: s.{ending}, line {3 if ending == 'csv' else 2}: the format 'b")
    assert "z' is not one of container, npm, maven. " in message


@names
def test_two_sizes(tmp_path: Path, name: str) -> None:
    head = "workspace,format,package,version,digest,size,uploaded_at\n"
    (tmp_path / "s.csv").write_text(head + f"acme,npm,a,1,{name},5,\nacme,npm,b,1,{name},6,\n")
    message = refusal("import", "snapshot", "s.csv", *TAKEN, cwd=tmp_path)
    assert message.startswith("acct: s.csv: gives b")
    assert "5" in message
    assert "6" in message


@names
def test_links(tmp_path: Path, name: str) -> None:
    rows = f"acme,npm,{name},w\nacme,npm,{name},v\n"
    (tmp_path / "l.csv").write_text("workspace,format,package,repository\n" + rows)
    message = refusal("import", "links", "l.csv", cwd=tmp_path)
    assert message.startswith("acct: l.csv, line 3: links b")
    assert "but another row links it elsewhere" in message


@names
def test_a_header(tmp_path: Path, name: str) -> None:
    (tmp_path / "l.csv").write_text(f"{name};{name}\n")
    assert "separated by semicolons" in refusal("import", "links", "l.csv", cwd=tmp_path)


@pytest.mark.parametrize("name", [LONG, SPACED], ids=["long", "spaced"])
@pytest.mark.parametrize("text", ['"{}" = 1', '[[source]]\nname = "a"\nlayout = "{}"\nurl = "file:x"',
                                  '[[source]]\nname = "a"\nlayout = "maven2"\nworkspace = "w"\nurl = "{}"',
                                  '[[source]]\nname = "{}"\nlayout = "maven2"\nworkspace = "w"\nurl = "file:x"'],
                         ids=["key", "layout", "url", "name"])  # fmt: skip
def test_a_configuration(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "acct.toml").write_text(text.format(name))
    assert "z" in refusal("collect", cwd=tmp_path)


def test_notes_are_readable_too(tmp_path: Path) -> None:
    event = EVENT | {"type": "registry.workspace.plan_changed", "subject": LONG, "data": {"plan": LONG}}
    (tmp_path / "e.jsonl").write_text(json.dumps(event))
    (tmp_path / "rates.toml").write_text(
        'currency = "USD"\n[[rate]]\neffective_from = 2025-12-03\nunit = "GB"\ntiers = [{ price = "1" }]\n'
        'included = { default = "1" }\n[[rule]]\neffective_from = 2025-12-03\nretention_days = 30\n'
        'charged = ["live"]\nshare = "workspace"\n'
    )
    assert run("rates", "load", "rates.toml", cwd=tmp_path).exit_code == 0
    noted = run("import", "events", "e.jsonl", cwd=tmp_path).stderr
    assert "has the plan 'b" in noted
    assert len(noted) < 2_000


def test_both_ends_of_a_path_are_shown() -> None:
    path = f"/data/{'a' * 140}/{'x' * 200}/{'b' * 140}/list.csv"
    message = str(AcctError(path, "cannot be read"))
    assert message.startswith("/data/aaa")
    assert message.endswith("bbb/list.csv: cannot be read.")
    usual = f"/data/{'a' * 200}/list.csv"
    assert str(AcctError(usual, "cannot be read")) == f"{usual}: cannot be read."
