"""The documents: the handbook that `acct guide` prints, and what README and the pages say of the program."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from tests.readme import COMMANDS, PAGES, README, RELATIONS, ROOT, TABLES, relations_of, written_anew
from tests.support.cli_runner import run
from tests.support.commands_of import commands, parse
from tests.support.demo import MONTH, WORKSPACE

LINKED = [README, *PAGES, ROOT / "accounting/README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def test_every_page_is_listed_with_its_title() -> None:
    listed = run("guide")
    assert (listed.exit_code, listed.stderr) == (0, "")
    lines = [tuple(line.split(maxsplit=1)) for line in listed.stdout.splitlines()]
    assert [name for name, _ in lines] == [page.stem for page in PAGES]
    assert ("rate-cards", "Rate cards") in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_is_printed_as_it_is(page: Path) -> None:
    assert run("guide", page.stem).stdout == page.read_text(encoding="utf-8")


def test_an_unknown_page_is_refused_with_the_names_of_those_there_are() -> None:
    refused = run("guide", "rates")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "page rates" in refused.stderr
    assert "operating, rate-cards, snapshot-files" in refused.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_one_title_at_its_top(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^# .*", prose, re.MULTILINE) == [prose.partition("\n")[0]]


def test_readme_is_short() -> None:
    assert README.stat().st_size <= 7_000


def test_every_command_is_in_the_documents() -> None:
    """In a sentence or an example, not only in the table of all of them."""
    texts = " ".join(page.read_text(encoding="utf-8") for page in (README, *PAGES) if page != COMMANDS)
    said = " ".join(texts.split())
    assert [name for name, _ in commands() if not re.search(rf"\b{name}\b", said)] == []


@pytest.mark.parametrize("document", TABLES, ids=lambda document: document.name)
def test_tables_are_those_that_are_made_now(document: Path) -> None:
    assert written_anew(document) == document.read_text(encoding="utf-8"), "python -m tests.readme"


@pytest.mark.parametrize("query", sorted((ROOT / "queries").rglob("*.sql")), ids=lambda query: query.stem)
def test_every_relation_is_in_the_table(query: Path) -> None:
    assert list(relations_of(query))


def test_rules_that_are_cited_exist() -> None:
    rules = set(re.findall(r"^## (\d+)\. ", RELATIONS.read_text(encoding="utf-8"), re.MULTILINE))
    files = [file for room in ("accounting", "queries", "tests") for file in (ROOT / room).rglob("*")]
    cited = re.compile(r"RULES,[\s#-]+sections?[\s#-]+(\d+)(?:[\s#-]+and[\s#-]+(\d+))?")
    found = set()
    for file in files:
        if file.suffix in (".py", ".sql", ".md") and "node_modules" not in file.parts:
            for numbers in cited.findall(file.read_text(encoding="utf-8")):
                found |= {(str(file.relative_to(ROOT)), number) for number in numbers if number}
    assert len(found) > len(rules)
    assert [citation for citation in sorted(found) if citation[1] not in rules] == []


@pytest.mark.parametrize("document", LINKED, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\((?!https:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", [ROOT / "accounting/README.md", ROOT / "CONTRIBUTING.md"], ids=lambda it: it.name)
def test_files_that_are_named_are_there(document: Path) -> None:
    names = re.findall(r"`(\.?[\w./-]+/[\w.-]*)`", document.read_text(encoding="utf-8"))
    assert len(names) > 10
    assert [name for name in names if not (document.parent / name).exists() and not (ROOT / name).exists()] == []


def examples() -> Iterator[object]:
    """What follows `acct` in each command of the shell blocks of README and of the guide."""
    for page in (README, *PAGES, ROOT / "CONTRIBUTING.md"):
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r" # | (?:&&|\|\||\||;|2?>>?)(?: |$)", line):
                    called = re.match(r"(?:uv run )?acct (.*)", part.strip())
                    if called:
                        yield pytest.param(called[1], id=f"{page.stem}: {called[1]}")


@pytest.mark.parametrize("words", list(examples()))
def test_examples_parse(words: str) -> None:
    if words not in ("--install-completion", "--version"):  # which would be done, not read
        parse(shlex.split(words))


def test_the_parser_of_examples_finds_what_is_wrong() -> None:
    for wrong in ("repot", "report", "report -w acme --formt json", "report -w acme more", "rates compare --month"):
        with pytest.raises(TyperException):
            parse(wrong.split())


def test_readmes_statement_is_that_of_the_demo(demo_ledger: Path) -> None:
    """Line by line; README leaves most of them out."""
    (sample,) = re.findall(r"^```text\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    printed = run("--ledger", demo_ledger, "report", "--workspace", WORKSPACE, "--month", MONTH).stdout.splitlines()
    assert [line for line in sample.splitlines() if line not in printed] == []
