"""SQL over an open ledger: statements, rows, and rows as objects by the names of their columns."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb

from accounting.errors import AcctError
from accounting.paths import shipped

Row = TypeVar("Row")


class Session:
    """A connection to a ledger. `changed` says that a writer has something to publish."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self.path = path
        self.changed = False
        self._record_id: int | None = None

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Execute one statement for its effect."""
        self._connection.execute(sql, list(parameters)).fetchall()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def records(self, cls: type[Row], sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of one query as objects: each column is the argument of its name."""
        result = self._connection.execute(sql, list(parameters))
        names = [column[0] for column in result.description or ()]
        return [cls(**dict(zip(names, row, strict=True))) for row in result.fetchall()]

    def record_id(self) -> int:
        """The number of this transaction among those that recorded facts. Who calls it is about to record some."""
        if self._record_id is None:
            sql = "INSERT INTO records SELECT coalesce(max(record_id), 0) + 1, ? FROM records RETURNING record_id"
            ((self._record_id,),) = self.rows(sql, [int(time.time())])
        self.changed = True
        return self._record_id

    def define(self, name: str) -> None:
        """Execute one file of queries/, named without its ending, such as `merge/10_offered`."""
        self.run((shipped("queries") / f"{name}.sql").read_text(encoding="utf-8"))

    @contextmanager
    def reads(self, file: Path | None) -> Iterator[None]:
        """While SQL reads a user's file, AcctError names the file and the line that fails."""
        try:
            yield
        except duckdb.Error as error:
            if file is None or isinstance(error, duckdb.OutOfMemoryException):
                raise
            raise _unreadable(file, error) from error

    def arrow(self, sql: str) -> Any:
        """The result of one query as an Arrow table."""
        return self._connection.sql(sql).to_arrow_table()

    def register(self, name: str, frame: object) -> None:
        """Make a Polars frame or an Arrow table readable as a view of that name."""
        self._connection.register(name, frame)

    def session(self) -> Self:
        """A reader of the same ledger at the same instant, with temporary relations of its own."""
        session = type(self)(self._connection.cursor(), self.path)
        session.run("USE ledger")
        return session

    def close(self) -> None:
        self._connection.close()


def first_line(error: duckdb.Error) -> str:
    """DuckDB's error message, without its hints."""
    return str(error).strip().splitlines()[0].rstrip(".")


def _unreadable(file: Path, error: duckdb.Error) -> AcctError:
    """DuckDB's error about a CSV, JSON or Parquet file, without its hints, with the line if it names one."""
    text = str(error)
    line = re.search(r"\b(?:on Line:|in line) (\d+)", text)
    lines = [part for part in text.splitlines() if part.strip() and not part.startswith("Original Line")]
    what = lines[1] if line and len(lines) > 1 and "CSV Error" in lines[0] else lines[0]
    what = re.sub(r"^.*? in line \d+: |^[A-Z][A-Za-z ]* Error: ", "", what).strip().rstrip(".")
    where = f"{file}, line {line[1]}" if line else str(file)
    return AcctError(where, f"cannot be read: {what[:200]}", "correct the file and import it again")
