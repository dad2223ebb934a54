"""A question put to the ledger: what is asked, and the relations of queries/ that answer it.

A relation is defined when it is first read, after all that it reads itself, and again only where the question has
changed something that it is made of. So which month a relation is of is a property of its view.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

from accounting.instants import midnight
from accounting.ledger.session import Row, Session
from accounting.model import RatePeriod, Rule
from accounting.paths import shipped
from accounting.rates.periods import rule_at

EVERYTHING = 2**31 - 1  # later than any record
FOREVER = 2**63 - 1
HIGH_CHURN = 64  # a blob whose holders change at more instants of a period is shared out by prefix sums
# Workspaces are asked for in batches of about so many holdings: memory follows the batch, not the month.
_BATCH_HOLDINGS = 1_000_000


@dataclass(frozen=True)
class Query:
    """What is asked of a ledger: the rate periods, up to an instant, by some rules, from what had been recorded.

    `rules` are all rules of the rate card, for the retention of a deletion follows the rule of its own time. With
    `seen_only` a holding ends at its source's latest snapshot; otherwise one that is open lasts until the end of the
    periods. `as_of` is the instant of which held names are asked, by default `until`.
    """

    periods: Sequence[RatePeriod]
    until: int
    rules: Sequence[Rule]
    record_until: int = EVERYTHING
    seen_only: bool = False
    as_of: int | None = None

    @classmethod
    def at(cls, instant: int, rules: Sequence[Rule]) -> Self:
        """One instant, from all that is recorded."""
        periods = [RatePeriod(instant, instant + 1, rule_at(rules, instant), None)]
        return cls(periods, instant + 1, rules, as_of=instant)

    def inputs(self) -> dict[str, dict[str, tuple[str, list[object]]]]:
        """The relations that hold the question: their columns, each with its type and its values."""
        metered = [(n, p) for n, p in enumerate(self.periods) if p.start < self.until]
        charged = [(n, state) for n, p in enumerate(self.periods) for state in p.rule.charged]
        starts = [-FOREVER, *(midnight(rule.effective_from) for rule in self.rules[1:]), FOREVER]
        return {
            "evidence": {
                "record_until": ("INTEGER", [self.record_until]),
                "seen_only": ("BOOLEAN", [self.seen_only]),
            },
            "limits": {"high_churn": ("INTEGER", [HIGH_CHURN])},
            "moment": {"as_of": ("BIGINT", [self.until if self.as_of is None else self.as_of])},
            "periods": {
                "period_id": ("INTEGER", [n for n, _ in metered]),
                "period_from": ("BIGINT", [p.start for _, p in metered]),
                "period_until": ("BIGINT", [min(p.end, self.until) for _, p in metered]),
                "share": ("VARCHAR", [p.rule.share for _, p in metered]),
            },
            "charged_states": {
                "period_id": ("INTEGER", [n for n, _ in charged]),
                "state": ("VARCHAR", [state for _, state in charged]),
            },
            "rules": {
                "rule_from": ("BIGINT", [start for start, _ in pairwise(starts)]),
                "rule_until": ("BIGINT", [end for _, end in pairwise(starts)]),
                "retention_seconds": ("BIGINT", [rule.retention_days * 86_400 for rule in self.rules]),
            },
        }


class Relation(NamedTuple):
    """A file of queries/: its SQL, whether it makes a table, and the names after FROM and JOIN, in their order."""

    sql: str
    is_table: bool
    reads: tuple[str, ...]


class Ledger(Session):
    """An open ledger: SQL over its tables, and views of it. What its views have defined is kept while one is open."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.given: dict[str, object] = {}
        self.defined: dict[str, dict[str, object]] = {}
        self._keepers = 0

    @contextmanager
    def view(self, query: Query, workspaces: Sequence[str]) -> Iterator["View"]:
        """What the ledger says of some workspaces."""
        with self.keeping():
            rows = self.rows("SELECT workspace_id, name FROM workspaces WHERE name IN (SELECT unnest(?))", [workspaces])
            yield View(self, query, rows)

    def views(self, query: Query, workspaces: Sequence[str] | None = None) -> Iterator["View"]:
        """What the ledger says of all workspaces, or of those of these names, batch by batch; empty batches too."""
        with self.keeping():
            for batch in _batches(self._sizes(workspaces)):
                yield View(self, query, batch)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what views define until the block ends, so that the next one need not. No fact may change in it."""
        self._keepers += 1
        try:
            yield
        finally:
            self._keepers -= 1
            if not self._keepers:
                self.given.clear()
                self.defined.clear()

    def relation(self, name: str) -> None:
        """Define a relation and all that it reads, as far as that is not done or what it is made of has changed."""
        relation = relation_of(name)
        made_of = {read: self.given.get(read) for read in inputs_of(name)}
        known = self.defined.get(name)
        if known == made_of:
            return
        for read in relation.reads:
            if read in _files() and read != name:
                self.relation(read)
        if known is None or relation.is_table:  # a view gives what the tables hold that it reads
            self.run(relation.sql)
        self.defined[name] = made_of

    def _sizes(self, workspaces: Sequence[str] | None) -> list[tuple[Any, ...]]:
        """The id, the name and the number of holdings of each workspace."""
        if workspaces is not None and len(workspaces) == 1:
            return self.rows("SELECT workspace_id, name, 0 FROM workspaces WHERE name = ?", workspaces)
        return self.rows(
            "SELECT w.workspace_id, w.name, coalesce(h.holdings, 0) FROM workspaces AS w LEFT JOIN ("
            "  SELECT p.workspace_id, sum(n.holdings)::BIGINT AS holdings FROM packages AS p JOIN ("
            "    SELECT package_id, count(*) AS holdings FROM holdings GROUP BY ALL) AS n USING (package_id)"
            "  GROUP BY ALL) AS h USING (workspace_id) WHERE $1::VARCHAR[] IS NULL OR w.name IN (SELECT unnest($1))"
            " ORDER BY w.workspace_id",
            [workspaces],
        )


@dataclass
class View:
    """What a query makes of a ledger for some workspaces: relations by their names."""

    ledger: Ledger
    query: Query
    scope: Sequence[tuple[int, str]]
    _inputs: dict[str, dict[str, tuple[str, list[object]]]] = field(init=False)

    def __post_init__(self) -> None:
        ids: list[object] = [workspace_id for workspace_id, _ in self.scope]
        self._inputs = {"scope": {"workspace_id": ("INTEGER", ids)}, **self.query.inputs()}

    @property
    def workspaces(self) -> list[str]:
        """The names of the workspaces asked for."""
        return [name for _, name in self.scope]

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, after the relations that it reads are defined."""
        self.define(_read_by(sql))
        return self.ledger.rows(sql, parameters)

    def records(self, cls: type[Row], sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of one query as objects: each column is the argument of its name."""
        self.define(_read_by(sql))
        return self.ledger.records(cls, sql, parameters)

    def give(self, name: str, sql: str, parameters: Sequence[object] = ()) -> None:
        """Make a table of this view, which relations read; they are defined anew."""
        self.define(_read_by(sql))
        self.ledger.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", parameters)
        self.ledger.given[name] = object()

    def define(self, names: Sequence[str]) -> None:
        """Define relations and all that they read, as far as that is not done."""
        for name, columns in self._inputs.items():
            if self.ledger.given.get(name) != columns:
                values = ", ".join(f"unnest(?::{kind}[]) AS {column}" for column, (kind, _) in columns.items())
                sql = f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {values}"
                self.ledger.run(sql, [values for _, values in columns.values()])
                self.ledger.given[name] = columns
        for name in names:
            if name in _files():
                self.ledger.relation(name)


@cache
def relation_of(name: str) -> Relation:
    """A relation of queries/ by its name."""
    sql = _files()[name].read_text(encoding="utf-8")
    return Relation(sql, "TEMP TABLE" in sql, _read_by(re.sub(r"--.*", "", sql)))


@cache
def inputs_of(name: str) -> frozenset[str]:
    """The names that a relation reads, itself or through others, and that are no relations of queries/."""
    found: set[str] = set()
    for read in relation_of(name).reads:
        if read != name:
            found |= inputs_of(read) if read in _files() else {read}
    return frozenset(found)


@cache
def _files() -> dict[str, Path]:
    """The files of queries/ by the names of their relations; merges and checks are no questions."""
    files = shipped("queries").glob("*/*.sql")
    return {file.stem: file for file in files if file.parent.name not in ("merge", "checks")}


def _read_by(sql: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)\b", sql)))


def _batches(sizes: Sequence[tuple[int, str, int]]) -> Iterator[list[tuple[int, str]]]:
    """Workspaces (id, name, holdings) in batches of about as many holdings."""
    batch: list[tuple[int, str]] = []
    room = _BATCH_HOLDINGS
    for workspace_id, name, holdings in sizes:
        if batch and room < holdings:
            yield batch
            batch, room = [], _BATCH_HOLDINGS
        batch.append((workspace_id, name))
        room -= holdings
    if batch:
        yield batch
