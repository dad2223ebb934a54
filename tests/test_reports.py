"""Statements show hostile names as what they are, and obey none of them."""

import csv
import io
import json
import re
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from accounting import tables
from accounting.text import visible
from tests.support.cli_runner import run
from tests.support.hostile import HOSTILE, write_hostile
from tests.support.laws import tried
from tests.support.markup import Page, tokens


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hostile(tmp_path_factory.mktemp("hostile"))


def report(folder: Path, format_: str, workspace: str = "acme") -> str:
    shown = run("report", f"--workspace={workspace}", "--month", "2026-10", "--format", format_, cwd=folder)
    assert shown.exit_code == 0, shown.stderr
    return shown.stdout


def test_json_gives_names_back_as_they_are(folder: Path) -> None:
    statement = json.loads(report(folder, "json"))
    assert {line["package"] for line in statement["lines"]} == set(HOSTILE)
    assert {name["name"] for name in statement["held_names"]} == set(HOSTILE)


def recognisable(name: str) -> str:
    """A name as a reader may see it: what does not print, as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


FORMATS = ("text", "html", "md", "csv")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("workspace", HOSTILE)
def test_a_hostile_workspace_has_a_statement_in_every_format(folder: Path, workspace: str, format_: str) -> None:
    output = report(folder, format_, workspace)
    assert all(char.isprintable() or char in "\r\n" for char in output)
    assert recognisable(workspace).strip() in texts(format_, output)


@pytest.mark.parametrize("format_", FORMATS)
def test_hostile_names_are_shown_and_recognised(folder: Path, format_: str) -> None:
    output = report(folder, format_)
    assert all(char.isprintable() or char in "\r\n" for char in output)
    found = texts(format_, output)
    for name in HOSTILE:
        assert recognisable(name).strip() in found, name


def texts(format_: str, output: str) -> set[str]:
    """Every name and word as a reader of the format has them in the end."""
    if format_ == "csv":
        return {cell.removeprefix("'").strip() for row in csv.reader(io.StringIO(output)) for cell in row}
    if format_ == "md":
        return {child.content.strip() for child in tokens(output) if child.type == "code_inline"}
    if format_ == "html":
        return set(Page(output).text)
    words = {cell.strip() for line in output.splitlines() for cell in re.split(r"  +", line)}
    return words | {output.splitlines()[0].removeprefix("Workspace ").removesuffix(", 2026-10, final").strip()}


def test_markdown_is_inert(folder: Path) -> None:
    found = {token.type for token in tokens(report(folder, "md"))}
    assert found <= {
        *(f"{kind}_{end}" for kind in ("heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td")
          for end in ("open", "close")),
        *(f"{kind}_{end}" for kind in ("bullet_list", "list_item", "strong") for end in ("open", "close")),
        "inline", "text", "code_inline", "softbreak",
    }  # fmt: skip


def test_csv_has_every_line_once_with_exact_digits(folder: Path) -> None:
    statement = json.loads(report(folder, "json"))
    rows = list(csv.DictReader(io.StringIO(report(folder, "csv"))))
    assert [row["byte_seconds"] for row in rows] == [line["byte_seconds"] for line in statement["lines"]]
    assert all(row["package"][:1] not in tuple("=+-@\t\r") for row in rows)


def test_html_is_inert(folder: Path) -> None:
    page = Page(report(folder, "html"))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "image", "use", "link", "iframe", "a"}
    values = [value or "" for _, attributes in page.tags for name, value in attributes if name != "xmlns"]
    assert not [value for value in values if "http" in value and "w3.org/1999/xlink" not in value]
    assert not [name for _, attributes in page.tags for name, _ in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}{% raw %}" in page.text
    assert r"abc\u202egnp.exe" in page.text
    assert any("default-src 'none'" in (value or "") for _, attributes in page.tags for _, value in attributes)


def test_html_tells_what_columns_and_rows_are(folder: Path) -> None:
    headers = [dict(attributes) for tag, attributes in Page(report(folder, "html")).tags if tag == "th"]
    assert headers
    assert all(header.get("scope") in ("col", "row") for header in headers)


def test_an_error_shows_a_hostile_name_and_obeys_nothing(folder: Path) -> None:
    refused = run("report", "--workspace", "\x1b[31mred", cwd=folder)
    assert refused.exit_code == 1
    assert "\x1b" not in refused.stderr
    assert r"\x1b[31mred" in refused.stderr


def test_a_file_appears_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "bill.html"
    written = run("report", "--workspace", "acme", "--month", "2026-10", "--output", target, cwd=folder)
    assert (written.exit_code, written.stdout) == (0, "")
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    before = target.read_bytes()
    refused = run("report", "--workspace", "nobody", "--output", target, cwd=folder)
    assert refused.exit_code == 1
    assert target.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["bill.html"]


@pytest.mark.parametrize("ending", ["html", "md", "csv", "json"])
def test_the_ending_of_a_file_says_its_format(folder: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"bill.{ending}"
    asked = ("report", "--workspace", "acme", "--month", "2026-10")
    assert run(*asked, "--output", target, cwd=folder).exit_code == 0
    assert target.read_bytes() == run(*asked, "--format", ending, cwd=folder).stdout.encode()


def test_a_range_of_months_is_no_pdf(folder: Path) -> None:
    refused = run("report", "--workspace", "acme", "--month", "2026-09..2026-10", "--format", "pdf", cwd=folder)
    assert refused.exit_code == 2
    assert "pdf is not available for --by or a range of months" in refused.stderr


def test_without_the_libraries_that_draw_a_page_says_so(folder: Path) -> None:
    with mock.patch.dict("sys.modules", {"vl_convert": None}):
        page = report(folder, "html")
    assert "<svg" not in page
    assert "Install acct with its extra `plots`" in page
    assert "<svg" in report(folder, "html")


shown_names = st.lists(
    st.sampled_from([*HOSTILE, "web", "two words", "–", "\u200d", "❤\ufe0f"]) | st.text(), max_size=3
).map(lambda names: visible("".join(names)))
figures = st.integers(-(10**12), 10**12).map("{:,}".format)


@given(
    st.lists(st.tuples(st.just("acme/") | shown_names.map("n{}".format), shown_names, figures, figures), max_size=5),
    st.none() | st.tuples(st.just("total"), st.just(""), figures, figures),
    st.none() | st.integers(20, 120),
)
@tried(200)
def test_a_table_is_what_rich_would_draw(
    rows: list[tuple[str, ...]], total: tuple[str, ...] | None, width: int | None
) -> None:
    """Rich takes half a millisecond a row; where cells are folded, and how wide letters are, is still its word."""
    titles = ("package", "repository", "GB-months now", "then")
    columns = list(zip(titles, *rows, *([total] if total else []), strict=True))
    widths, gap = tables._widths(columns, 2, width or 10_000)
    drawn = Table(box=box.SIMPLE_HEAD, show_footer=total is not None, pad_edge=False, padding=(0, gap - 1, 0, 0))
    for i, title in enumerate(titles):
        footer = Text(total[i]) if total else ""
        justify: JustifyMethod = "right" if i >= 2 else "left"
        drawn.add_column(Text(title), footer, justify=justify, overflow="fold", width=widths[i])
    for row in rows:
        drawn.add_row(*map(Text, row))
    screen = io.StringIO()
    Console(file=screen, width=10_000, color_system=None, legacy_windows=False).print(drawn)
    lines = [line.rstrip() for line in screen.getvalue().split("\n")]
    assert tables.table(titles, rows, 2, total, width) == "\n".join(lines).strip("\n") + "\n"
