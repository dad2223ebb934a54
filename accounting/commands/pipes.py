"""Pipes as files: `<(…)` and standard input can be read only once, but an import reads its file several times."""

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
    """For each path that a user gave, a file: the path itself or, for a pipe, a copy of its content.

    An AcctError from the block names the pipe instead of the copy.
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
    """The name to show for a path that a user gave."""
    return "standard input" if path == _STANDARD_INPUT else str(path)


def _is_pipe(path: Path) -> bool:
    return path == _STANDARD_INPUT or path.is_fifo()


def _copy(path: Path, stem: Path) -> Path:
    """The content of a pipe in a file with the pipe's own suffix, or the suffix that fits the content."""
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
        raise AcctError(shown(path), what, "free some space there, or set TMPDIR to another folder") from error


def _ending(file: Path) -> str:
    """The suffix of a snapshot file with this content."""
    with file.open("rb") as content:
        start = content.read(64 * 1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return ".parquet"
    return ".jsonl" if start.startswith((b"{", b"[")) else ".csv"
