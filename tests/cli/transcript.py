"""Transcripts of the command line: files, commands, and what a user sees.

A line `--- NAME` begins a file that lasts until the next such line or command. A line `$ acct …` is a command; below
it stands what it prints, lines of standard error behind `! `, and its exit status as `[1]` where that is not 0.
Lines that begin with `#`, before the first file or command, say what the transcript shows.

`python -m tests.cli.transcript` shows how the transcripts differ from what the commands print now, and with `--force`
writes them anew.
"""

import difflib
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.cli_runner import run

FOLDER = Path(__file__).parent


def play(transcript: Path, folder: Path) -> str:
    """Run a transcript's commands in a folder; gives the transcript as it would have to read.

    After a command that fails the ledger must be what it was before, to the byte.
    """
    played: list[str] = []
    file: Path | None = None
    for line in transcript.read_text(encoding="utf-8").splitlines():
        if line.startswith("--- "):
            file = folder / line[4:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
            played.append(line)
        elif line.startswith("$ acct "):
            file = None
            played += [line, *_run(line, folder)]
        elif file is not None:
            with file.open("a", encoding="utf-8") as out:
                out.write(line + "\n")
            played.append(line)
        elif line.startswith("#") or (not line and played and played[-1].startswith("#")):
            played.append(line)
    return "\n".join(played) + "\n"


def _run(line: str, folder: Path) -> list[str]:
    ledger = folder / "acct.duckdb"
    before = ledger.read_bytes() if ledger.exists() else None
    result = run(*shlex.split(line)[2:], cwd=folder)
    if result.exit_code:
        after = ledger.read_bytes() if ledger.exists() else None
        assert before == after, f"{line}: failed, and yet the ledger has changed"
    printed = result.stdout.rstrip("\n").splitlines()
    noted = [f"! {note}" for note in result.stderr.replace(str(folder), "(here)").rstrip("\n").splitlines()]
    return [*printed, *noted, *([f"[{result.exit_code}]"] if result.exit_code else []), ""]


def main(arguments: Sequence[str]) -> int:
    """1 where transcripts differ and stay as they are."""
    if arguments not in ([], ["--force"]):
        print("usage: python -m tests.cli.transcript [--force]", file=sys.stderr)
        return 2
    differing = False
    for transcript in sorted(FOLDER.glob("*.txt")):
        with tempfile.TemporaryDirectory() as folder:
            before, now = transcript.read_text(encoding="utf-8"), play(transcript, Path(folder))
        lines = (before.splitlines(keepends=True), now.splitlines(keepends=True))
        sys.stdout.writelines(difflib.unified_diff(*lines, transcript.name, f"{transcript.name}, now"))
        differing |= before != now
        if arguments:
            transcript.write_text(now, encoding="utf-8")
    if differing and not arguments:
        print("Nothing was written. Run it again with --force to take these over.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
