"""The house rules that a reader relies on: where imports point, where duckdb is, short functions, plain words."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "accounting"
QUERIES = PACKAGE.parent / "queries"
TESTS = Path(__file__).parent
TEST_MODULES = sorted(
    file for place in (".", "cli", "bench", "support", "collectors") for file in (TESTS / place).glob("*.py")
)

# From the ground up: a room, which is a folder or a file, imports only from rooms on lower floors, or from its own.
FLOORS = [
    ("paths", "text", "tables", "waiting"),
    ("errors",),
    ("instants", "toml"),
    ("model",),
    ("rates",),
    ("config", "ledger", "collectors"),
    ("facts", "sample"),
    ("billing",),
    ("closing", "explaining", "reconciling"),
    ("pages",),
    ("analysis", "exports"),
    ("rendering",),
    ("monthly", "notebook"),
    ("commands",),
    ("__main__", "__init__"),
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Beside the modules of the package itself; `accounting`, `reports` and `queries` once all of them are in plain English.
PLAIN_ENGLISH_FOLDERS = ("accounting", "queries", "reports")
WRITTEN = {".py", ".sql", ".j2", ".typ", ".toml"}
IDIOMS = re.compile(
    r"\btold\b|\bmend\b|(?<!there )\bis no (?!longer\b)|\bis none of\b|\bgoes on\b|\band it again\b"
    r"|\bby itself at the instant\b",
    re.IGNORECASE,
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(module: Path) -> Iterator[tuple[str, bool]]:
    """Every module that one imports, and whether the import stands at the top."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        top = node in tree.body
        if isinstance(node, ast.Import):
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield from ((f"{node.module}.{alias.name}", top) for alias in node.names)


def test_every_room_has_its_floor() -> None:
    assert {room(module) for module in modules()} == set(FLOOR)


@pytest.mark.parametrize("module", modules(), ids=lambda module: str(module.relative_to(PACKAGE)))
def test_imports_point_down(module: Path) -> None:
    for name, _ in imports(module):
        parts = name.split(".")
        if parts[0] == "accounting" and parts[1] in FLOOR:
            lower = FLOOR[parts[1]] < FLOOR[room(module)] or parts[1] == room(module)
            assert lower, f"{module.name} imports {name}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: str(module.relative_to(PACKAGE)))
def test_only_the_ledger_imports_duckdb(module: Path) -> None:
    assert room(module) == "ledger" or not any(name.split(".")[0] == "duckdb" for name, _ in imports(module))


@pytest.mark.parametrize("module", modules(), ids=lambda module: str(module.relative_to(PACKAGE)))
def test_modules_say_what_they_are_for_and_functions_are_short(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{module}: no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 70, f"{module}: {node.name} is long"


@pytest.mark.parametrize("folder", PLAIN_ENGLISH_FOLDERS)
def test_texts_and_comments_are_in_plain_english(folder: str) -> None:
    """Without the idioms that were invented here, such as "is no list" for "is not a list"."""
    place = PACKAGE.parent / folder
    found = [
        f"{file.relative_to(PACKAGE.parent)}, line {number}: {line.strip()}"
        for file in sorted(place.rglob("*"))
        if file.suffix in WRITTEN
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if IDIOMS.search(line.replace('"told"', ""))  # a member of JSON
    ]
    assert not found, "\n".join(found)


def test_help_needs_no_heavy_library() -> None:
    heavy = ("duckdb", "polars", "boto3", "pyarrow", "jinja2", "typst", "adbc_driver_manager", "adbc_driver_postgresql")
    program = (
        "import sys\nfrom accounting.commands import main\nassert main(['--help']) == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    assert "report" in ended.stdout


@pytest.mark.parametrize("query", sorted(QUERIES.rglob("*.sql")), ids=lambda query: str(query.relative_to(QUERIES)))
def test_queries_state_their_grain_and_stand_alone(query: Path) -> None:
    text = query.read_text(encoding="utf-8")
    name = re.sub(r"^[0-9]+_", "", query.stem)
    if query.parent.name == "checks":
        assert text.startswith("-- One row per ")
    elif query.stem != "ledger":
        assert text.startswith("-- One row")
        created = [line for line in text.splitlines() if line.startswith("CREATE ")]
        assert len(created) == 1
        assert created[0].split()[-2:] == [name, "AS"]


def test_usage_is_said_in_the_portable_form() -> None:
    """What engines compute differently, or silently wrong, does not stand between the facts and byte-seconds."""
    for query in [
        file for room in ("presence", "lifecycle", "usage") for file in sorted((QUERIES / room).glob("*.sql"))
    ]:
        text = "\n".join(line.split("--")[0] for line in query.read_text(encoding="utf-8").splitlines()).upper()
        for word in (
            " / ",
            "//",
            " DIV ",
            "HUGEINT",
            "ASOF",
            "QUALIFY",
            "TIMESTAMP",
            "EPOCH(",
            "DOUBLE",
            "::",
            "ANTI ",
        ):
            assert word not in text, f"{query.name} uses {word}"


@pytest.mark.parametrize("module", TEST_MODULES, ids=lambda module: str(module.relative_to(TESTS)))
def test_no_test_module_imports_another(module: Path) -> None:
    """What several of them use stands in `support`, or beside the collectors' tests."""
    shared = [name for name, _ in imports(module) if name.startswith("tests.")]
    assert not [name for name in shared if any(part.startswith("test_") for part in name.split(".")[1:-1])]
