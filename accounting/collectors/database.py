"""The workspaces, repositories and packages in a registry's own database: the answer to a query that its owner wrote.

Only PostgreSQL. Credentials are found as by every PostgreSQL client: PGPASSWORD, ~/.pgpass, PGSERVICEFILE, PGUSER.
"""

import os
import re
import time
from dataclasses import dataclass
from typing import Any

import adbc_driver_postgresql.dbapi as postgresql
import polars as pl
import pyarrow as pa
from adbc_driver_manager import Error
from adbc_driver_postgresql import StatementOptions

from accounting.collectors.places.store import Progress
from accounting.errors import AcctError
from accounting.instants import FIRST, LAST, format_instant
from accounting.model import FORMATS, Source

CLOCK_SECONDS = 300
CONNECT_SECONDS = 10
COLUMNS = ("workspace", "repository", "format", "package", "deleted_at")
_TEXTS, _INSTANTS = COLUMNS[:4], ("deleted_at", "created_at")
_QUERY = "correct the query of the source"


@dataclass(frozen=True)
class Answer:
    """The content of a database at `observed_at`, by its own clock in epoch seconds.

    `rows` has the columns of COLUMNS and `created_at`, instants in epoch seconds. A row with a package is a package, a
    row with only a repository is a repository, a row with neither is the workspace.
    """

    source: str
    observed_at: int
    rows: pl.DataFrame


def ask(source: Source, progress: Progress) -> Answer:
    """Run a source's query in a transaction that changes nothing.

    Raises AcctError if the database does not answer, if its clock is more than CLOCK_SECONDS off, or if a column or a
    row does not fit COLUMNS. No error shows a password.
    """
    where = f"source {source.name}"
    progress("querying the database")
    clock, table = _answer(where, source)
    observed_at = int(clock.timestamp())
    if abs(observed_at - time.time()) > CLOCK_SECONDS:
        raise AcctError(
            where,
            f"the database's clock says {format_instant(observed_at)}, but this machine's clock says"
            f" {format_instant(int(time.time()))}",
            "set the clock that is wrong, then collect again",
        )
    return Answer(source.name, observed_at, _checked(where, _typed(where, table)))


def _answer(where: str, source: Source) -> tuple[Any, pa.Table]:
    """The database's clock and the table of the answer, both of one moment."""
    try:
        connection = postgresql.connect(_patient(source.url))
    except Error as error:
        raise AcctError(
            where,
            f"the database cannot be reached: {_said(error)}",
            "check the url, and PGUSER, PGPASSWORD or ~/.pgpass, then collect again",
        ) from None
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT now()")
            (clock,) = cursor.fetchone() or (None,)
            # By default the driver puts the query into COPY (…), which a semicolon or a comment at its end breaks.
            cursor.adbc_statement.set_options(**{StatementOptions.USE_COPY.value: "false"})
            cursor.execute(source.query)
            return clock, cursor.fetch_arrow_table()
    except Error as error:
        raise AcctError(where, f"the query failed: {_said(error)}", _QUERY) from None


def _patient(url: str) -> str:
    """The url with a connection timeout, unless the user has set one: PostgreSQL has none by default."""
    if "connect_timeout=" in url or "PGCONNECT_TIMEOUT" in os.environ:
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={CONNECT_SECONDS}"


def _said(error: Error) -> str:
    """The line of the error that says what is wrong, without the query, which the driver repeats."""
    said = re.sub(r"^[A-Z_]+: (\[libpq\] )?|\nQuery was: .*", "", str(error), flags=re.DOTALL)
    found = re.search(r"ERROR:\s+(.*)", said)
    return (found[1] if found else said.removeprefix("Failed to connect: ")).strip().splitlines()[0].rstrip(". ")


def _typed(where: str, table: pa.Table) -> pl.DataFrame:
    """The columns by name, with instants as epoch seconds; AcctError for a missing, unknown or mistyped column."""
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise AcctError(where, f"the query returns no column {', '.join(missing)}", _QUERY)
    for name in table.column_names:
        if name not in (*COLUMNS, "created_at"):
            hint = f"return only {', '.join(COLUMNS)} and, if it is known, created_at"
            raise AcctError(where, f"the query returns the unknown column {name}", hint)
        if table.column_names.count(name) > 1:
            raise AcctError(where, f"the query returns the column {name} twice", _QUERY)
    columns = {}
    for name in _TEXTS:
        if not pa.types.is_string(table.schema.field(name).type):
            raise AcctError(where, f"the column {name} is not text", f"write it as {name}::text in the query")
        columns[name] = pl.Series(name, table.column(name), pl.String())
    for name in _INSTANTS:
        columns[name] = _instants(where, name, table)
    return pl.DataFrame(columns)


def _instants(where: str, name: str, table: pa.Table) -> pl.Series:
    """Epoch seconds, rounded down; all null if the query does not return the column or returns a bare NULL."""
    column = table.column(name) if name in table.column_names else pa.nulls(table.num_rows)
    if pa.types.is_null(column.type) or (pa.types.is_string(column.type) and column.null_count == len(column)):
        return pl.Series(name, [None] * len(column), pl.Int64())
    if not pa.types.is_timestamp(column.type):
        what = f"the column {name} is not a timestamp"
        raise AcctError(where, what, f"write it as {name}::timestamptz in the query")
    if column.type.tz is None:
        hint = f"write it in the query as {name} AT TIME ZONE 'UTC', or with the time zone that it is in"
        raise AcctError(where, f"the column {name} is a timestamp without time zone", hint)
    # Whole microseconds in 64 bits: division rounds down, before 1970 as well.
    return pl.Series(name, column.cast(pa.int64()), pl.Int64()) // 1_000_000


def _checked(where: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows; AcctError, with the number of the row, if one of them is invalid."""
    text = {name: pl.col(name) for name in _TEXTS}
    problem = pl.coalesce(
        pl.when(text["workspace"].is_null()).then(pl.lit("the workspace is null")),
        *(pl.when(text[name] == "").then(pl.lit(f"the {name} is empty")) for name in _TEXTS),
        *(
            pl.when(text[name].str.contains("/", literal=True)).then(
                pl.format(f"the {name} '{{}}' contains a slash", text[name])
            )
            for name in ("workspace", "repository")
        ),
        pl.when(~text["format"].is_in(FORMATS)).then(
            pl.format(f"the format '{{}}' is not one of {', '.join(FORMATS)}", text["format"])
        ),
        pl.when(text["format"].is_null() & text["package"].is_not_null()).then(
            pl.format("the package '{}' has no format", text["package"])
        ),
        pl.when(text["package"].is_null() & text["format"].is_not_null()).then(
            pl.format("the format '{}' has no package", text["format"])
        ),
        *(
            pl.when(~pl.col(name).is_between(FIRST, LAST)).then(  # infinity is outside, too
                pl.lit(f"{name} is infinite, or not in the years 1 to 9999")
            )
            for name in _INSTANTS
        ),
    )
    bad = rows.with_row_index("row", 1).with_columns(problem=problem).filter(pl.col("problem").is_not_null())
    if not bad.is_empty():
        raise AcctError(f"{where}, row {bad['row'][0]}", bad["problem"][0], _QUERY)
    return rows
