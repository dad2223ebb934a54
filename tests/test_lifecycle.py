"""Answers of a registry's database, one after the other: the events that they become say what they show."""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.collectors.database import Answer
from accounting.errors import AcctError
from accounting.facts.lifecycle import Changes, take_in
from accounting.instants import format_instant
from accounting.ledger import Ledger, writing
from tests.support.laws import tried
from tests.support.model_of_rules import Case, Workspace, epoch, state_of, workspace_at

SCHEMA = {"workspace": pl.String(), "repository": pl.String(), "format": pl.String(), "package": pl.String(),
          "deleted_at": pl.Int64(), "created_at": pl.Int64()}  # fmt: skip
PACKAGES = [("npm", "ui"), ("container", "team/api")]


@dataclass(frozen=True)
class Row:
    """One row of an answer: of the workspace acme, unless told otherwise."""

    repository: str | None = None
    package: tuple[str, str] | None = None
    deleted_at: int | None = None
    created_at: int | None = None

    @property
    def fields(self) -> tuple[object, ...]:
        return ("acme", self.repository, *(self.package or (None, None)), self.deleted_at, self.created_at)


def repository(slug: str = "w", deleted_at: int | None = None, created_at: int | None = None) -> Row:
    return Row(slug, None, deleted_at, created_at)


def package(link: str | None = "w", deleted_at: int | None = None, created_at: int | None = None,
            named: tuple[str, str] = ("npm", "ui")) -> Row:  # fmt: skip
    return Row(link, named, deleted_at, created_at)


class Books:
    """A ledger that takes answers."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def take(self, at: int, rows: Sequence[Row], accepted: frozenset[str] = frozenset()) -> Changes:
        frame = pl.DataFrame([row.fields for row in rows], schema=SCHEMA, orient="row")
        return take_in(self.ledger, Answer("hub", at, frame), accepted)

    def events(self) -> list[dict[str, Any]]:
        """Every event of the ledger, as CloudEvents in the order in which they count."""
        rows = self.ledger.rows(
            "SELECT event_source, event_id, occurred_at, kind, verb, w.name, format, p.name, slug FROM events"
            " JOIN workspaces AS w USING (workspace_id) LEFT JOIN packages AS p USING (package_id)"
            " ORDER BY occurred_at, event_id"
        )
        return [
            cloud_event(source, identity, at, f"{kind}.{verb}", (workspace, *PARTS[kind](slug, format_, name)),
                        slug if kind == "package" else None)
            for source, identity, at, kind, verb, workspace, format_, name, slug in rows
        ]  # fmt: skip

    def brief(self) -> list[str]:
        """Time, verb, subject below its workspace, and link of every event."""
        return [
            f"{epoch(event['time'])} {event['type'].split('.')[2]} {event['subject'].removeprefix('acme/')}"
            + (f" in {event['data']['repository']}" if "data" in event else "")
            for event in self.events()
        ]


PARTS: dict[str, Callable[[str, str, str], tuple[str, ...]]] = {
    "workspace": lambda slug, format_, name: (),
    "repository": lambda slug, format_, name: (slug,),
    "package": lambda slug, format_, name: (format_, name),
}


def cloud_event(
    source: str, identity: str, at: int, verb: str, subject: Sequence[str], link: str | None
) -> dict[str, Any]:
    event = {"source": source, "id": identity, "time": format_instant(at), "type": f"registry.{verb}"}
    return event | {"subject": "/".join(subject)} | ({} if link is None else {"data": {"repository": link}})


@contextmanager
def books() -> Iterator[Books]:
    """A new ledger, in one transaction that nothing is published of."""
    with tempfile.TemporaryDirectory() as folder, writing(Path(folder) / "acct.duckdb") as ledger:
        yield Books(ledger)
        ledger.changed = False


def state(events: list[dict[str, Any]], at: int, key: tuple[str, str]) -> tuple[str | None, str]:
    """Repository and state of a package by the model of the rules."""
    return state_of(NO_CARD, workspace_at(events, at), key, at)


NO_CARD = Case(snapshots=(), events=(), card=None, month="2026-10")

# Answers at instants, and the events that they become.
CASES: dict[str, tuple[list[tuple[int, list[Row]]], list[str]]] = {
    "what is there at first sight was there and linked all along": (
        [(1000, [Row(), repository(), package()])],
        ["0 created acme", "0 created w", "0 created npm/ui in w"],
    ),
    "or since it was created": (
        [(1000, [repository(created_at=500), package(created_at=1200)])],
        ["500 created w", "1000 created npm/ui in w"],
    ),
    "deleted at first sight": (
        [(1000, [repository(deleted_at=700), package(None, deleted_at=-5), Row(deleted_at=900)])],
        ["-5 created npm/ui", "-5 deleted npm/ui", "0 created acme", "0 created w", "700 deleted w",
         "900 deleted acme"],
    ),
    "what is new was not there the collection before": (
        [(1000, []), (2000, [repository(), package(created_at=1500), package(named=PACKAGES[1], deleted_at=900)])],
        ["900 created container/team/api in w", "900 deleted container/team/api", "1000 created w",
         "1500 created npm/ui in w"],
    ),
    "another link counts from the collection, none changes nothing": (
        [(1000, [package(None)]), (2000, [package("a")]), (3000, [package("b")]), (4000, [package(None)])],
        ["0 created npm/ui", "2000 linked npm/ui in a", "3000 linked npm/ui in b"],
    ),
    "deleted and restored": (
        [(1000, [repository()]), (2000, [repository(deleted_at=1500)]), (3000, [repository()])],
        ["0 created w", "1500 deleted w", "3000 restored w"],
    ),
    "deleted later than was said": (
        [(1000, [repository(deleted_at=500)]), (2000, [repository(deleted_at=1500)])],
        ["0 created w", "500 deleted w", "1500 restored w", "1500 deleted w"],
    ),
    "deleted earlier than was said": (
        [(1000, [repository(deleted_at=500)]), (2000, [repository(deleted_at=300)]), (3000, [repository()])],
        ["0 created w", "300 deleted w", "500 deleted w", "3000 restored w"],
    ),
    "deleted after the collection, so not yet": (
        [(1000, [repository(deleted_at=1500)]), (1400, [repository(deleted_at=1600)]),
         (2000, [repository(deleted_at=1600)])],
        ["0 created w", "1600 deleted w"],
    ),
    "vanished, and there again": (
        [(1000, [repository(), package()]), (2000, [repository(), package()]), (3000, []), (4000, [package("x")])],
        ["0 created w", "0 created npm/ui in w", "2000 deleted w", "2000 deleted npm/ui", "4000 restored npm/ui",
         "4000 linked npm/ui in x"],
    ),
    "vanished, and another one there since": (
        [(1000, [repository()]), (2000, []), (3000, [repository(created_at=2500)])],
        ["0 created w", "1000 deleted w", "2500 created w"],
    ),
    "what is deleted and vanishes stays deleted": (
        [(1000, [repository(deleted_at=500)]), (2000, []), (3000, [])],
        ["0 created w", "500 deleted w"],
    ),
    "created again beside what is deleted": (
        [(1000, [repository()]), (2000, [repository(deleted_at=1500), repository()]),
         (3000, [repository(deleted_at=1500), repository(deleted_at=2500)]),
         (4000, [repository(deleted_at=1500), repository(deleted_at=2500), repository(created_at=3500)])],
        ["0 created w", "1500 deleted w", "2000 created w", "2500 deleted w", "3500 created w"],
    ),
    "created again and again at first sight": (
        [(1000, [package("c", created_at=900), package("a", deleted_at=100),
                 package("b", 300, 200), package("b", 400)])],
        ["0 created npm/ui in a", "100 deleted npm/ui", "200 created npm/ui in b", "300 deleted npm/ui",
         "400 created npm/ui in b", "400 deleted npm/ui", "900 created npm/ui in c"],
    ),
    "the one created again vanishes": (
        [(1000, [package(deleted_at=100), package()]), (2000, [package(deleted_at=100)])],
        ["0 created npm/ui in w", "100 deleted npm/ui", "1000 created npm/ui in w", "1000 deleted npm/ui"],
    ),
    "restored, and deleted at the old instant": (
        [(1000, [package(deleted_at=100)]), (2000, [package()]), (3000, [package(deleted_at=100)])],
        ["0 created npm/ui in w", "100 deleted npm/ui", "2000 restored npm/ui", "2000 deleted npm/ui"],
    ),
    "deleted before it was created": (
        [(500, []), (1000, [package()]), (2000, [package(deleted_at=300)])],
        ["300 deleted npm/ui", "500 created npm/ui in w", "500 deleted npm/ui"],
    ),
    "replaced within a second, with a package in the new one": (
        [(1000, [repository(deleted_at=700), repository(created_at=700), package(created_at=700)])],
        ["0 created w", "700 deleted w", "700 created w", "700 created npm/ui in w"],
    ),
    "a package that is new goes to the repository that is there": (
        [(1000, [repository()]), (2000, [repository(deleted_at=1500), repository(), package()])],
        ["0 created w", "1000 created npm/ui in w", "1500 deleted w", "2000 created w", "2000 linked npm/ui in w"],
    ),
    "a package that was created in the second of the repository that is there is in that one": (
        [(1000, [repository(created_at=500)]),
         (2000, [repository(created_at=500, deleted_at=1600), repository(created_at=1600), package(created_at=1600)])],
        ["500 created w", "1600 deleted w", "1600 created w", "1600 created npm/ui in w"],
    ),
    "seen twice in one answer": (
        [(1000, [repository(), repository(), package(None), package("w")])],
        ["0 created w", "0 created npm/ui in w"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_answers_become_events(name: str) -> None:
    answers, events = CASES[name]
    with books() as these:
        for at, rows in answers:
            these.take(at, rows)
            assert these.take(at, []).repeated
        assert sorted(these.brief()) == sorted(events)
        assert these.take(9000, answers[-1][1]) == Changes(len(answers[-1][1])), "the same answer again brings nothing"
        for before, after in pairwise(events):
            assert these.brief().index(before) < these.brief().index(after) or before.split()[2] != after.split()[2]


def test_answers_of_two_rows_that_differ_in_the_link_are_refused() -> None:
    with (
        books() as these,
        pytest.raises(AcctError, match="two rows link acme/npm/ui to different repositories, a and b"),
    ):
        these.take(1000, [package("a"), package("b")])


def test_a_loss_of_most_rows_is_refused_until_it_is_accepted() -> None:
    rows = [repository(f"r{number}") for number in range(100)]
    with books() as these:
        these.take(1000, rows)
        assert these.take(2000, rows[50:]).deleted == 50, "half is not more than half"
        these.take(3000, rows)
        for left in (rows[51:], []):
            with pytest.raises(AcctError, match=r"source hub: lacks .* of the 100 .*--accept loss"):
                these.take(4000, left)
        assert these.take(4000, [], accepted=frozenset({"loss"})) == Changes(0, deleted=100)
        assert these.take(5000, rows[:99]).restored == 99
        assert these.take(6000, []).deleted == 99, "of fewer than 100 rows anything may be gone"


# Histories of a registry: what happens to it, second by second, and when its database is asked.


@dataclass
class Table:
    """A registry's table of repositories and packages; rows are never removed."""

    rows: list[Row]

    def live(self, like: Row) -> int | None:
        """Which row of the same repository or package is there."""
        for number, row in enumerate(self.rows):
            same = row.package == like.package and (like.package is not None or row.repository == like.repository)
            if same and row.deleted_at is None:
                return number
        return None


SUBJECTS = [repository("w"), repository("x"), Row(), *(package(None, named=named) for named in PACKAGES)]
STEPS = st.lists(st.tuples(st.sampled_from(SUBJECTS), st.sampled_from("wx"), st.booleans()), max_size=24)


@tried(10)
@given(STEPS, st.integers(1, 4))
def test_with_every_instant_told_the_number_of_collections_does_not_matter(
    steps: list[tuple[Row, str, bool]], every: int
) -> None:
    """Created and deleted rows alone, with their instants: at each instant the states are those that were."""
    table, truth = Table([]), []
    with books() as these:
        for at, (subject, link, also) in enumerate(steps, 100):
            found = table.live(subject)
            if found is not None:
                table.rows[found] = replace(table.rows[found], deleted_at=at)
                row, verb = table.rows[found], "deleted"
            else:
                linked = link if subject.package and also and table.live(repository(link)) is not None else None
                row, verb = replace(subject, created_at=at, repository=subject.repository or linked), "created"
                table.rows.append(row)
            kind = "package" if subject.package else "repository" if subject.repository else "workspace"
            parts = row.package or ((row.repository,) if row.repository else ())
            new_link = row.repository if kind == "package" and verb == "created" else None
            truth.append(cloud_event("truth", f"{at}", at, f"{kind}.{verb}", ("acme", *parts), new_link))
            if at % every == 0:
                these.take(at, table.rows)
        these.take(1000, table.rows)
        events = these.events()
    for at in range(99, 101 + len(steps)):
        for key in PACKAGES:
            assert state(events, at, key) == state(truth, at, key), (at, key)


ANSWERS = st.lists(
    st.lists(
        st.builds(
            Row,
            st.sampled_from(["w", "x", None]),
            st.sampled_from([None, *PACKAGES]),
            st.one_of(st.none(), st.integers(90, 125)),
            st.one_of(st.none(), st.integers(90, 125)),
        ),
        max_size=6,
    ),
    min_size=1,
    max_size=5,
)


def consistent(rows: list[Row]) -> list[Row]:
    """The rows without those that give a package a second link."""
    kept: dict[object, Row] = {}
    for row in rows:
        kept.setdefault((row.package, row.package is None and row.repository, row.deleted_at), row)
    return list(kept.values())


@tried(12)
@given(ANSWERS, st.randoms(use_true_random=False))
def test_after_each_collection_the_ledger_says_what_the_database_shows(
    answers: list[list[Row]], shuffler: random.Random
) -> None:
    """Whatever rows come, go and change: deleted is what has no row that is there, linked what a row links."""
    with books() as these, books() as other:
        for at, answer in enumerate(answers):
            now = 100 + 5 * at
            rows = consistent([replace(row, deleted_at=None) if (row.deleted_at or 0) > now else row for row in answer])
            these.take(now, rows, accepted=frozenset({"loss"}))
            assert_shown(workspace_at(these.events(), now), rows)
            other.take(now, shuffler.sample(rows, len(rows)), accepted=frozenset({"loss"}))
        assert these.events() == other.events(), "the order of rows changes nothing"
        assert these.take(1000, rows) == Changes(len(rows))


def assert_shown(it: Workspace, rows: list[Row]) -> None:
    """A workspace by the model of the rules is what the rows show."""
    there = [row for row in rows if row.deleted_at is None]
    alone = [row for row in there if row.package is None]
    if any(row.package is None and row.repository is None for row in rows):
        assert (it.deleted_at is None) == any(row.repository is None for row in alone)
    for slug in ("w", "x"):
        deleted = it.newest(slug).deleted_at is not None
        if any(row.package is None and row.repository == slug for row in rows):
            assert deleted != any(row.repository == slug for row in alone), slug
    for key in PACKAGES:
        shown = [row for row in there if row.package == key]
        if key in it.packages:
            assert it.packages[key].deleted == (not shown), key
        if shown and shown[0].repository is not None:
            linked = it.packages[key].repository
            assert linked is not None
            assert linked.slug == shown[0].repository
