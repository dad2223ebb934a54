"""The statement files of a run: every format of every workspace, made by several processes if that is faster."""

import atexit
import hashlib
import os
import re
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Self

from accounting.errors import AcctError
from accounting.pages.statement_page import StatementPage
from accounting.rendering.statement.formats import FORMATS

_FOLDER = "statements"
_LONGEST_STEM = 80
_PATIENCE_SECONDS = 1.0  # of rendering; a new process needs about as long to start
_MOST_WORKERS = 8  # each takes some 100 MB
_WAITING_PER_WORKER = 4  # pages that wait to be written; they limit the memory, whatever the size of the month


def statement_stems(workspaces: Sequence[str]) -> dict[str, str]:
    """The path of each workspace's files in a run's folder, without the file ending. These names are safe on any system
    and in any URL, and no two workspaces have the same.

    >>> statement_stems(["Ünï corp", "../etc"])
    {'Ünï corp': 'statements/n-corp-5df1c119', '../etc': 'statements/etc-f7f9121f'}
    """
    stems = {workspace: _stem(workspace, 8) for workspace in workspaces}
    taken = Counter(stems.values())  # a name with the same short digest is easy to find: some 100,000 tries
    return {workspace: stem if taken[stem] == 1 else _stem(workspace, 64) for workspace, stem in stems.items()}


def _stem(workspace: str, digits: int) -> str:
    # No dot: the part before it could be the name of a device, and a leading dot would hide the file.
    plain = re.sub(r"[^a-z0-9_]+", "-", workspace.lower()).strip("-")[:_LONGEST_STEM]
    digest = hashlib.sha256(workspace.encode()).hexdigest()[:digits]
    return f"{_FOLDER}/{plain}-{digest}" if plain else f"{_FOLDER}/{digest}"


def file_names(stem: str) -> dict[str, str]:
    """The files of a workspace's statement, by format."""
    return {name: f"{stem}.{'txt' if name == 'text' else name}" for name in FORMATS}


def write_statement(folder: Path, stem: str, page: StatementPage) -> None:
    """A statement in every format."""
    for name, file in file_names(stem).items():
        (folder / file).write_bytes(FORMATS[name](page))


class StatementWriter:
    """Writes statement files into a run's folder. All are written when the `with` block ends.

    Once rendering has taken a second, because of many statements or slow formats, other processes take over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / _FOLDER).mkdir()
        self._spent_seconds = 0.0
        self._workers = min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()

    def write(self, stem: str, page: StatementPage) -> None:
        """Write a statement in every format, now or before the block ends; raises AcctError if that fails."""
        if self._pool is None and self._spent_seconds >= _PATIENCE_SECONDS and self._workers > 1:
            # Not forked: a fork would copy the locks of the ledger's threads, but not the threads.
            self._pool = ProcessPoolExecutor(self._workers, get_context("spawn"), _begin_worker)
        if self._pool is None:
            start = time.perf_counter()
            write_statement(self._folder, stem, page)
            self._spent_seconds += time.perf_counter() - start
            return
        if len(self._waiting) >= self._workers * _WAITING_PER_WORKER:
            _finish(self._waiting.popleft())
        self._waiting.append(self._pool.submit(write_statement, self._folder, stem, page))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        try:
            if error is None:
                for statement in self._waiting:
                    _finish(statement)
        finally:
            self._pool.shutdown(cancel_futures=True)


def _finish(statement: Future[None]) -> None:
    try:
        statement.result()
    except BrokenProcessPool as error:
        raise AcctError("a process that wrote statements", "was ended from outside", "run it again") from error


def _begin_worker() -> None:
    """A worker ends with the run, even if the run is killed. The run reports an interrupt from the keyboard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(os._exit, 0)  # ends before DuckDB's library prints its leaks on standard error
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
