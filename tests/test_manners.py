"""What a shell, a terminal and a pipe may expect of every command."""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_runner import run, surroundings
from tests.support.commands_of import commands, parse
from tests.support.demo import MONTH, WORKSPACE, write_demo

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OF_ACME = f"--workspace {WORKSPACE}"
SHOWN = [
    "--help",
    "report --help",
    f"report {OF_ACME} --month {MONTH}",
    f"report {OF_ACME} --month 2026-09..2026-11",
    f"report {OF_ACME} --month 2026-09..2026-11 --by package",
    f"names {OF_ACME} --at 2026-10-16T00:00:00Z",
    f"calendar {OF_ACME}",
    f"advise {OF_ACME}",
    "whatif delete-repository acme/shop",
    f"rates compare --example docker-hub-2025 --month {MONTH}",
    "reconcile",
    "status",
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo writes: configuration, ledger, registry."""
    return write_demo(tmp_path_factory.mktemp("demo")).parent


def on_terminal(program: str, columns: int, cwd: Path, **environment: str) -> str:
    """What a Python program prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {name: value for name, value in surroundings().items() if name not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=cwd, env=kept | {"TERM": "xterm-256color"} | environment, stdin=theirs, stdout=theirs, stderr=theirs,
    ):  # fmt: skip
        os.close(theirs)
        printed = b""
        while part := read(ours):
            printed += part
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    """What is printed next; nothing where the other end is closed, which Linux tells as an error."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize("columns", [80, 120])
def test_everything_fits_the_terminal(demo: Path, columns: int) -> None:
    """Only what has no space in it, a digest say, may be longer than a line; and nothing is coloured."""
    program = f"from accounting.commands import main\nfor words in {SHOWN!r}: main(['--quiet', *words.split()])"
    printed = on_terminal(program, columns, demo)
    assert printed.count("Snapshots cover the time until") >= 5
    assert "\x1b" not in printed
    assert [line for line in printed.splitlines() if len(line) > columns and " " in line.strip()] == []


def test_figures_are_never_folded(demo: Path) -> None:
    narrow = on_terminal("from accounting.commands import main\nmain(['status'])", 60, demo)
    assert "unreachable" in narrow
    assert re.search(r"images +\d+ .* 29 ", narrow)


@pytest.mark.parametrize(
    ("said", "environment", "shown", "coloured"),
    [("", {}, True, True), ("", {"NO_COLOR": "1"}, True, False), ("be_quiet(); ", {}, False, False)],
)
def test_progress(tmp_path: Path, said: str, environment: dict[str, str], shown: bool, coloured: bool) -> None:
    """Once it takes so long that the thread which waits for that has ended."""
    program = (
        "import threading; from accounting.commands.context import be_quiet, showing_progress\n"
        f"{said}\nwith showing_progress('counting'): [each.join() for each in threading.enumerate()[1:]]"
    )
    printed = on_terminal(program, 80, tmp_path, **environment)
    assert ("counting" in printed) == shown
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]m", printed)) == coloured


PRINTING = [
    "--help",
    "rates show",
    "status --format json",
    f"report {OF_ACME} --format pdf",
    f"explain {OF_ACME} --month {MONTH} --format csv",
]


@pytest.mark.parametrize("words", PRINTING)
def test_a_pipe_that_closes_early(demo: Path, words: str) -> None:
    """No reader at all, and one that has seen enough: nothing is told, and a script with pipefail goes on."""
    acct = f"{sys.executable} -m accounting {words}"
    for reader in ("true", "head -1 >&2"):
        ended = in_shell(f"{acct} | {reader}; echo ${{PIPESTATUS[0]}}", demo)
        assert ended.stdout == "0\n"
        assert "Traceback" not in ended.stderr
        assert "Broken pipe" not in ended.stderr


def test_notes_that_nobody_reads_stop_nothing(demo: Path) -> None:
    acct = f"{sys.executable} -m accounting"
    assert in_shell(f"{acct} collect 2>&1 | true; echo ${{PIPESTATUS[0]}}", demo).stdout == "0\n"
    assert in_shell(f"{acct} report --month x 2>&1 | true; echo ${{PIPESTATUS[0]}}", demo).stdout == "2\n"
    assert in_shell(f"{acct} names -w nobody 2>&1 | true; echo ${{PIPESTATUS[0]}}", demo).stdout == "1\n"


def test_standard_output_that_is_full_or_closed(demo: Path) -> None:
    acct = f"{sys.executable} -m accounting"
    for words in ("status", "--help"):
        full = in_shell(f"{acct} {words} > /dev/full", demo)
        assert full.returncode == 1
        assert full.stderr.startswith("acct: standard output: cannot be ")
        assert full.stderr.count("\n") == 1
    closed = in_shell(f"{acct} status >&-", demo)
    assert (closed.returncode, closed.stderr) == (0, "")


def in_shell(line: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=surroundings(), capture_output=True, text=True, check=False
    )


def test_quiet_tells_nothing_but_refusals(demo: Path, tmp_path: Path) -> None:
    assert run("collect", cwd=demo).stderr
    for words in (["--quiet", "collect"], ["collect", "-q"]):
        quiet = run(*words, cwd=demo)
        assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    assert run("collect", cwd=demo).stderr, "it holds for one call"
    (tmp_path / "acct.toml").write_text(
        "".join(f'[[source]]\nname = "{n}"\nlayout = "distribution"\nurl = "file:{n}"\n' for n in ("one", "two"))
    )
    refused = run("collect", "--quiet", cwd=tmp_path)
    assert refused.exit_code == 1
    assert [line[: len("acct: ")] for line in refused.stderr.splitlines()] == ["acct: ", "acct: "]


def options(command: Any) -> dict[str, Any]:
    return {param.opts[0]: param for param in command.params}


def test_formats_are_asked_for_in_one_way() -> None:
    """Text and JSON at least, text by default; beside an --output its ending tells."""
    said = set()
    for _, command in commands():
        known = options(command)
        if "--format" in known:
            context = command.make_context("acct", [], resilient_parsing=True)
            assert known["--format"].display_type(context).startswith("<text|json")
            said.add(("--output" in known, known["--format"].help))
        elif "--output" in known:
            assert known["--output"].required
    assert len(said) == 2


@pytest.mark.parametrize("words", [f"report {OF_ACME}", f"explain {OF_ACME} --month {MONTH}", f"advise {OF_ACME}",
                                   "whatif delete-workspace acme", f"calendar {OF_ACME}"])  # fmt: skip
def test_an_unknown_ending_is_refused(demo: Path, words: str) -> None:
    refused = run(*words.split(), "--output", "bill.docx", cwd=demo)
    assert refused.exit_code == 1
    assert "bill.docx: does not end in one of .txt, .json" in refused.stderr
    assert not (demo / "bill.docx").exists()


def test_endings_tell_the_format(demo: Path, tmp_path: Path) -> None:
    for name in ("bill", "bill.txt", "bill.json", "bill.JSON", "bill.pdf"):
        assert run("report", "--workspace", WORKSPACE, "--output", tmp_path / name, cwd=demo).exit_code == 0
    starts = {file.name: file.read_bytes()[:5] for file in tmp_path.iterdir()}
    assert starts["bill"] == starts["bill.txt"] == b"Works"
    assert starts["bill.json"] == starts["bill.JSON"]
    assert starts["bill.json"].startswith(b"{")
    assert starts["bill.pdf"] == b"%PDF-"


def test_json_of_rates_and_of_verifying(demo: Path) -> None:
    assert '"effective_from": "2025-12-03"' in run("rates", "show", "--format", "json", cwd=demo).stdout
    verified = run("verify", "--format", "json", cwd=demo)
    assert verified.exit_code == 0
    assert '"months": []' in verified.stdout


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda it: it if isinstance(it, str) else "")
def test_every_help_has_an_example_that_parses(name: str, command: Any) -> None:
    shown = run(*name.split()[1:], "--help")
    assert shown.exit_code == 0
    assert "..." not in shown.stdout.partition("\n")[2], "something does not fit into 80 columns"
    (example,) = re.findall(r"Example: acct (.*)", command.help)
    assert f"acct {example}".startswith(name) or hasattr(command, "commands")
    parse(example.split())


@pytest.mark.parametrize(("asked", "same"), [(("-h",), ("--help",)), (("help",), ("--help",)),
                                             (("help", "report"), ("report", "--help")),
                                             (("report", "-h"), ("report", "--help"))])  # fmt: skip
def test_help_is_where_people_look_for_it(asked: tuple[str, ...], same: tuple[str, ...]) -> None:
    assert run(*asked).stdout == run(*same).stdout != ""


def test_a_command_on_its_own_shows_help() -> None:
    for words in ([], ["rates"], ["whatif"]):
        alone = run(*words)
        assert (alone.exit_code, alone.stderr) == (0, "")
        assert alone.stdout == run(*words, "--help").stdout


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ("repot", "Did you mean 'report'"),
        ("rates lod", "Did you mean 'load'"),
        ("report --formt json", "--format"),
        ("report", "Missing option '--workspace'"),
        ("report -w acme --format docx", "'text', 'json'"),
        ("report -w acme --month 2026-1", "Write it as YYYY-MM, such as 2026-10"),
        ("rates load", "Give either FILE or --example NAME."),
        ("--quiet", "Missing command"),
    ],
)
def test_usage_errors(words: str, output: str, tmp_path: Path) -> None:
    wrong = run(*words.split(), cwd=tmp_path)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert output in wrong.stderr
    assert "--help' for help" in wrong.stderr


def test_what_new_users_stumble_over(demo: Path, tmp_path: Path) -> None:
    snapshot = ["--source", "new", "--taken-at", "2026-10-01T00:00:00Z"]
    missing = run("import", "snapshot", "nofile.csv", *snapshot, cwd=tmp_path)
    assert "nofile.csv: cannot be read: No such file or directory. Check its name" in missing.stderr
    (tmp_path / "a.csv").write_text("workspace;format;package;version;digest;size;uploaded_at\n")
    separated = run("import", "snapshot", "a.csv", *snapshot, cwd=tmp_path)
    assert "a.csv: its columns are separated by semicolons. Save it as CSV with commas" in separated.stderr
    early = run("report", "--workspace", WORKSPACE, "--month", "2030-01", cwd=demo).stdout
    assert "2030-01, provisional" in early.splitlines()[0]
    assert "Nothing is known of 2030-01 yet" in early.splitlines()[2]
