"""CloudEvents in JSON batch format count as the same events one a line; errors name the element or the line."""

import json
from pathlib import Path

import pytest

from tests.support.cli_runner import run

EVENT = {"specversion": "1.0", "source": "hub", "time": "2026-10-01T00:00:00Z", "type": "registry.repository.deleted"}
EVENTS = [EVENT | {"id": str(i), "subject": f"acme/r{i}"} for i in range(3)]
FOREIGN = EVENT | {"id": "f", "type": "com.example.done"}
AGAIN = "is not a JSON object. Correct the element and import the file again."


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\n \t"])
def test_a_batch_is_taken_like_lines(tmp_path: Path, indent: int | None, mark: str) -> None:
    (tmp_path / "e.json").write_text(mark + json.dumps([*EVENTS, FOREIGN], indent=indent) + "\n", encoding="utf-8")
    taken = run("import", "events", "e.json", cwd=tmp_path)
    assert taken.stderr == "e.json: 3 new events, 0 already known, 1 of other types skipped\n"
    (tmp_path / "e.jsonl").write_text("\n".join(map(json.dumps, EVENTS)))
    taken = run("import", "events", "e.jsonl", cwd=tmp_path)
    assert taken.stderr == "e.jsonl: 0 new events, 3 already known, 0 of other types skipped\n"


def test_on_standard_input_and_empty(tmp_path: Path) -> None:
    taken = run("import", "events", "-", cwd=tmp_path, stdin=json.dumps(EVENTS))
    assert taken.stderr == "standard input: 3 new events, 0 already known, 0 of other types skipped\n"
    taken = run("import", "events", "-", cwd=tmp_path, stdin=" []\n")
    assert taken.stderr == "standard input: 0 new events, 0 already known, 0 of other types skipped\n"
    refused = run("import", "events", "-", cwd=tmp_path, stdin="[1]")
    assert refused.stderr == f"acct: standard input, element 1: {AGAIN}\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps([EVENTS[0], EVENTS]), f", element 2: {AGAIN}"),
        (json.dumps([EVENTS]), f", element 1: {AGAIN}"),
        (json.dumps([*EVENTS, None]), f", element 4: {AGAIN}"),
        (
            json.dumps([EVENTS[0], EVENTS[1] | {"time": "now"}]),
            ", element 2: the time 'now' is not an ISO 8601 instant",
        ),
        (
            json.dumps([EVENTS[0], EVENTS[0] | {"subject": "acme/x"}]),
            ", element 2: the event '0' of 'hub' is already known",
        ),
        (json.dumps(EVENTS)[:-1], ": is truncated: its JSON array has no end. Write the file again."),
        (json.dumps(EVENTS)[:-20], ": is truncated: its JSON array has no end"),
        (json.dumps(EVENTS[:1])[:-1] + ",", ": is truncated: its JSON array has no end"),
        ("[", ": is truncated: its JSON array has no end"),
        ("[" * 100_000, ": is truncated: its JSON array has no end"),
        ("[" * 100_000 + "]", ": is not a JSON array: it is nested too deeply"),
        (json.dumps(EVENTS)[:-3] + "]", ", line 1: is not a JSON array: "),
        (
            json.dumps(EVENTS, indent=1).replace('"acme/r1"', ""),
            ", line 17: is not a JSON array: Expecting value (column",
        ),
        ("[{}]\n[{}]", ", line 2: there is more text after the end of the JSON array"),
        ("[{}]]", ", line 1: there is more text after the end of the JSON array"),
        ("[]{}]", ", line 1: there is more text after the end of the JSON array"),
        ("[{},]", ", line 1: is not a JSON array: "),
        (json.dumps(EVENTS[0]) + "\n" + json.dumps(EVENTS), ", line 2: is not a JSON object. Correct the line"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "e.json").write_text(content)
    refused = run("import", "events", "e.json", cwd=tmp_path)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"acct: e.json{message}")
    assert not (tmp_path / "acct.duckdb").exists()


def test_a_batch_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(json.dumps(EVENTS).replace("r1", "é").encode("latin-1"))
    refused = run("import", "events", "e.json", cwd=tmp_path)
    assert refused.stderr.startswith("acct: e.json: is not a JSON array: it is not encoded in UTF-8. Correct the file")


def test_elements_of_a_large_batch_are_numbered_in_order(tmp_path: Path) -> None:
    events = [EVENT | {"id": str(i), "subject": "acme/r"} for i in range(100_000)]
    events[76_543] |= {"subject": ""}
    (tmp_path / "e.json").write_text(json.dumps(events, indent=1))
    assert "acct: e.json, element 76544: " in run("import", "events", "e.json", cwd=tmp_path).stderr
