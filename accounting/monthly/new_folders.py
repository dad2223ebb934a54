"""A folder that appears whole or not at all."""

import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounting.errors import AcctError

_OTHER = "name another folder, or move this one"


@contextmanager
def appearing_folder(out: Path, known_by: str) -> Iterator[Path]:
    """Give a hidden folder to the block, and put it in the place of `out` when the block ends.

    `out` may already exist if it is empty, or if it holds exactly the bytes that the block writes; then it stays as it
    is. Raises AcctError if it holds anything else (before the block runs, if the file `known_by` is missing from it),
    or if the folder cannot be written. After an error, nothing of the hidden folder is left.
    """
    out = out.resolve()
    if out.is_dir() and any(out.iterdir()) and not (out / known_by).is_file():
        raise AcctError(str(out), "already exists and holds other files", _OTHER)
    try:
        beside = next(folder for folder in out.parents if folder.is_dir())
        work = Path(tempfile.mkdtemp(dir=beside, prefix=f".{out.name[:80]}."))
        try:
            yield work
            if out.is_dir() and any(out.iterdir()):
                _refuse_other(work, out)
            else:
                _publish(work, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise AcctError(str(out), f"cannot be written: {error.strerror or error}", "name another folder") from error


def _publish(work: Path, out: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    work.chmod(0o777 & ~umask)  # mkdtemp allows access only for its owner
    out.parent.mkdir(parents=True, exist_ok=True)
    work.replace(out)


def _refuse_other(work: Path, out: Path) -> None:
    """Refuse a folder that has other files than the new one, or a file with other content."""
    new, old = _files(work), _files(out)
    apart = sorted(new ^ old) or [file for file in sorted(new) if not filecmp.cmp(work / file, out / file, False)]
    if apart:
        raise AcctError(str(out), f"already exists with other content; the first different file is {apart[0]}", _OTHER)


def _files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}
