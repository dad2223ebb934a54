"""A folder that appears whole or not at all."""

import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounting.errors import AcctError

_OTHER = "name another folder, or move that one away"


@contextmanager
def appearing_folder(out: Path, known_by: str) -> Iterator[Path]:
    """A hidden folder that takes the place of `out` when the block has filled it to its end.

    `out` may be there if it is empty, or if it holds to the byte what the block writes: then it stays as it is. Raises
    AcctError where it holds anything else, at once where the file `known_by` is not in it, and where the folder cannot
    be written. After any error nothing is left of it.
    """
    out = out.resolve()
    if out.is_dir() and any(out.iterdir()) and not (out / known_by).is_file():
        raise AcctError(str(out), "is there already and holds other files", _OTHER)
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
    work.chmod(0o777 & ~umask)  # mkdtemp lets nobody else in
    out.parent.mkdir(parents=True, exist_ok=True)
    work.replace(out)


def _refuse_other(work: Path, out: Path) -> None:
    """Refuse a folder that holds other files than the new one, or others' content in one of them."""
    new, old = _files(work), _files(out)
    apart = sorted(new ^ old) or [file for file in sorted(new) if not filecmp.cmp(work / file, out / file, False)]
    if apart:
        raise AcctError(str(out), f"is there already with other content, in {apart[0]} first", _OTHER)


def _files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}
