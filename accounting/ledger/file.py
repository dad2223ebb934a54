"""The ledger as a file: one DuckDB file of facts, published whole and never edited in place.

A writer holds a lock file beside the ledger, works on a copy in one transaction, and at the end replaces the ledger
with it. Readers open the published file and never wait.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import duckdb

from accounting.errors import CHECK_PATH, AcctError
from accounting.ledger.session import first_line
from accounting.ledger.view import Ledger
from accounting.paths import glob_of
from accounting.waiting import Wait

SCHEMA_VERSION = 4
_AGAIN = "try again when that process has ended, or wait longer with --wait SECONDS"
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    # In DuckDB 2.0 the first rewrites WHERE + GROUP BY so that a large sorted table is scanned ten times; the second
    # assumes that sorted sums are no larger than their summands, and fails.
    "disabled_optimizers": "partitioned_execution,compressed_materialization",
}


@contextmanager
def reading(path: Path, before_writing: bool = False) -> Iterator[Ledger]:
    """The published ledger, read-only.

    Raises AcctError if there is none, if it is not a ledger, is newer than this program or is damaged, and if another
    program has it open for writing; with `before_writing`, that program is waited for.
    """
    if not path.exists():
        raise AcctError(f"ledger {path}", "does not exist", "collect or import a snapshot first")
    if before_writing:
        with _unheld(path, Wait()):
            pass
    _check_file(path)
    ledger = _connect(path, path, read_only=True, readable=())
    try:
        with refusing(path):
            _check_schema(ledger)
            yield ledger
    finally:
        ledger.close()


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors in the block into an AcctError that names the ledger."""
    try:
        yield
    except duckdb.Error as error:
        raise AcctError(f"ledger {path}", first_line(error)) from error


@contextmanager
def imagining(path: Path) -> Iterator[Ledger]:
    """An empty ledger in memory; the published one is readable beside it as the schema `published`.

    It is never published and writes no file. Raises AcctError as `reading` does.
    """
    with reading(path):  # for its errors
        pass
    path = path.resolve()
    wal = path.with_name(path.name + ".wal")  # DuckDB checks whether there is one
    ledger = _connect(path, ":memory:", read_only=False, readable=(path, wal))
    try:
        with refusing(path):
            ledger.run(f"ATTACH {_quoted(path)} AS published (READ_ONLY)")
            ledger.define("ledger")
            yield ledger
    finally:
        ledger.close()


@contextmanager
def writing(path: Path, readable: Sequence[Path] = ()) -> Iterator[Ledger]:
    """A copy of the ledger (or a new one), published if the block ends without an error and has changed it.

    `readable` are the files that the block's SQL may read. If another process holds the ledger, that is waited for.
    Raises AcctError as `reading` does, and if the wait takes too long; then, as after any error, the published file is
    unchanged.
    """
    path = path.resolve()
    if not path.parent.is_dir():
        raise AcctError(f"ledger {path}", "its folder does not exist", "create it, or give another --ledger")
    umask = os.umask(0o077)  # only the owner may read the ledger and the files beside it
    work, wait = path.with_name(path.name + ".work"), Wait()
    try:
        with _sole_writer(path, wait):
            _clear(work)
            try:
                with _transaction(path, work, readable, wait) as ledger:
                    yield ledger
                if ledger.changed:
                    _publish(work, path)
            finally:
                _clear(work)
    finally:
        os.umask(umask)


@contextmanager
def _sole_writer(path: Path, wait: Wait) -> Iterator[None]:
    """Hold the lock file beside the ledger, so that there is one writer at a time (on file systems with flock)."""
    try:
        lock = path.with_name(path.name + ".lock").open("a")
    except OSError as error:
        raise _unwritable(path, error) from error

    def free() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    with lock:
        if not wait.until(free, f"another process that writes to {path.name}"):
            raise AcctError(f"ledger {path}", "is locked by another process that writes to it", _AGAIN)
        yield


@contextmanager
def _transaction(path: Path, work: Path, readable: Sequence[Path], wait: Wait) -> Iterator[Ledger]:
    """One transaction on a copy of the ledger, or on a new file with the tables of queries/ledger.sql."""
    exists = path.exists()
    if exists:
        with _unheld(path, wait):
            _check_file(path)
            _copy(path, work)
    ledger = _connect(path, work, read_only=False, readable=readable)
    try:
        if exists:
            _check_schema(ledger)
        ledger.run("BEGIN TRANSACTION")
        if not exists:
            ledger.define("ledger")
            ledger.run("INSERT INTO about VALUES (?)", [SCHEMA_VERSION])
        yield ledger
        ledger.run("COMMIT")
        ledger.run("CHECKPOINT")
    except duckdb.Error as error:
        raise _not_written(path, error) or AcctError(f"ledger {path}", first_line(error)) from error
    finally:
        ledger.close()


@contextmanager
def _unheld(path: Path, wait: Wait) -> Iterator[None]:
    """While the block runs, no other program, such as the duckdb shell, can open the ledger for writing; one that has
    it open is waited for."""
    try:
        published = path.open("rb")
    except OSError as error:
        raise _unreadable_ledger(path, error) from error
    with published:
        if not wait.until(lambda: _shared(published), f"another program that has {path.name} open for writing"):
            raise AcctError(f"ledger {path}", "is open for writing in another process", _AGAIN)
        yield


def _shared(published: BinaryIO) -> bool:
    """Lock a file as DuckDB's readers do; False if a writer has locked it."""
    try:
        fcntl.lockf(published, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _copy(path: Path, work: Path) -> None:
    try:
        shutil.copyfile(path, work)
        work.chmod(path.stat().st_mode & 0o777)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> AcctError:
    return _cannot_be_written(path, error.strerror or str(error))


def _not_written(path: Path, error: duckdb.Error) -> AcctError | None:
    """The refusal for a DuckDB error that a full or failing disk has caused; else None."""
    found = re.search(r'Could not (?:write|create|truncate|fsync|sync)\b.*": (\S.*)', first_line(error))
    return _cannot_be_written(path, found[1]) if found else None


def _cannot_be_written(path: Path, why: str) -> AcctError:
    copy = " or copied" if path.exists() else ""
    what = f"cannot be written{copy}: {why}"
    hint = f"check the space and the permissions in {path.parent}, or give another --ledger"
    return AcctError(f"ledger {path}", what, hint)


def _publish(work: Path, path: Path) -> None:
    try:
        with work.open("rb") as written:
            os.fsync(written.fileno())
        work.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unwritable(path, error) from error


def _clear(work: Path) -> None:
    """Remove a work file and DuckDB's file beside it, also those that a killed writer left."""
    for suffix in ("", ".wal"):
        work.with_name(work.name + suffix).unlink(missing_ok=True)


def _connect(path: Path, file: Path | str, *, read_only: bool, readable: Sequence[Path]) -> Ledger:
    try:
        connection = _attached(Path(file)) if read_only else duckdb.connect(str(file), config=dict(_CONFIG))
    except duckdb.Error as error:
        held = re.search(r"Conflicting lock is held in .*?(PID \d+)", str(error))
        if held:
            raise AcctError(
                f"ledger {path}", f"is locked by another process ({held[1]})", "try again when it has ended"
            ) from None
        what = f"cannot be opened: {first_line(error)}"
        hint = "check its permissions, or restore it from a backup"
        raise _not_written(path, error) or AcctError(f"ledger {path}", what, hint) from error
    ledger = Ledger(connection, path)
    if ledger.rows("SELECT 1 WHERE current_setting('enable_progress_bar')"):
        ledger.run("SET enable_progress_bar = false")  # in a notebook without a progress bar, DuckDB refuses this
    ledger.run("SET TimeZone = 'UTC'")
    ledger.run("SET allowed_paths = $1", [[name for p in readable for name in (str(p.resolve()), glob_of(p))]])
    ledger.run("SET enable_external_access = false")
    ledger.run("SET lock_configuration = true")
    return ledger


def _attached(file: Path) -> duckdb.DuckDBPyConnection:
    """A reader of a ledger. If connected to by path, DuckDB would give all readers of one process the same database:
    the file that the first of them opened, even after it was replaced."""
    connection = duckdb.connect(":memory:", config={**_CONFIG, "temp_directory": f"{file.resolve()}.tmp"})
    connection.execute(f"ATTACH {_quoted(file)} AS ledger (READ_ONLY)")
    connection.execute("USE ledger")
    return connection


def _quoted(file: Path) -> str:
    """A path as an SQL literal; ATTACH takes no parameters."""
    return "'" + str(file).replace("'", "''") + "'"


def _check_file(path: Path) -> None:
    """Refuse files that DuckDB would open although they are not a ledger or lack committed rows."""
    try:
        with path.open("rb") as file:
            magic = file.read(12)[8:]
    except OSError as error:
        raise _unreadable_ledger(path, error) from error
    if magic != b"DUCK":
        raise AcctError(f"ledger {path}", "is not a ledger of acct", "give another --ledger")
    if path.with_name(path.name + ".wal").exists():
        raise AcctError(
            f"ledger {path}",
            "has a .wal file beside it, so another program has written to it",
            "open and close it with that program, or restore the ledger from a backup",
        )


def _unreadable_ledger(path: Path, error: OSError) -> AcctError:
    return AcctError(f"ledger {path}", f"cannot be read: {error.strerror}", CHECK_PATH)


def _check_schema(ledger: Ledger) -> None:
    where = f"ledger {ledger.path}"
    if not ledger.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'about' AND NOT temporary"):
        raise AcctError(where, "is a DuckDB file, but not a ledger of acct", "give another --ledger")
    ((version,),) = ledger.rows("SELECT coalesce(max(schema_version), 0) FROM about")
    if version != SCHEMA_VERSION:
        hint = "use a newer acct" if version > SCHEMA_VERSION else "import its evidence into a new ledger"
        raise AcctError(where, f"has layout {version}, but this acct reads layout {SCHEMA_VERSION}", hint)
