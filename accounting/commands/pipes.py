"""Pipes as files: what comes through `<(…)` or standard input can be read once, and a file is read more often."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from accounting.errors import AcctError

_STANDARD_INPUT = Path("-")


@contextmanager
def as_files(given: Iterable[Path]) -> Iterator[dict[Path, Path]]:
    """For each path that a user gave, a file: the path itself, or a copy of what comes through the pipe that it names.

    A refusal in the block that names a copy names the pipe instead.
    """
    with tempfile.TemporaryDirectory(prefix="acct-") as folder:
        files = {path: _copy(path, Path(folder, str(i))) if _is_pipe(path) else path for i, path in enumerate(given)}
        try:
            yield files
        except AcctError as error:
            parts = [error.where, error.what, error.hint]
            for path, file in files.items():
                if file != path:
                    parts = [part.replace(str(file), shown(path)) for part in parts]
            raise type(error)(*parts) from error


def shown(path: Path) -> str:
    """What to call a path that a user gave."""
    return "standard input" if path == _STANDARD_INPUT else str(path)


def _is_pipe(path: Path) -> bool:
    return path == _STANDARD_INPUT or path.is_fifo()


def _copy(path: Path, stem: Path) -> Path:
    """All that comes through a pipe, in a file with the pipe's own ending, or with that of the kind of its content."""
    try:
        with stem.open("wb") as copy:
            if path == _STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            else:
                with path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, copy)
        return stem.rename(stem.with_suffix(path.suffix or _ending(stem)))
    except OSError as error:
        what = f"cannot be copied to {stem.parent}: {error.strerror}"
        raise AcctError(shown(path), what, "make room there, or set TMPDIR to another folder") from error


def _ending(file: Path) -> str:
    """The ending of a snapshot file with such content."""
    with file.open("rb") as content:
        start = content.read(64 * 1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return ".parquet"
    return ".jsonl" if start.startswith((b"{", b"[")) else ".csv"
