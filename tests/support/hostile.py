"""Names that no program may obey or fail to show."""

import csv
import json
from pathlib import Path

from tests.support.cli_runner import run

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "[/bold][link=http://example.test]x",
    "a\x1b[31mred\x1b[0m\x07",
    "abc\u202egnp.exe",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "line\nbreak",
    "名前/パッケージ",
    "e\u0301🚀",
    "x" * 300,
    "'; DROP TABLE packages; --",
    "NULL",
    " padded ",
]


def write_hostile(folder: Path) -> Path:
    """A ledger in whose evidence every name is one of these."""
    with (folder / "names.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("workspace", "format", "package", "version", "digest", "size", "uploaded_at"))
        for number, name in enumerate(HOSTILE):
            rows.writerow(("acme", "container", name, name, f"sha256:{number}", 10**12, ""))
            rows.writerow((name, "npm", "ui", "1", "sha256:0", 5, ""))
    events = [
        {
            "specversion": "1.0",
            "source": name,
            "id": f"{number}-{kind}",
            "time": f"2026-10-0{day}T00:00:00Z",
            "type": f"registry.{kind}",
            "subject": subject,
            "data": {"repository": f"slug {number}"},
        }
        for number, name in enumerate(HOSTILE)
        for day, kind, subject in (
            (1, "package.linked", f"acme/container/{name}"),
            (5, "repository.deleted", f"acme/slug {number}"),
        )
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    for taken_at in ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        taken = run("import", "snapshot", "names.csv", "--source", "s", "--taken-at", taken_at, cwd=folder)
        assert taken.exit_code == 0, taken.stderr
    taken = run("import", "events", "events.jsonl", cwd=folder)
    assert taken.exit_code == 0, taken.stderr
    return folder
