"""The FinOps Foundation's validator; `tests/run` makes an environment for it alone, since it needs Python 3.12."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ENVIRONMENT = Path(__file__).parents[1] / ".venv"
INSTALL = "uv venv --python PYTHON3.12 tests/.venv && uv pip install --python tests/.venv -r tests/focus_validator.txt"

# What this provider supports, by the validator's names: there are no regions, reservations, commitments, exchanges.
CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED",
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
    "MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED",
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
    "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
)
# That an invoice's number is null, and that it is not, are two rules whose conditions no file tells: one always fails.
ALWAYS_FAILS = {"InvoiceId-C-004-C"}


def failures(file: Path, folder: Path) -> set[str]:
    """The rules of FOCUS 1.2 that a file breaks; `folder` takes what the validator writes.

    It exits with 0 whatever it finds, so its report is read, and has to tell of many rules that hold.
    """
    program = ENVIRONMENT / "bin" / "focus-validator"
    if not program.exists():
        pytest.fail(f"focus-validator is missing; install it with: bash tests/run, or {INSTALL}", pytrace=False)
    # It looks for the list of currencies that it ships below the folder it is started in.
    (shipped,) = ENVIRONMENT.glob("lib/python3*/site-packages/focus_validator/rules")
    (folder / "focus_validator" / "rules").mkdir(parents=True, exist_ok=True)
    shutil.copy(shipped / "currency_codes.csv", folder / "focus_validator" / "rules")
    arguments = ["--data-file", str(file), "--validate-version", "1.2", "--block-download"]
    arguments += ["--applicability-criteria", ",".join(CRITERIA)]
    arguments += ["--output-type", "unittest", "--output-destination", str(folder / "junit.xml")]
    ended = subprocess.run([str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    shown = list(ElementTree.parse(folder / "junit.xml").getroot().iter("testcase"))
    failed = {
        case.attrib["name"].split(" ")[0] for case in shown if not {"failure", "error"}.isdisjoint(e.tag for e in case)
    }
    held = [case for case in shown if not len(case)]
    assert len(held) > 250, "the validator checked next to nothing"
    return failed - ALWAYS_FAILS
