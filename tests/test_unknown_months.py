"""A month that ends before the first snapshot of all is unknown: no page, file or frame takes it for a bill."""

import json
import subprocess
from pathlib import Path

import pytest

import accounting
from tests.support.cli_runner import run
from tests.support.demo import WORKSPACE, write_demo

UNKNOWN = "2026-08"  # the demo's first snapshot is one of September
REPORT = ("report", "--workspace", WORKSPACE, "--month")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo")).parent


def test_pages_show_no_amount_and_say_why(demo: Path, tmp_path: Path) -> None:
    """Beside those of a month in which something is known."""
    for month, status, total in ((UNKNOWN, "Unknown", False), ("2026-10", "Final", True)):
        page = tmp_path / "bill"
        for ending in (".html", ".pdf"):
            assert run(*REPORT, month, "--output", page.with_suffix(ending), cwd=demo).exit_code == 0
        html = page.with_suffix(".html").read_text(encoding="utf-8")
        pdf = subprocess.run(["pdftotext", "-raw", page.with_suffix(".pdf"), "-"], capture_output=True, check=True)
        assert f"<strong>{status}</strong>" in html
        assert ('<p class="total">' in html, '<p class="provisional">' in html) == (total, not total)
        for text in (html, " ".join(pdf.stdout.decode().split())):
            assert ("there is no bill" in text) == (not total)
            assert ("7.58 USD" in text) == total


def test_a_range_of_unknown_months_alone_has_no_total(demo: Path) -> None:
    for format_ in ("html", "md"):
        page = run(*REPORT, f"2026-07..{UNKNOWN}", "--format", format_, cwd=demo).stdout
        assert "Unknown: 2026-07, 2026-08, before the first snapshot" in page
        assert "So there is no bill" in page
        assert ('class="total"' in page, "**0.00 USD**" in page) == (False, False)
    months = json.loads(run(*REPORT, f"{UNKNOWN}..2026-10", "--format", "json", cwd=demo).stdout)
    assert [month["status"] for month in months["months"]] == ["unknown", "final", "final"]
    assert (months["trend"]["from"], months["trend"]["to"]) == ("2026-09", "2026-10")


def test_frames_say_that_it_is_unknown(demo: Path) -> None:
    with accounting.open(demo / "acct.duckdb") as ledger:
        assert ledger.statements(UNKNOWN)["status"].to_list() == ["unknown"]
        assert ledger.lines(UNKNOWN).is_empty()
        assert ledger.shared(WORKSPACE, UNKNOWN).is_empty()
        assert ledger.sql("SELECT * FROM usage", WORKSPACE, UNKNOWN).is_empty()
