"""The notebooks run from top to bottom, say what a report says, and stand in git without their outputs."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.cli_runner import run, surroundings
from tests.support.clock import PATIENCE_SECONDS
from tests.support.demo import MONTH, WORKSPACE

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def figure_of(report: dict[str, Any], notebook: str) -> str:
    """What the cell tagged `figure` shows: the total, or in the second notebook the charge that is explained."""
    if notebook.startswith("2-"):
        amounts = (line["amount"] for line in report["lines"] if line["state"] == "repository_deleted")
        return str(max(amounts, key=Decimal))
    return str(report["total"]["amount"])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_runs_and_says_what_the_report_says(notebook: Path, demo_ledger: Path, tmp_path: Path) -> None:
    """On the ledger of `acct demo` in the folder above, where nothing says otherwise."""
    shutil.copytree(demo_ledger.parent, tmp_path / "acct-demo")
    (tmp_path / "notebooks").mkdir()
    cells = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    where = {"metadata": {"path": str(tmp_path / "notebooks")}}
    client = NotebookClient(cells, startup_timeout=PATIENCE_SECONDS, resources=where)
    client.execute(env=surroundings())
    (figure,) = (cell for cell in cells.cells if "figure" in cell.metadata.get("tags", ()))
    report = run("report", "-w", WORKSPACE, "--month", MONTH, "--format", "json", "--ledger", demo_ledger)
    assert figure.outputs[-1].data["text/plain"] == f"Decimal('{figure_of(json.loads(report.stdout), notebook.name)}')"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_is_stripped_and_opens_ledgers_by_the_api(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")
    assert sum("accounting.open(" in source for source in code) == 1
    imported = [line for source in code for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert [line for line in imported if "accounting" in line] == ["import accounting"]
    assert not any("duckdb" in line for line in imported)
    assert str(Path.home()) not in text
    assert not any(f'"{root}' in source for source in code for root in ("/", "~", "C:"))


def test_there_are_four() -> None:
    assert [notebook.stem.split("-")[0] for notebook in NOTEBOOKS] == ["1", "2", "3", "4"]
