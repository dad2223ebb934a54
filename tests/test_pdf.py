"""Statements as PDF: sound files with the JSON inside, the same each time, and names shown as what they are."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.instants import Month, parse_instant
from accounting.ledger import reading
from accounting.model import HeldName, Line, LineKey
from accounting.pages.statement_page import RepositoryLines, StatementPage, statement_page
from accounting.paths import shipped
from accounting.rendering.statement import fonts
from accounting.rendering.statement import page_pdf as pdf
from tests.support.cli_runner import run, run_today, surroundings
from tests.support.clock import clock_at
from tests.support.hostile import HOSTILE
from tests.support.laws import tried

pytestmark = pytest.mark.servers

NAMES = [
    *HOSTILE,
    "#panic() #read(\"statement.typ\") $x$ *b* _i_ `r` <l> @ref // c",
    "\\u{41} \\#\\",
    "1/" * 100 + " /" * 50 + "-" * 100,
    "com.example.platform:a-very-long-artifact-name-with-many-words",
    "名" * 120,
    "עברית العربية ไทย",
    "e\u0301 日\u0301 \u0301",
    "\u3164\u115f\ufe0f\u200b\u00a0\u3000\ue000",
]  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of the demo: two months, the second of them provisional."""
    folder = tmp_path_factory.mktemp("pdf") / "demo"
    with clock_at(parse_instant("2029-12-20T12:00:00Z")):
        shown = run_today("demo", "--out", folder)
    assert shown.exit_code == 0, shown.stderr
    return folder / "acct.duckdb"


@pytest.fixture(scope="module")
def page(demo: Path) -> StatementPage:
    """The demo's page of its first month; a final one, with something in every section but the corrections."""
    with reading(demo) as ledger:
        latest = statement_page(ledger, "acme")
        return statement_page(ledger, "acme", latest.statement.month.before)


def tool(*arguments: object) -> str:
    ended = subprocess.run([*map(str, arguments)], capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended
    return ended.stdout


def text_of(content: bytes, tmp_path: Path, *options: str) -> str:
    file = tmp_path / "shown.pdf"
    file.write_bytes(content)
    return tool("pdftotext", *options, file, "-")


def unspaced(text: str) -> str:
    return re.sub(r"\s", "", text)


def held(page: StatementPage, names: list[str]) -> StatementPage:
    """The page with these names held, for names are shown there as everywhere."""
    names_held = tuple(HeldName(name, name, page.as_of) for name in names)
    return replace(page, statement=replace(page.statement, held_names=names_held))


def test_the_file_is_sound_tagged_and_archival(demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "acme.pdf"
    written = run("--ledger", demo, "report", "--workspace", "acme", "--output", file)
    assert (written.exit_code, written.stdout) == (0, "")
    tool("qpdf", "--check", file)
    output = tool("pdfinfo", file)
    assert re.search(r"Tagged: +yes", output)
    assert re.search(r"JavaScript: +no", output)
    assert re.search(r"Title: +acme, \d{4}-\d{2}: package storage", output)
    for part in ("<pdfaid:part>3<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<"):
        assert part.encode() in file.read_bytes()
    fonts_of_file = tool("pdffonts", file).splitlines()[2:]
    assert len(fonts_of_file) == 2
    assert all("NotoSans" in font and font.split()[-5:-2] == ["yes", "yes", "yes"] for font in fonts_of_file)


def test_a_screen_reader_finds_headings_tables_and_words_for_the_chart(page: StatementPage, tmp_path: Path) -> None:
    file = tmp_path / "acme.pdf"
    file.write_bytes(pdf.statement_pdf(page))
    structure = tool("pdfinfo", "-struct", file)
    assert structure.count("H1 ") == 1
    assert structure.count("Table") == 8
    assert structure.count("/Scope /Column") == structure.count("TH <") > 30
    assert structure.count("Figure:") == 1
    assert tool("qpdf", "--json", file).count('"/Alt": "u:GB stored on each day') == 1


def test_the_statement_is_attached_as_json(demo: Path, page: StatementPage, tmp_path: Path) -> None:
    file, taken = tmp_path / "acme.pdf", tmp_path / "taken.json"
    report = ["--ledger", demo, "report", "--workspace", "acme", "--month", page.statement.month]
    assert run(*report, "--output", file).exit_code == 0
    tool("pdfdetach", "-save", "1", "-o", taken, file)
    assert taken.read_text(encoding="utf-8") == run(*report, "--format", "json").stdout


def test_the_same_bytes_each_time_and_in_every_process(demo: Path, page: StatementPage) -> None:
    first = pdf.statement_pdf(page)
    assert pdf.statement_pdf(replace(page, explanation="another")) != first
    assert pdf.statement_pdf(page) == first
    program = [sys.executable, "-m", "accounting", "--ledger", str(demo), "report", "--workspace", "acme"]
    program += ["--month", str(page.statement.month), "--format", "pdf"]
    elsewhere = surroundings() | {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "0", "LANG": "C"}
    assert subprocess.run(program, capture_output=True, env=elsewhere, check=True).stdout == first


def test_the_date_is_the_statements_own(page: StatementPage, tmp_path: Path) -> None:
    file = tmp_path / "acme.pdf"
    file.write_bytes(pdf.statement_pdf(page))
    assert re.search(rf"CreationDate: +{page.statement.month.next}-01T00:00:00Z", tool("pdfinfo", "-isodates", file))


def test_everything_that_the_page_says_is_there(page: StatementPage, tmp_path: Path) -> None:
    shown = text_of(pdf.statement_pdf(page), tmp_path, "-layout")
    titles = [
        "day by day",
        "Repositories,",
        "Packages,",
        "still charged",
        "reused",
        "Stored free",
        "Shared",
        "made",
        "Stored by day",
    ]
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)
    assert page.digest in shown
    for line in page.statement.lines:
        assert line.key.package in shown


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_what_it_is_or_as_escapes(page: StatementPage, name: str, tmp_path: Path) -> None:
    shown = text_of(pdf.statement_pdf(held(page, [name])), tmp_path, "-raw")
    assert unspaced(shown).count(unspaced(fonts.drawable(name))) >= 2
    assert all(char.isprintable() or char in "\n\f" for char in shown)


def test_letters_that_no_font_draws_are_escapes() -> None:
    assert fonts.drawable("日本 한글 ñ Ж") == "日本 한글 ñ Ж"
    assert fonts.drawable("🚀ไ") == r"\U0001f680\u0e44"
    assert fonts.drawable("a\x00\x1b[1m\u202e\n") == r"a\x00\x1b[1m\u202e\n"
    assert fonts.drawable("日\u0301") == r"日\u0301"  # the mark is in another font than the letter
    assert fonts.drawable("\u3164\u115f\ufe0f") == r"\u3164\u115f\ufe0f"  # nothing would be seen of them


@given(st.lists(st.text(min_size=1), min_size=30, max_size=60))
@tried(10)
def test_any_name_can_be_set(page: StatementPage, names: list[str]) -> None:
    """PDF/A and PDF/UA allow no box in the place of a letter: typst would refuse to set one."""
    statement = replace(held(page, names).statement, workspace=names[0])
    assert pdf.statement_pdf(replace(page, statement=statement)).startswith(b"%PDF")


def test_every_character_that_is_shown_can_be_set(page: StatementPage) -> None:
    drawn = [chr(code) for code in range(sys.maxunicode) if fonts.drawable(chr(code)) == chr(code)]
    assert len(drawn) > 30_000
    names = ["".join(drawn[i : i + 500]) for i in range(0, len(drawn), 500)]
    assert pdf.statement_pdf(held(page, names)).startswith(b"%PDF")


def test_the_bold_font_draws_what_the_regular_one_does() -> None:
    assert fonts._drawn("NotoSans-Bold.ttf").keys() == fonts._drawn("NotoSans-Regular.ttf").keys()


def test_every_font_has_its_licence_beside_it() -> None:
    folder = shipped("reports") / "fonts"
    licences = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.txt"))
    assert all(font.name in licences for font in folder.glob("*.ttf"))


def with_lines(page: StatementPage, count: int) -> StatementPage:
    """A page of so many lines, a megabyte-month and a cent each."""
    lines = tuple(
        Line(LineKey(f"repository-{i % 50}", "container", f"team-{i % 90}/service-{i:05}", "live"), True, 10**6, 1)
        for i in range(count)
    )
    total = 10**6 * count
    statement = replace(
        page.statement,
        byte_seconds=total,
        charged_byte_seconds=total,
        included_byte_seconds=0,
        amount_minor=count,
        lines=lines,
    )
    return replace(
        page, statement=statement, repositories=(RepositoryLines(None, total, count, lines),), rates=(), free=()
    )


def test_long_tables_say_on_every_page_what_they_are(page: StatementPage, tmp_path: Path) -> None:
    provisional = with_lines(page, 2_000)
    provisional = replace(provisional, statement=replace(provisional.statement, status="provisional"))
    pages = text_of(pdf.statement_pdf(provisional), tmp_path, "-layout").removesuffix("\f").split("\f")
    assert len(pages) > 30
    shown = "".join(pages)
    for line in provisional.statement.lines:
        assert line.key.package in shown
    for number, text in enumerate(pages, start=1):
        assert "PROVISIONAL" in text
        assert f"{number} of {len(pages)}" in text
        if "service-" in text:
            assert re.search(r"Package +Repository +Format +State +GB-months +USD", text)


def test_names_stay_on_the_page(page: StatementPage, tmp_path: Path) -> None:
    """No word reaches beyond the margin, or into the next column."""
    file = tmp_path / "acme.pdf"
    file.write_bytes(pdf.statement_pdf(held(page, [*NAMES, "W" * 300])))
    boxes = re.findall(r'<word xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)"', tool("pdftotext", "-bbox", file, "-"))
    assert boxes
    assert all(float(left) > 50 and float(right) < 596 - 50 for left, right in boxes)


def test_no_row_runs_into_another(page: StatementPage, tmp_path: Path) -> None:
    """Rows are as high as the names in them, also where these were broken into lines, or fill a page and more."""
    file = tmp_path / "acme.pdf"
    names = [*NAMES, "W" * 300, "iW" * 40, "Ж名W/" * 40, "y" * 5_000, "AVAVAV" * 30]
    file.write_bytes(pdf.statement_pdf(held(page, names)))
    word = r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)"'
    for text in tool("pdftotext", "-bbox", file, "-").split("<page ")[1:]:
        boxes = [tuple(map(float, box)) for box in re.findall(word, text)]
        for i, (left, top, right, bottom) in enumerate(boxes):
            for other_left, other_top, other_right, other_bottom in boxes[i + 1 :]:
                beside = other_left >= right - 0.1 or other_right <= left + 0.1
                assert beside or other_top >= bottom - 2 or other_bottom <= top + 2


def test_names_are_broken_behind_their_marks() -> None:
    for name in map(fonts.drawable, NAMES):
        for room in (2.5, 10, 22):
            lines = fonts.broken(name, room)
            assert "".join(lines) == name
            assert all(line and fonts.width(line) <= room for line in lines)
    assert fonts.broken("team/web/core", 6) == ["team/web/", "core"]
    assert fonts.broken("te/" + "m" * 12, 6) == ["te/mmmmm", "mmmmmm", "m"]  # or little would stand on the first line
    assert fonts.broken("ab/\u0301cd", 2) == ["ab/\u0301", "cd"]  # an accent stays with what it is drawn on


def test_a_terminal_is_spared(demo: Path) -> None:
    ours, theirs = os.openpty()
    program = [
        sys.executable,
        "-m",
        "accounting",
        "--ledger",
        str(demo),
        "report",
        "--workspace",
        "acme",
        "--format",
        "pdf",
    ]
    ended = subprocess.run(
        program, stdout=theirs, stderr=subprocess.PIPE, encoding="utf-8", env=surroundings(), check=False
    )
    os.close(theirs)
    os.close(ours)
    assert ended.returncode == 1
    assert "Give a file with --output" in ended.stderr


def test_without_the_extra_there_is_a_sentence(
    demo: Path, page: StatementPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    month = page.statement.month
    pdf._compiler.cache_clear()
    monkeypatch.setitem(sys.modules, "typst", None)
    report = ("report", "--workspace", "acme", "--format", "pdf")
    for command in (report, ("run", "--month", month, "--out", tmp_path / "bills")):
        refused = run("--ledger", demo, *command)
        assert refused.exit_code == 1
        assert "`uv sync --extra pdf`" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_without_charts_the_rest_is_there(page: StatementPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert "There is no chart" in text_of(pdf.statement_pdf(page), tmp_path)


def test_months_of_every_year_have_a_date(page: StatementPage) -> None:
    for month in (Month(1970, 1), Month(9998, 12)):
        assert pdf.statement_pdf(replace(page, as_of=month.end)).startswith(b"%PDF")


def test_json_of_hostile_names_is_attached_whole(page: StatementPage, tmp_path: Path) -> None:
    file, taken = tmp_path / "acme.pdf", tmp_path / "taken.json"
    file.write_bytes(pdf.statement_pdf(held(page, [*NAMES, "\x00"])))
    tool("pdfdetach", "-save", "1", "-o", taken, file)
    held_names = json.loads(taken.read_text(encoding="utf-8"))["held_names"]
    assert [name["name"] for name in held_names] == [*NAMES, "\x00"]
