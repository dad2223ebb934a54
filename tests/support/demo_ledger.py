"""A plugin of pytest: the demo's ledger, for tests and for the doctests of the package beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import accounting
from tests.support.demo import write_demo


@pytest.fixture(scope="session")
def demo_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger that `acct demo` wrote; nobody writes to it."""
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(autouse=True)
def _demo_in_doctests(
    request: pytest.FixtureRequest, doctest_namespace: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Doctests of `accounting.open` and of what it gives stand beside the demo, and have its ledger open."""
    if not request.node.name.startswith(("accounting.open", "accounting.notebook.reader.")):
        yield
        return
    path: Path = request.getfixturevalue("demo_ledger")
    monkeypatch.chdir(path.parent.parent)
    with accounting.open(path) as ledger:
        doctest_namespace["ledger"] = ledger
        yield
