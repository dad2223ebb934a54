"""A local folder as a place of objects."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import polars as pl

from accounting.collectors.places.store import OBJECTS, UPLOADS, GoneError, Listing, Noncurrent, Progress, listed
from accounting.errors import AcctError
from accounting.text import counted

PROGRESS_KEYS = 10_000


class Folder:
    """The files of a folder, by their path below it; see collectors.store.Store.

    Symbolic links below the folder are ignored and not followed, so that nothing outside of it is counted.
    """

    def __init__(self, source: str, path: Path) -> None:
        self._source = source
        self._path = path

    def listing(self, progress: Progress) -> Listing:
        """Raises AcctError if the folder, or one in it, is missing or cannot be read."""
        taken_at = int(time.time())
        rows = []
        for row in self._files():
            rows.append(row)
            if len(rows) % PROGRESS_KEYS == 0:
                progress(f"{self._source}: {counted(len(rows), 'key')} listed")
        return listed(taken_at, pl.DataFrame(rows, schema=OBJECTS, orient="row"))

    def read(self, key: str, limit_bytes: int) -> bytes:
        where = f"source {self._source}, key {key}"
        try:
            with (self._path / key).open("rb") as file:
                size_bytes = os.fstat(file.fileno()).st_size
                body = file.read(limit_bytes + 1)
        except FileNotFoundError as error:
            raise GoneError(where, "was deleted after it was listed", "collect again") from error
        except OSError as error:
            raise AcctError(where, f"cannot be read: {error.strerror}", "collect again") from error
        if len(body) > limit_bytes:
            raise AcctError(where, f"is larger than {counted(limit_bytes, 'byte')}", "find out what it is")
        if len(body) != size_bytes:
            raise AcctError(where, "changed while it was read", "collect again")
        return body

    def unfinished_uploads(self, progress: Progress) -> pl.DataFrame:
        """An empty frame: in a folder an upload is a file like any other."""
        return pl.DataFrame(schema=UPLOADS)

    def noncurrent_versions(self, progress: Progress) -> Noncurrent:
        """Always zero: a folder has none."""
        return Noncurrent(0, 0)

    def _files(self) -> Iterator[tuple[str, int, int, str]]:
        """Key, size, modification and content tag of each regular file."""
        top_length = len(os.path.join(self._path, ""))
        # Without onerror, a folder that cannot be read would count as empty.
        for folder, _, names in os.walk(self._path, onerror=self._refuse):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    found = os.lstat(path)
                except FileNotFoundError:  # deleted after its folder was read
                    continue
                except OSError as error:
                    self._refuse(error)
                if stat.S_ISREG(found.st_mode):
                    key = os.fsencode(path[top_length:]).decode(errors="replace")  # a name need not be UTF-8
                    yield key, found.st_size, found.st_mtime_ns // 10**9, f"{found.st_mtime_ns:x}-{found.st_size:x}"

    def _refuse(self, error: OSError) -> NoReturn:
        raise AcctError(
            f"source {self._source}, folder {error.filename}",
            f"cannot be read: {error.strerror}",
            "correct the url or the inventory of the source, or the permissions of the folder",
        ) from error
