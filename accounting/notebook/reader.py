"""What `accounting.open` returns: a ledger for reading, with its results as Polars frames.

Every figure comes from the same code as on the command line; nothing is computed here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
from polars import selectors
from polars.exceptions import DuplicateError

from accounting.analysis.comparing import compare
from accounting.billing.statement import query_of, require_workspace, statement, statements
from accounting.billing.usage import coverage
from accounting.errors import AcctError
from accounting.explaining.explaining import explain
from accounting.facts.sources import months_known, source_states
from accounting.instants import Month
from accounting.ledger import Ledger, reading, refusing
from accounting.model import Statement
from accounting.notebook.frames import (
    ExplainedFrames,
    compared_frame,
    explained_frames,
    frame,
    lines_frame,
    shared_frame,
    sources_frame,
    statements_frame,
)
from accounting.notebook.only_select import require_select

_WORKSPACES = """
WITH stored AS (
    SELECT DISTINCT p.workspace_id, h.blob_id, h.size_bytes
    FROM holdings AS h JOIN packages AS p USING (package_id)
    WHERE h.valid_until IS NULL
),
sums AS (SELECT workspace_id, count(*) AS blobs, sum(size_bytes) AS size_bytes FROM stored GROUP BY workspace_id)
SELECT w.name AS workspace, (SELECT count(*) FROM packages AS p WHERE p.workspace_id = w.workspace_id) AS packages,
       coalesce(s.blobs, 0) AS stored_blobs, coalesce(s.size_bytes, 0)::DECIMAL(38, 0) AS stored_bytes
FROM workspaces AS w LEFT JOIN sums AS s USING (workspace_id)
ORDER BY w.name
"""
_SNAPSHOTS = """
SELECT s.name AS source, make_timestamptz(n.taken_at * 1000000) AS taken_at, n.reference_count AS "references",
       n.unreachable_blobs, n.unreachable_bytes, n.unknown_objects, n.unknown_bytes, n.content_digest,
       make_timestamptz(r.recorded_at * 1000000) AS recorded_at
FROM snapshots AS n JOIN sources AS s USING (source_id) JOIN records AS r USING (record_id)
ORDER BY s.name, n.taken_at
"""


class LedgerReader:
    """A ledger, read-only and as it was when it was opened; other programs can write to it in the meantime.

    A month is written as `2026-10`. Byte-seconds are whole and Decimal(38, 0), money is Decimal in the major unit with
    the currency's digits, null without a rate card; instants are Datetime in UTC, sizes whole bytes.

    Every method raises AcctError for a workspace that the ledger does not know, a month that the rate card cannot bill,
    a ledger without snapshots, and a ledger that is damaged or was closed. A month after the evidence ends is not an
    error: its statement is empty and `provisional`, and `covered_until` says why. A month that ends before the first
    snapshot is `unknown`: it has no bill, and its statement is empty.

    The examples use the ledger that `acct demo` wrote in November 2026.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened = ExitStack()
        self._ledger: Ledger | None = self._opened.enter_context(reading(path))

    def close(self) -> None:
        """Close the file; closing it twice does no harm."""
        self._ledger = None
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{'closed ledger' if self._ledger is None else 'ledger'} {self.path}>"

    def workspaces(self) -> pl.DataFrame:
        """One row per workspace that a snapshot or an event names: workspace, packages (that it ever had), and what
        the latest snapshots hold, each blob once: stored_blobs, stored_bytes.

        >>> ledger.workspaces().to_dicts()
        [{'workspace': 'acme', 'packages': 8, 'stored_blobs': 30, 'stored_bytes': Decimal('23327724')}]
        """
        with self._question() as ledger:
            return _rows(ledger, _WORKSPACES)

    def sources(self) -> pl.DataFrame:
        """One row per source: source, snapshots (how many), latest_at; references, unreachable_blobs,
        unreachable_bytes, unknown_objects and unknown_bytes of the latest; retired_at, null while it is active; gaps,
        how many of more than 48 hours.

        >>> ledger.sources().select("source", "references", "unreachable_blobs", "gaps").rows()
        [('files', 4, 0, 0), ('images', 29, 1, 0)]
        """
        with self._question() as ledger:
            return sources_frame(source_states(ledger))

    def snapshots(self) -> pl.DataFrame:
        """One row per snapshot, by source and time: source, taken_at, references, unreachable_blobs,
        unreachable_bytes, unknown_objects, unknown_bytes, content_digest, recorded_at.

        >>> ledger.snapshots().columns[:3]
        ['source', 'taken_at', 'references']
        """
        with self._question() as ledger:
            return _rows(ledger, _SNAPSHOTS)

    def months(self) -> pl.DataFrame:
        """One row per month from the first to the latest snapshot: month, status (closed, final or provisional).

        >>> ledger.months().rows()
        [('2026-09', 'final'), ('2026-10', 'final'), ('2026-11', 'provisional')]
        """
        with self._question() as ledger:
            known = months_known(ledger, coverage(ledger))
        return frame([(str(month), status) for month, status in known], {"month": pl.String, "status": pl.String})

    def statement(self, workspace: str, month: str | None = None) -> Statement:
        """The statement of a workspace, by default of the latest month with evidence, as a dataclass; its amounts are
        whole numbers in the currency's minor unit.

        >>> ledger.statement("acme", "2026-10").amount_minor
        758
        """
        with self._question() as ledger:
            return statement(ledger, workspace, _month(month))

    def statements(self, month: str) -> pl.DataFrame:
        """One row per workspace, by name: workspace, month, status, covered_until, byte_seconds,
        charged_byte_seconds, included_byte_seconds (included in the plan), currency, amount. Byte-seconds and amount
        are totals that include corrections of closed months.

        >>> ledger.statements("2026-10").select("workspace", "status", "currency", "amount").rows()
        [('acme', 'final', 'USD', Decimal('7.58'))]
        """
        with self._question() as ledger:
            return statements_frame(_statements(ledger, Month.parse(month)))

    def lines(self, month: str, workspace: str | None = None) -> pl.DataFrame:
        """One row per line of a month's statements, of one workspace or of all: workspace, corrects, repository,
        format, package, state, charged (in any part of the month), byte_seconds, amount.

        If `corrects` names a closed month, the row is a correction of that month, and `charged` is null. Amounts and
        byte-seconds of all rows add up to those of `statements`; a `statement` has the byte-seconds of its lines only.

        >>> lines = ledger.lines("2026-10", "acme")
        >>> lines["amount"].sum(), lines["byte_seconds"].sum() == ledger.statement("acme", "2026-10").byte_seconds
        (Decimal('7.58'), True)
        """
        with self._question() as ledger:
            if workspace is not None:
                require_workspace(ledger, workspace)
            return lines_frame(_statements(ledger, Month.parse(month), workspace))

    def explain(self, workspace: str, month: str | None = None, package: str | None = None) -> ExplainedFrames:
        """How the statement of a workspace was computed, all of it or for one package such as `container/web`.

        Every blob is explained, so for a large workspace name one package. Also raises AcctError for a package that is
        not in the bill.

        >>> explained = ledger.explain("acme", "2026-10", "container/old-site")
        >>> explained.states.select("state", "charged", "turned_by").rows()
        ... # doctest: +NORMALIZE_WHITESPACE
        [('live', True, None), ('repository_deleted', True, 'repository.deleted'),
         ('repository_deleted', True, 'repository.deleted'), ('workspace_deleted', False, 'workspace.deleted')]
        """
        with self._question() as ledger:
            return explained_frames(explain(ledger, workspace, _month(month), package))

    def shared(self, workspace: str, month: str | None = None) -> pl.DataFrame:
        """What shared blobs cost each package: one row per blob that several packages held, and line that it is part
        of, the largest blobs first.

        Columns are digest, size_bytes, repository, format, package, state, charged; others, the largest number of
        packages that it was shared with; seconds; alone_byte_seconds, size × seconds, which the package would carry
        alone; byte_seconds and amount, the package's share.

        >>> base = ledger.shared("acme", "2026-10").filter(charged=True)
        >>> base.select("package", "size_bytes", "others", "amount").rows()
        [('team/api', 6000000, 1, Decimal('0.95')), ('web', 6000000, 1, Decimal('0.95'))]
        """
        return shared_frame(self.explain(workspace, month).allocations)

    def compare(self, toml: str, month: str, workspace: str | None = None) -> pl.DataFrame:
        """A month of one workspace, or of all, under the rate card in force and under another, a TOML text that is not
        loaded.

        One row per line under either card: workspace, corrects, repository, format, package, state,
        byte_seconds_in_force, byte_seconds_other, amount_in_force, amount_other (null under a card without that line),
        change. Also raises AcctError if no card is in force, if the text is not a card, and for cards with different
        currencies.

        >>> from accounting.sample import RATES
        >>> compared = ledger.compare(RATES.replace('"400"', '"200"'), "2026-10")
        >>> compared["amount_in_force"].sum(), compared["amount_other"].sum(), compared["change"].sum()
        (Decimal('7.58'), Decimal('3.79'), Decimal('-3.79'))
        """
        with self._question() as ledger:
            return compared_frame(list(compare(ledger, Month.parse(month), toml, "the other rate card", workspace)))

    def sql(self, query: str, workspace: str | None = None, month: str | None = None) -> pl.DataFrame:
        """The rows of a query in DuckDB's SQL over the ledger's tables and the relation `coverage`.

        With a workspace and a month, the relations of queries/ for these are available too: `held_blobs`,
        `package_states`, `usage` and those that they are computed from. Instants there are epoch seconds in UTC:
        `make_timestamptz(taken_at * 1000000)`. The query is one SELECT and cannot read or write files. Raises AcctError
        for anything else, and for errors of DuckDB.

        >>> ledger.sql("SELECT format, count(*) AS packages FROM packages GROUP BY format ORDER BY format").rows()
        [('container', 6), ('maven', 1), ('npm', 1)]
        >>> ledger.sql("SELECT DISTINCT state FROM package_states ORDER BY state", "acme", "2026-10")["state"].to_list()
        ['live', 'package_deleted', 'repository_deleted', 'workspace_deleted']
        """
        if (workspace is None) != (month is None):
            raise AcctError("sql", "only one of workspace and month is given", "give both or neither")
        with self._question() as ledger:
            require_select(ledger, query)
            ledger.define("presence/coverage")
            if workspace is None or month is None:
                return _rows(ledger, query)
            require_workspace(ledger, workspace)
            with ledger.view(query_of(ledger, Month.parse(month)).query, [workspace]) as view:
                view.define(["usage"])
                return _rows(ledger, query)

    @contextmanager
    def _question(self) -> Iterator[Ledger]:
        """The ledger for one query, with temporary relations that no other query sees."""
        if self._ledger is None:
            raise AcctError(f"ledger {self.path}", "is closed", "open it again with accounting.open")
        session = self._ledger.session()
        try:
            with refusing(self.path):
                yield session
        finally:
            session.close()


def _statements(ledger: Ledger, month: Month, workspace: str | None = None) -> list[Statement]:
    found = statements(ledger, month, None if workspace is None else [workspace])
    return sorted(found, key=lambda bill: bill.workspace)


def _month(text: str | None) -> Month | None:
    return None if text is None else Month.parse(text)


def _rows(ledger: Ledger, sql: str) -> pl.DataFrame:
    """The rows of a query, with DuckDB's name for UTC replaced by that of all other frames."""
    try:
        rows = pl.DataFrame(pl.from_arrow(ledger.arrow(sql)))
    except DuplicateError as error:
        what = "the query returns two columns with the same name"
        raise AcctError(f"ledger {ledger.path}", what, "rename one of them with AS") from error
    return rows.with_columns(selectors.datetime(time_zone="*").dt.convert_time_zone("UTC"))
