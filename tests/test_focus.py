"""A month as FOCUS rows: what the FinOps Foundation's validator says of it, and what that does not check."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accounting.billing import statement
from accounting.exports import focus
from accounting.exports.focus_files import COLUMNS
from accounting.instants import Month
from accounting.model import Correction, LineKey, Statement
from accounting.text import digits
from tests.support.cli_runner import run
from tests.support.focus_validator import failures
from tests.support.golden import GoldenCase, golden_books, golden_cases
from tests.support.hostile import HOSTILE
from tests.support.model_of_rules import Case, Row, Snapshot, epoch
from tests.support.project import Events, books

MONTH = "2026-10"
CURRENCIES = {"USD": "1", "JPY": "150", "KWD": "0.3"}  # and about what a dollar is in it
NUMBERS = {name for name, kind in COLUMNS.items() if kind in ("cost", "price", "quantity", "whole")}

Export = dict[str, str | None]


def card(currency: str) -> dict[str, Any]:
    """Two rates within the month, with an allowance and three tiers."""
    dollar = Fraction(CURRENCIES[currency])
    prices = [digits(dollar * Fraction(price)) for price in ("0.31", "0.25", "0.125")]
    day = {"effective_from": datetime(2026, 1, 1, tzinfo=UTC).date()}
    rate = {
        "unit": "GB",
        "tiers": [{"up_to": "10", "price": prices[0]}, {"up_to": "40.5", "price": prices[1]}, {"price": prices[2]}],
        "included": {"default": "1", "premium": "7"},
    }
    later = {
        "effective_from": datetime(2026, 10, 12, tzinfo=UTC).date(),
        "unit": "GiB",
        "tiers": [{"price": prices[0]}],
    }
    rule = {"retention_days": 30, "charged": ["live", "repository_deleted"], "share": "workspace"}
    return {"currency": currency, "rule": [day | rule], "rate": [day | rate, later]}


def evidence(currency: str) -> Case:
    """Three packages of one blob, a deleted repository, a plan, deleted packages, names of every format."""
    rows = (
        *(Row("acme", "container", f"team/{name}", "1", "sha256:shared", 10**10) for name in "abc"),
        Row("acme", "container", "team/a", "1", "sha256:a", 41 * 10**9 + 7),
        Row("acme", "npm", "@acme/ui", "1.0", "sha256:ui", 3 * 10**9),
        Row("acme", "maven", "com.acme:core", "2", "sha256:core", 10**9 + 1),
        Row("acme", "npm", "one-byte", "1.0", "sha256:byte", 1),
        Row("globex", "npm", "@acme/ui", "1.0", "sha256:ui", 5 * 10**12),
        Row("initech", "npm", "gone", "1.0", "sha256:gone", 10**9),
    )
    steps = [
        ("2026-09-01", "workspace.plan_changed", "acme", {"plan": "premium"}),
        ("2026-09-01", "package.linked", "acme/container/team/a", {"repository": "widgets"}),
        ("2026-09-01", "package.linked", "acme/npm/@acme/ui", {"repository": "widgets"}),
        ("2026-10-05", "repository.deleted", "acme/widgets", {}),
        ("2026-10-20", "package.deleted", "acme/container/team/b", {}),
        ("2026-09-02", "workspace.deleted", "initech", {}),
        ("2026-09-02", "workspace.created", "empty", {}),
    ]
    events = tuple(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "test",
            "type": f"registry.{verb}",
            "subject": subject,
            "time": f"{day}T00:00:00Z",
            "data": data,
        }
        for number, (day, verb, subject, data) in enumerate(steps)
    )
    taken = [Snapshot("s", f"{day}T00:00:00Z", rows) for day in ("2026-09-01", "2026-11-01")]
    return Case(tuple(taken), events, card(currency), MONTH)


def corrected(bill: Statement) -> Statement:
    """The statement as it is when late evidence has changed closed months."""
    if bill.workspace != "acme":
        return bill
    assert bill.amount_minor is not None
    key = LineKey("widgets", "npm", "@acme/ui", "repository_deleted")
    corrections = (
        Correction(Month(2026, 8), key, -(10**15), -120),
        Correction(Month(2026, 9), key, -1000, -1),
        Correction(Month(2026, 9), LineKey(None, "maven", "com.acme:core", "live"), 2000, 3),
    )
    return replace(bill, corrections=corrections, amount_minor=bill.amount_minor - 118)


def instead(patch: pytest.MonkeyPatch, changed: Callable[[Statement], Statement]) -> None:
    """Let the export find other statements than the ledger's."""

    def as_stated(*asked: Any) -> Callable[[Statement], Statement]:
        output = statement.as_stated(*asked)
        return lambda bill: changed(output(bill))

    patch.setattr(focus, "as_stated", as_stated)


def export(folder: Path, file: str) -> Path:
    """A month of the ledger in a folder, by the command line."""
    written = run("export", "focus", "--month", MONTH, "--output", file, "--focus-version", "1.2", cwd=folder)
    assert (written.exit_code, written.stdout) == (0, ""), written.stderr
    return folder / file


@pytest.fixture(scope="module", params=CURRENCIES)
def exported(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with a month of three workspaces, with corrections, as `month.csv` and `month.parquet`."""
    with books(evidence(request.param)) as these:
        these.ledger.rename(these.folder / "acct.duckdb")
        with pytest.MonkeyPatch.context() as patch:
            instead(patch, corrected)
            export(these.folder, "month.csv")
            export(these.folder, "month.parquet")
        yield these.folder


def rows_of_csv(file: Path) -> list[Export]:
    """Rows as they stand, null where a cell is empty."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(stream)]


def rows_of_parquet(file: Path) -> list[Export]:
    """Rows with every value as its text."""
    return [{name: text(value) for name, value in row.items()} for row in pq.read_table(file).to_pylist()]


def text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return None if value is None else f"{value:f}" if not isinstance(value, str) else value


READERS: dict[str, Callable[[Path], list[Export]]] = {"month.csv": rows_of_csv, "month.parquet": rows_of_parquet}


def number(row: Export, column: str) -> Fraction:
    value = row[column]
    assert value is not None, column
    return Fraction(value)


@pytest.fixture(params=READERS)
def rows(exported: Path, request: pytest.FixtureRequest) -> list[Export]:
    return READERS[request.param](exported / request.param)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("exported", "file"),
    [
        ("USD", "month.csv"),
        pytest.param("USD", "month.parquet", marks=pytest.mark.slow),
        pytest.param("JPY", "month.csv", marks=pytest.mark.slow),
        ("KWD", "month.parquet"),
    ],
    indirect=["exported"],
)
def test_the_validator_of_the_finops_foundation(exported: Path, file: str, tmp_path: Path) -> None:
    assert failures(exported / file, tmp_path) == set()


def test_the_evidence_brings_every_kind_of_row(rows: list[Export]) -> None:
    kinds = Counter((row["ChargeClass"] or row["ChargeCategory"], row["SkuPriceId"]) for row in rows)
    assert set(kinds) == {
        ("Correction", None),
        ("Adjustment", None),
        *(("Usage", f"package-storage-GB-month-{level}") for level in ("included", "not-charged")),
        *(("Usage", f"package-storage-GB-month-tier-{tier}") for tier in (1, 2, 3)),
        *(("Usage", f"package-storage-GiB-month-{level}") for level in ("tier-1", "not-charged")),
    }
    assert kinds["Adjustment", None] == len({row["InvoiceId"] for row in rows}) == 3


def test_products_are_exact(rows: list[Export]) -> None:
    priced = [row for row in rows if row["PricingQuantity"]]
    assert len(priced) > 20
    for row, kind in product(priced, ("Contracted", "List")):
        assert number(row, f"{kind}UnitPrice") * number(row, "PricingQuantity") == number(row, f"{kind}Cost")
        assert number(row, f"{kind}Cost") == number(row, "BilledCost") == number(row, "EffectiveCost")
    assert all(not row["ContractedUnitPrice"] for row in rows if not row["PricingQuantity"])


def test_invoices_add_up_to_what_is_payable(exported: Path, rows: list[Export]) -> None:
    billed: dict[str | None, Fraction] = {}
    for row in rows:
        assert row["InvoiceId"] == f"{MONTH}/{row['BillingAccountId']}"
        billed[row["BillingAccountId"]] = billed.get(row["BillingAccountId"], Fraction(0)) + number(row, "BilledCost")
    assert set(billed) == {"acme", "globex", "initech"}
    for workspace, amount in billed.items():
        assert amount == Fraction(report(exported, str(workspace))["total"]["amount"]) + (
            Fraction(-118, 10 ** minor_digits(exported)) if workspace == "acme" else 0
        )


def report(folder: Path, workspace: str) -> dict[str, Any]:
    """The statement without the corrections, which only the export was given."""
    shown = run("report", "--workspace", workspace, "--month", MONTH, "--format", "json", cwd=folder)
    output: dict[str, Any] = json.loads(shown.stdout)
    return output


def minor_digits(folder: Path) -> int:
    return len(report(folder, "acme")["total"]["amount"].partition(".")[2])


def test_byte_seconds_add_up_to_the_lines(exported: Path, rows: list[Export]) -> None:
    got: Counter[tuple[str | None, ...]] = Counter()
    for row in rows:
        if row["ChargeCategory"] == "Usage" and not row["ChargeClass"]:
            line = (row["BillingAccountId"], row["SubAccountName"], row["ResourceName"], row["x_DeletionState"])
            got[line] += int(row["x_ByteSeconds"] or "")
            assert Fraction(row["ConsumedQuantity"] or "") == Fraction(row["x_ByteSeconds"] or "")
    assert got == {
        (workspace, line["repository"], f"{line['format']}/{line['package']}", line["state"]): int(line["byte_seconds"])
        for workspace in ("acme", "globex", "initech")
        for line in report(exported, workspace)["lines"]
    }


def test_every_row_has_a_key_of_its_own(rows: list[Export]) -> None:
    columns = ("InvoiceId", "ChargeCategory", "ChargeClass", "ChargePeriodStart", "SubAccountId", "ResourceId",
               "x_DeletionState", "SkuPriceId")  # fmt: skip
    assert len({tuple(row[column] for column in columns) for row in rows}) == len(rows)


def test_periods(rows: list[Export]) -> None:
    assert {(row["BillingPeriodStart"], row["BillingPeriodEnd"]) for row in rows} == {
        ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    }
    charged = {
        (row["ChargeClass"], row["PricingUnit"], row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in rows
    }
    assert charged == {
        (None, None, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),  # the rounding
        (None, "GB-Months", "2026-10-01T00:00:00Z", "2026-10-12T00:00:00Z"),
        (None, "GiB-Months", "2026-10-12T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("Correction", None, "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z"),
        ("Correction", None, "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
    }


def test_figures_are_plain_digits(rows: list[Export]) -> None:
    for row, column in product(rows, NUMBERS):
        assert re.fullmatch(r"-?\d+(\.\d+)?", row[column] or "0"), (column, row[column])
        assert "-" not in (row[column] or "") or row["ChargeClass"] or row["ChargeCategory"] == "Adjustment"
    assert not any(row["ConsumedUnit"] for row in rows if not row["ConsumedQuantity"])


def test_both_files_say_the_same(exported: Path) -> None:
    from_csv, from_parquet = (read(exported / file) for file, read in READERS.items())
    assert len(from_csv) == len(from_parquet)
    for ours, theirs in zip(from_csv, from_parquet, strict=True):
        for column in COLUMNS:
            if column in NUMBERS and ours[column]:
                assert number(ours, column) == number(theirs, column)
            else:
                assert ours[column] == theirs[column], column


def test_columns_and_their_types(exported: Path) -> None:
    schema = pq.read_schema(exported / "month.parquet")
    with (exported / "month.csv").open(encoding="utf-8") as stream:
        assert stream.readline().strip().split(",") == schema.names
    ours = [name for name in schema.names if name.startswith("x_")]
    assert schema.names == sorted(set(schema.names) - set(ours)) + ours
    assert ours == ["x_ByteSeconds", "x_DeletionState", "x_PackageUrl"]
    assert len(schema) - len(ours) == 57  # all that FOCUS 1.2 has
    for field in schema:
        assert pa.types.is_decimal128(field.type) == (field.name in NUMBERS), field


def test_packages_go_by_their_urls(rows: list[Export]) -> None:
    urls = {row["ResourceName"]: row["x_PackageUrl"] for row in rows if row["BillingAccountId"] == "acme"}
    assert urls["npm/@acme/ui"] == "pkg:npm/%40acme/ui"
    assert urls["maven/com.acme:core"] == "pkg:maven/com.acme/core"
    assert urls["container/team/a"] == "pkg:oci/a?repository_url=acme/team/a"
    assert {row["ResourceId"] for row in rows if row["ResourceName"] == "npm/@acme/ui"} == {
        "pkg:npm/%40acme/ui?workspace=acme",
        "pkg:npm/%40acme/ui?workspace=globex",
    }


def test_a_closed_month_and_its_corrections(tmp_path: Path) -> None:
    """What is closed is exported as it was sealed; what came to be known since is on the next month's invoice."""
    case = evidence("USD")
    late = {**case.events[4], "id": "late", "time": "2026-09-16T00:00:00Z"}
    assert late["type"] == "registry.package.deleted"
    with books(case) as these:
        ledger = ("--ledger", these.ledger)

        def exported(month: str, name: str) -> Path:
            written = run(*ledger, "export", "focus", "--month", month, "--output", tmp_path / name)
            assert written.exit_code == 0, written.stderr
            return tmp_path / name

        assert run(*ledger, "close", "--month", "2026-09", "--yes").exit_code == 0
        before = exported("2026-09", "before.csv")
        these.take([Events((late,))])
        assert exported("2026-09", "after.csv").read_bytes() == before.read_bytes()
        rows = rows_of_csv(exported("2026-10", "next.csv"))
        output = run(*ledger, "report", "--workspace", "acme", "--month", "2026-10", "--format", "json")
    acme = [row for row in rows if row["BillingAccountId"] == "acme"]
    report = json.loads(output.stdout)
    assert sum(number(row, "BilledCost") for row in acme) == Fraction(report["total"]["amount"])
    assert Counter(
        (row["ChargePeriodStart"], row["SubAccountName"], row["ResourceName"], row["x_DeletionState"],
         row["x_ByteSeconds"], number(row, "BilledCost"))
        for row in acme if row["ChargeClass"] == "Correction"
    ) == Counter(
        (f"{line['month']}-01T00:00:00Z", line["repository"], f"{line['format']}/{line['package']}", line["state"],
         line["byte_seconds"], Fraction(line["amount"]))
        for line in report["corrections"]
    )  # fmt: skip
    assert len(report["corrections"]) > 2


NAMES = [
    *HOSTILE,
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "'",
    "''=x",
    "'=x",
    "a,b",
    'a"b',
    "Upper",
    "upper",
    "a//b",
    "a/",
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a month in which hostile names are workspaces, repositories and packages."""
    events = tuple(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "test",
            "type": "registry.package.linked",
            "subject": f"acme/npm/{name}",
            "time": "2026-09-01T00:00:00Z",
            "data": {"repository": name},
        }
        for number, name in enumerate(NAMES)
        if "/" not in name
    )
    rows = tuple(
        row
        for name in NAMES
        for row in (
            *(Row("acme", kind, name, "1", name, 10**9) for kind in ("container", "npm", "maven")),
            Row(name, "npm", "ui", "1", "sha256:0", 10**9),
        )
    )
    taken = tuple(Snapshot("s", f"{day}T00:00:00Z", rows) for day in ("2026-09-01", "2026-11-01"))
    folder = tmp_path_factory.mktemp("hostile")
    with books(Case(taken, events, card("USD"), MONTH)) as these:
        these.ledger.rename(folder / "acct.duckdb")
    export(folder, "month.csv")
    export(folder, "month.parquet")
    return folder


def test_names_are_no_formulas_in_a_spreadsheet_and_come_back_exactly(hostile: Path) -> None:
    from_csv, from_parquet = (read(hostile / file) for file, read in READERS.items())
    assert {row["BillingAccountId"] for row in from_parquet} == {"acme", *NAMES}
    assert {row["ResourceName"] for row in from_parquet} >= {f"npm/{name}" for name in NAMES}
    assert {row["SubAccountName"] for row in from_parquet} == {None, *(name for name in NAMES if "/" not in name)}
    for ours, theirs in zip(from_csv, from_parquet, strict=True):
        for column, kind in COLUMNS.items():
            cell = ours[column]
            if kind == "text" and cell is not None:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
                assert cell.removeprefix("'") == theirs[column]


def test_no_two_packages_have_one_id(hostile: Path) -> None:
    rows = rows_of_parquet(hostile / "month.parquet")
    named = {(row["BillingAccountId"], row["ResourceName"], row["ResourceId"]) for row in rows if row["ResourceId"]}
    assert len({resource for _, _, resource in named}) == len(named) == 4 * len(NAMES)


def is_final(golden: GoldenCase) -> bool:
    return epoch(golden.expected["covered_until"]) >= Month.parse(golden.expected["month"]).end


# Every third: what a report says of all of them is tested elsewhere, and here that the rows add up to it.
@pytest.mark.parametrize("golden", [case for case in golden_cases()[::3] if is_final(case)], ids=lambda case: case.name)
def test_golden_case(golden: GoldenCase) -> None:
    with golden_books(golden) as these:
        file = these.folder / "month.csv"
        month = golden.expected["month"]
        written = run("--ledger", these.ledger, "export", "focus", "--month", month, "--output", file)
        assert written.exit_code == 0, written.stderr
        rows = rows_of_csv(file)
    for workspace, expected in golden.expected["workspaces"].items():
        of_workspace = [row for row in rows if row["BillingAccountId"] == workspace]
        assert sum(number(row, "BilledCost") for row in of_workspace) == Fraction(expected["amount"])
        assert sum(int(row["x_ByteSeconds"] or 0) for row in of_workspace) == int(expected["byte_seconds"])


@pytest.mark.parametrize("golden", [case for case in golden_cases() if not is_final(case)], ids=lambda case: case.name)
def test_a_month_that_is_not_covered_is_not_exported(golden: GoldenCase) -> None:
    with golden_books(golden) as these:
        (these.folder / "month.csv").write_text("before", encoding="utf-8")
        month = golden.expected["month"]
        refused = run(
            "--ledger", these.ledger, "export", "focus", "--month", month, "--output", these.folder / "month.csv"
        )
        assert refused.exit_code == 3
        assert "is not covered yet: what is known ends with " in refused.stderr
        assert (these.folder / "month.csv").read_text(encoding="utf-8") == "before"


def refused(case: Case, file: str, status: int = 1, **options: str) -> str:
    """What the command says where it refuses to export a case; nothing is written."""
    with books(case) as these:
        out = these.folder / "out"
        out.mkdir()
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        output = run("--ledger", these.ledger, "export", "focus", "--month", MONTH, "--output", out / file, *arguments)
        assert (output.exit_code, output.stdout, list(out.iterdir())) == (status, "", [])
        assert status != 1 or output.stderr.count("\n") == 1
        return output.stderr


def test_refusals() -> None:
    case = evidence("USD")
    assert "does not end in .csv or .parquet" in refused(case, "month.xlsx")
    assert "month 2026-10: has no rates" in refused(replace(case, card=None), "month.csv")
    late = card("USD")
    late["rate"] = late["rate"][1:]
    assert "begins before the rate card's first rate" in refused(replace(case, card=late), "month.csv")
    assert "'1.0' is not" in refused(case, "month.csv", 2, **{"focus-version": "1.0"})


def test_a_price_too_fine_for_parquet() -> None:
    case = evidence("USD")
    fine = card("USD")
    fine["rate"][0]["tiers"] = [{"price": f"1.{'1' * 30}"}]
    case = replace(case, card=fine)
    assert "Export it as CSV" in refused(case, "month.parquet")
    with books(case) as these:
        these.ledger.rename(these.folder / "acct.duckdb")
        rows = rows_of_csv(export(these.folder, "month.csv"))
    assert number(rows[0], "ContractedUnitPrice") * number(rows[0], "PricingQuantity") == number(rows[0], "BilledCost")


def dearer(bill: Statement) -> Statement:
    return replace(bill, amount_minor=(bill.amount_minor or 0) + 2)


def longer(bill: Statement) -> Statement:
    return replace(bill, lines=tuple(replace(line, byte_seconds=line.byte_seconds + 1) for line in bill.lines))


def shorter(bill: Statement) -> Statement:
    return replace(bill, lines=bill.lines[1:])


@pytest.mark.parametrize("changed", [dearer, longer, shorter])
def test_what_does_not_add_up_is_not_exported(
    changed: Callable[[Statement], Statement], monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, changed)
    said = refused(evidence("USD"), "month.csv")
    assert "workspace acme: has a statement of 2026-10 that differs from its usage" in said
