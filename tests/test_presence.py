"""What users see of presence: served sources, digests of another size, losses, uploads after a deletion."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support import closing
from tests.support.cli_runner import Result, run

GB = 1_000_000_000
CARD = closing.CARD.replace('price = "1"', 'price = "0.25"')


class Registry:
    """A ledger in a folder, by the command line; days are those of October 2026."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "rates.toml").write_text(CARD, encoding="utf-8")
        self.acct("rates", "load", "rates.toml")

    def acct(self, *args: object) -> Result:
        result = run(*args, cwd=self.folder)
        assert result.exit_code == 0, (args, result)
        return result

    def snapshot(self, day: int, rows: str, *options: str) -> Result:
        (self.folder / f"{day}.csv").write_text(closing.SNAPSHOT + rows, encoding="utf-8")
        at = f"{date(2026, 9, 30) + timedelta(days=day)}T00:00:00Z"
        return run("import", "snapshot", f"{day}.csv", "--source", "api", "--taken-at", at, *options, cwd=self.folder)

    def events(self, *events: tuple[int, str, str, str | None]) -> Result:
        """Of a day: the type without its prefix, the subject, and the repository where one is named."""
        lines = []
        for number, (day, kind, subject, repository) in enumerate(events):
            event = {
                "specversion": "1.0",
                "source": "hub",
                "id": f"{day}-{number}",
                "time": f"2026-10-{day:02}T00:00:00Z",
                "type": f"registry.{kind}",
                "subject": subject,
            }
            lines.append(json.dumps(event | ({"data": {"repository": repository}} if repository else {})))
        (self.folder / "events.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return self.acct("import", "events", "events.jsonl")

    def total(self) -> tuple[str, str]:
        report = json.loads(self.acct("report", "--workspace", "acme", "--month", "2026-10", "--format", "json").stdout)
        return report["total"]["byte_seconds"], report["total"]["amount"]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


WEB = f"acme,container,web,1,sha256:web,{100 * GB},\n"
API = f"acme,container,api,1,sha256:api,{10 * GB},\n"
LINKED = (1, "package.linked", "acme/container/web", "shop")


def test_what_a_served_source_hides_is_charged_and_said(registry: Registry) -> None:
    """The repository is deleted on the 10th and no snapshot shows its package from then on."""
    for day, rows in ((1, WEB + API), (9, WEB + API), (11, API), (32, API)):
        assert registry.snapshot(day, rows, "--served").exit_code == 0
    registry.events(LINKED, (10, "repository.deleted", "acme/shop", None))
    assert registry.total() == (str(31 * 86_400 * 110 * GB), "27.50")
    status = registry.acct("status").stdout
    assert "Charged, but no longer shown by the registry:" in status
    assert "container/web   api      9 Oct 2026   100.00 GB" in status
    (hidden,) = json.loads(registry.acct("status", "--format", "json").stdout)["hidden_packages"]
    assert (hidden["package"], hidden["last_shown_at"], hidden["bytes"]) == ("web", "2026-10-09T00:00:00Z", 100 * GB)
    text = registry.acct("report", "--workspace", "acme", "--month", "2026-10", "--format", "text").stdout
    assert "CHARGED, BUT NO LONGER SHOWN BY THE REGISTRY" in text


def test_what_is_hidden_is_explained_advised_and_no_version_that_went(registry: Registry) -> None:
    """A bill's line that no snapshot shows has its versions, its savings, and no change of content."""
    for day, rows in ((1, WEB + API), (9, WEB + API), (11, API), (32, API), (63, API)):
        assert registry.snapshot(day, rows, "--served").exit_code == 0
    registry.events(LINKED, (30, "repository.deleted", "acme/shop", None))
    explained = registry.acct("explain", "--workspace", "acme", "--month", "2026-11").stdout
    assert "seen in snapshots of api: first on 1 Oct 2026, last on 9 Oct 2026" not in explained
    assert "container/web" not in explained  # its repository was live when a snapshot showed that it is gone
    registry.events(LINKED, (10, "repository.deleted", "acme/shop", None))
    explained = registry.acct("explain", "--workspace", "acme", "--month", "2026-11").stdout
    hidden = "first on 1 Oct 2026, last on 9 Oct 2026; since then hidden by a deletion"
    assert f"seen in snapshots of api: {hidden}" in explained
    data = json.loads(registry.acct("explain", "--workspace", "acme", "--month", "2026-11", "--format", "json").stdout)
    web = next(line for line in data["lines"] if line["package"] == "web")
    assert web["blobs"][0]["references"][0]["hidden"] is True
    assert "1 version" not in registry.acct("report", "--workspace", "acme", "--month", "2026-10..2026-11").stdout


def test_advice_reaches_what_is_hidden_and_asks_for_a_snapshot_before_a_deletion(registry: Registry) -> None:
    for day, rows in ((1, WEB + API), (9, WEB + API), (11, API)):
        assert registry.snapshot(day, rows, "--served").exit_code == 0
    before = "Take a snapshot of api just before the deletion"
    registry.events(LINKED, (2, "package.linked", "acme/container/api", "other"))
    assert before in registry.acct("whatif", "delete-repository", "acme/other").stdout
    registry.events(LINKED, (10, "repository.deleted", "acme/shop", None))
    advised = registry.acct("advise", "--workspace", "acme").stdout
    assert before in advised
    assert "contents of a deleted repository" in advised
    assert "100.00 GB" in advised


def test_a_source_is_of_one_kind_for_ever(registry: Registry) -> None:
    assert registry.snapshot(1, WEB, "--served").exit_code == 0
    refused = registry.snapshot(2, WEB)
    assert refused.exit_code == 1
    assert "source api: shows what is served, but this snapshot shows what is stored" in refused.stderr
    assert registry.snapshot(2, WEB, "--served").exit_code == 0


def test_another_size_of_a_digest_is_refused_unless_it_is_accepted(registry: Registry) -> None:
    """Then it is another blob; a size that the ledger knows contradicts nothing; one file never has two."""
    whole, cut = f"acme,npm,ui,1,sha256:ui,{GB},\n", "acme,npm,ui,1,sha256:ui,0,\n"
    assert registry.snapshot(1, cut).exit_code == 0
    refused = registry.snapshot(11, whole)
    assert refused.exit_code == 1
    assert "gives sha256:ui of acme the size 1000000000 bytes, but the ledger knows it with 0 bytes" in refused.stderr
    assert "--accept sizes" in refused.stderr
    assert registry.snapshot(11, whole, "--accept", "sizes").exit_code == 0
    assert registry.snapshot(21, cut).exit_code == 0
    assert registry.snapshot(32, whole).exit_code == 0
    assert registry.total()[0] == str(10 * 86_400 * 0)
    both = registry.snapshot(33, whole + cut.replace("ui,1", "ui,2"), "--accept", "sizes")
    assert both.exit_code == 1
    assert "gives sha256:ui two sizes in one workspace, 0 and 1000000000 bytes" in both.stderr
    other = cut.replace(",0,", ",7,")
    both = registry.snapshot(33, whole + other.replace("ui,1", "ui,2"), "--accept", "sizes")
    assert "gives sha256:ui two sizes in one workspace, 7 and 1000000000 bytes" in both.stderr


def test_an_upload_after_the_deletion_is_said_wherever_one_looks(registry: Registry) -> None:
    again = WEB.replace("sha256:web", "sha256:new").replace(",\n", ",2026-10-06T00:00:00Z\n")
    assert registry.snapshot(1, WEB).exit_code == 0
    assert "uploaded again" not in registry.events((4, "package.deleted", "acme/container/web", None)).stderr
    sentence = (
        "acme/container/web was deleted on 4 Oct 2026 and uploaded again on 6 Oct 2026. As a deleted package it is free"
        " of charge. If it exists again, import an event registry.package.created for it with the time"
        " 2026-10-06T00:00:00Z.\n"
    )
    assert sentence in registry.snapshot(7, again).stderr
    assert sentence in registry.snapshot(32, again).stderr
    assert sentence in registry.acct("status").stdout
    report = ("report", "--workspace", "acme", "--month", "2026-10", "--format")
    assert "DELETED, BUT UPLOADED AGAIN" in registry.acct(*report, "text").stdout
    assert registry.total()[1] == "0.00"
    assert "uploaded again" not in registry.events((6, "package.created", "acme/container/web", None)).stderr
    assert "UPLOADED AGAIN" not in registry.acct(*report, "text").stdout
    assert registry.total()[1] == "20.97"  # 100 GB for 26 of 31 days


def test_garbage_of_a_deleted_package_is_no_upload(registry: Registry) -> None:
    """What was there before the deletion stays until it is collected, by whichever version it is named."""
    assert registry.snapshot(1, WEB).exit_code == 0
    registry.events((4, "package.deleted", "acme/container/web", None))
    assert "uploaded again" not in registry.snapshot(7, WEB.replace("web,1,", "web,latest,")).stderr
    moved = WEB.replace("web,1,", "web,latest,") + WEB
    assert "uploaded again" not in registry.snapshot(9, moved).stderr
