"""The rate cards that ship: each loads, and gives what its vendor's published examples come to.

Where a vendor's own figure is wrong, or is rounded in the vendor's way, the test says so.
"""

import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from accounting.instants import Month, format_instant
from accounting.rates.example_cards import example_names, example_text
from accounting.rates.ratecard import parse_card
from tests.support.cli_runner import run

GITHUB, DOCKER, AMAZON, GOOGLE = (
    "github-packages-2025",
    "docker-hub-2025",
    "amazon-ecr-private-2026",
    "google-artifact-registry-2020",
)
COLUMNS = "workspace,format,package,version,digest,size,uploaded_at\n"


def billed(folder: Path, example: str, month: str, added: dict[int, str], plan: str | None = None) -> dict[str, Any]:
    """The month's statement under an example's card, where so many GB were added on these days and all were kept."""
    of = Month.parse(month)
    rows = {
        day: f"acme,npm,ui,{day},sha256:{day},{int(Decimal(gigabytes) * 10**9)},"
        f"{format_instant(of.start + (day - 1) * 86_400)}\n"
        for day, gigabytes in added.items()
    }
    for taken_at, held in ((of.start, [rows[day] for day in rows if day == 1]), (of.end, list(rows.values()))):
        (folder / "stored.csv").write_text(COLUMNS + "".join(held), encoding="utf-8")
        done("import", "snapshot", "stored.csv", "--source", "s", "--taken-at", format_instant(taken_at), cwd=folder)
    if plan is not None:
        event = {"specversion": "1.0", "source": "hub", "id": "1", "time": "2020-01-01T00:00:00Z", "subject": "acme"}
        event |= {"type": "registry.workspace.plan_changed", "data": {"plan": plan}}  # type: ignore[dict-item]
        (folder / "plan.jsonl").write_text(json.dumps(event) + "\n", encoding="utf-8")
        done("import", "events", "plan.jsonl", cwd=folder)
    done("rates", "load", "--example", example, cwd=folder)
    statement: dict[str, Any] = json.loads(
        done("report", "--workspace", "acme", "--month", month, "--format", "json", cwd=folder)
    )
    assert statement["status"] == "final"
    return statement


def done(*args: str, cwd: Path) -> str:
    result = run(*args, cwd=cwd)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def gb_hours(statement: dict[str, Any]) -> Fraction:
    return Fraction(int(statement["total"]["byte_seconds"]), 10**9 * 3600)


@pytest.mark.parametrize("name", example_names())
def test_every_example_says_where_its_figures_are_from(name: str) -> None:
    text = example_text(name)
    year = name.rsplit("-", 1)[1]
    card = parse_card(text, name)
    assert [rule.effective_from.year for rule in card.rules] == [int(year)]
    assert [rate.effective_from.year for rate in card.rates] == [int(year)]
    assert re.search(r"^# Sources, .*all read on \d{4}-\d\d-\d\d", text, re.MULTILINE)
    assert all("[1" in line.partition("#")[2] for line in text.splitlines() if line.startswith("tiers"))


def test_every_example_loads(tmp_path: Path) -> None:
    for name in example_names():
        done("rates", "load", "--example", name, cwd=tmp_path)
        assert done("rates", "show", cwd=tmp_path) == example_text(name)


def test_all_examples_are_tested() -> None:
    assert set(example_names()) == {GITHUB, DOCKER, AMAZON, GOOGLE}


def test_github_gb_hours_of_march(tmp_path: Path) -> None:
    """3 GB for 10 days and 12 GB for 21: 720 + 6,048 = 6,768 GB-hours, 9.0967 GB-months.

    The page then rounds to 9.097 GB; a statement bills the exact 6,768 / 744, less the 0.5 GB of a free plan:
    8.5968 × 0.25 = 2.149 USD.
    """
    march = billed(tmp_path, GITHUB, "2026-03", {1: "3", 11: "9"})
    assert gb_hours(march) == 6768
    assert round(gb_hours(march) / 744, 4) == Fraction("9.0968")  # the page has 9.0967, cut off instead of rounded
    assert march["total"]["amount"] == "2.15"


def test_github_estimate_for_april(tmp_path: Path) -> None:
    """Nothing for 5 days, then 0.5 GB for 10 and 3 GB for 15: 1,200 GB-hours, within the 2 GB of a team.

    The page says 1.5 GB in words and reckons with 0.5, and divides by 744 hours, though April has 720: its 1.6
    GB-months are 1.667. Nothing is billed either way.
    """
    april = billed(tmp_path, GITHUB, "2026-04", {6: "0.5", 16: "2.5"}, plan="team")
    assert gb_hours(april) == 1200
    assert gb_hours(april) / 744 == Fraction(50, 31)  # 1.61, the page's 1.6
    assert april["total"]["amount"] == "0.00"


def test_github_overage_of_a_team(tmp_path: Path) -> None:
    """150 GB, of which 148 are over: "approximately $37 USD for a 31-day month", at 0.008 per GB and day 36.70."""
    assert billed(tmp_path, GITHUB, "2026-03", {1: "150"}, plan="team")["total"]["amount"] == "37.00"


def test_github_spending_limit(tmp_path: Path) -> None:
    """A limit of 50 USD pays for 200 GB above the 2 GB of a team, in a month of 31 days."""
    assert billed(tmp_path, GITHUB, "2026-05", {1: "202"}, plan="team")["total"]["amount"] == "50.00"


@pytest.mark.parametrize(
    ("month", "stored", "invoice"),
    [
        ("2026-01", "100", "0.00"),
        ("2026-02", "650", "10.50"),
        ("2026-03", "1800", "91.00"),  # so the text; the table beside it prints 130.00
        ("2026-04", "950", "31.50"),  # so the text; the table beside it prints 45.00
        ("2026-05", "700", "14.00"),  # the last 200 GB of the example with storage paid for in advance
    ],
)
def test_docker_business_plan_with_post_pay(tmp_path: Path, month: str, stored: str, invoice: str) -> None:
    assert billed(tmp_path, DOCKER, month, {1: stored}, plan="business")["total"]["amount"] == invoice


def test_docker_gb_hours(tmp_path: Path) -> None:
    """900 GB-hours in a month of 720 hours are 1.25 GB-months, below what a personal plan includes."""
    april = billed(tmp_path, DOCKER, "2026-04", {1: "1.25"})
    assert gb_hours(april) == 900
    assert april["total"]["amount"] == "0.00"


@pytest.mark.parametrize(
    ("stored", "cost"), [("10", "1.00"), ("250", "25.00"), ("2500", "250.00")], ids=["small", "active", "large"]
)
def test_amazon_storage_scenarios(tmp_path: Path, stored: str, cost: str) -> None:
    """The three storage scenarios of the guide that the card names second; the vendor's own were not at hand."""
    assert billed(tmp_path, AMAZON, "2026-03", {1: stored})["total"]["amount"] == cost


def test_google_has_no_published_example_but_a_bound(tmp_path: Path) -> None:
    """Up to 0.5 GB is free; what lies over it costs 0.10 a GB."""
    assert billed(tmp_path, GOOGLE, "2026-03", {1: "0.5"})["total"]["amount"] == "0.00"


def test_google_above_the_bound(tmp_path: Path) -> None:
    assert billed(tmp_path, GOOGLE, "2026-03", {1: "10.5"})["total"]["amount"] == "1.00"
