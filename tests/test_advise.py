"""Every saving that is advised is the difference of two bills."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.analysis.advising import KINDS, Advice, advise
from accounting.analysis.deleting import subject
from accounting.billing.rating import round_half_up
from accounting.collectors.layouts.collected import MANIFESTS
from accounting.facts.manifests import keep_manifests
from accounting.instants import format_instant
from accounting.ledger import reading, writing
from tests.support import model_of_rules as model
from tests.support.cli_runner import run
from tests.support.deleting import CARD, GB, happened
from tests.support.histories import World, cards, chance, histories
from tests.support.latest import iso, latest
from tests.support.laws import draw_until, tried
from tests.support.model_of_rules import DAY, Case, Row, Snapshot
from tests.support.project import Books, Card, Events, books

UNTAGGED = f"sha256:{'f' * 64}"
MD5 = "0123456789abcdef0123456789abcdef"
FIRST = (
    Row("acme", "container", "web", "1.0", "sha256:base", 30 * GB),
    Row("acme", "container", "web", "1.0", "sha256:one", 20 * GB),
    Row("acme", "container", "web", UNTAGGED, "sha256:base", 30 * GB),
    Row("acme", "container", "web", UNTAGGED, "sha256:none", 5 * GB),
    Row("acme", "container", "old", "1.0", "sha256:old", 40 * GB),
    Row("acme", "maven", "com.acme:core", "3.2", f"s3://maven/core.jar#{MD5}", 8 * GB),
)
LATER = (
    *FIRST,
    Row("acme", "container", "web", "1.1", "sha256:base", 30 * GB),
    Row("acme", "container", "web", "1.1", "sha256:two", 10 * GB),
    Row("acme", "container", "web", "latest", "sha256:old", 40 * GB),
    Row("acme", "npm", "@acme/core", "3.2.0", f"s3://npm/core.tgz#{MD5}", 8 * GB),
    Row("acme", "npm", "@acme/core", "", "s3://npm/package.json#", 1),
)
EVENTS = (
    happened(1, "package", "linked", "acme/container/web", "2026-10-01T00:00:00Z", "shop"),
    happened(2, "package", "linked", "acme/container/old", "2026-10-01T00:00:00Z", "legacy"),
    happened(3, "package", "linked", "acme/maven/com.acme:core", "2026-10-01T00:00:00Z", "shop"),
    happened(4, "repository", "deleted", "acme/legacy", "2026-11-01T00:00:00Z"),
)


def tag(these: Books) -> None:
    """Give blobs the content tags that stand behind the `#` of their digests here: no snapshot file has any."""
    with writing(these.ledger) as ledger:
        ledger.run("UPDATE blobs SET content_tag = regexp_extract(digest, '#([0-9a-f]{32})$', 1)")
        ledger.changed = True


@pytest.fixture
def shop(tmp_path: Path) -> Books:
    these = Books(tmp_path)
    taken = [("10-01", FIRST), ("10-20", LATER), ("11-11", LATER)]
    snapshots = [Snapshot("images", f"2026-{day}T00:00:00Z", rows) for day, rows in taken]
    these.take([*snapshots, Events(EVENTS), Card(CARD)])
    tag(these)
    return these


def test_what_saves_most_comes_first(shop: Books) -> None:
    """By hand, of 0.25 USD a GB-month, from the 11th of November on."""
    advised = advise(shop.ledger, "acme", 1, lambda progress: None)
    shown = {(each.kind, each.subject): each for each in advised.advice}
    rest = Fraction(20, 30)

    def saving(gb: int) -> tuple[int, int]:
        return (round_half_up(gb * 25 * rest), gb * 25)

    assert [each.subject for each in advised.advice] == ["container/web", "npm/@acme/core", "container/web"]
    old = shown["old_versions", "container/web"]
    assert ([version.name for version in old.versions], old.freed_bytes) == (["1.0"], 20 * GB)
    assert [abs(a - b) <= 1 for a, b in zip(old.saved_minor, saving(20), strict=True)] == [True, True]
    assert [version.name for version in shown["untagged", "container/web"].versions] == [UNTAGGED]
    assert abs(shown["untagged", "container/web"].saved_minor[1] - 5 * 25) <= 1
    copies = shown["copies", "npm/@acme/core"]
    assert ([version.name for version in copies.versions], copies.freed_bytes) == (["3.2.0"], 8 * GB)
    assert (old.role, copies.role) == ("repository write", "workspace admin")
    # The layer of the deleted repository's image stays as long as `latest` of web has it: it saves nothing.
    assert ("deleted_repository", "legacy") not in shown


def test_a_deleted_repository_that_is_charged_still(shop: Books) -> None:
    """Restored, emptied and deleted again, it is free; until when it is charged else does not matter then."""
    without = tuple(row for row in LATER if row.version != "latest")
    shop.take([Snapshot("images", "2026-11-12T00:00:00Z", without)])
    advised = advise(shop.ledger, "acme", 1, lambda progress: None)
    (emptied,) = [each for each in advised.advice if each.kind == "deleted_repository"]
    assert [(step.event.verb, subject("acme", step.event), step.role) for step in emptied.steps] == [
        ("restored", "acme/legacy", "the registry's support"),
        ("deleted", "acme/container/old", "repository admin"),
        ("deleted", "acme/legacy", "repository admin"),
    ]
    assert abs(emptied.saved_minor[0] - round_half_up(Fraction(40 * 25 * 19, 30))) <= 1
    assert emptied.saved_minor[1] == 0  # its retention ends with November


def test_the_command_line_shows_it(shop: Books) -> None:
    def acct(*args: object) -> str:
        result = run("--ledger", shop.ledger, *args)
        assert result.exit_code == 0, result
        return result.stdout

    found = json.loads(acct("advise", "-w", "acme", "--keep", "1", "--format", "json"))
    assert [each["kind"] for each in found["advice"]] == ["old_versions", "copies", "untagged"]
    assert found["months"] == [
        {"month": "2026-11", "from": "2026-11-11T00:00:00Z"},
        {"month": "2026-12", "from": "2026-12-01T00:00:00Z"},
    ]
    assert "2. Delete from acme/npm/@acme/core (workspace admin): 3.2.0" in acct("advise", "-w", "acme", "--keep", "1")
    assert run("--ledger", shop.ledger, "advise", "-w", "acme", "--keep", "0").exit_code == 2
    assert run("--ledger", shop.ledger, "advise", "-w", "nobody").exit_code == 1


def test_the_first_snapshot_says_how_old_versions_are(tmp_path: Path) -> None:
    """By their uploads; what moves later is of when it moved, however old its content is."""
    these = Books(tmp_path)
    rows = tuple(
        Row("acme", "npm", "ui", f"1.{n}", f"npm/ui-1.{n}.tgz#", GB, f"2026-0{9 - n}-01T00:00:00Z") for n in range(3)
    )
    old = Row("acme", "container", "web", UNTAGGED, "sha256:none", GB, "2026-09-01T00:00:00Z")
    copies = tuple(
        replace(
            rows[0], format=format_, digest=f"{format_}/{n}#{MD5}", package="copied", uploaded_at=f"2026-0{n}-01T00:00Z"
        )
        for n, format_ in ((2, "npm"), (3, "maven"))
    )
    these.take([Snapshot("images", "2026-10-01T00:00:00Z", (*rows, old))])
    these.take([Snapshot("files", "2026-10-01T00:00:00Z", copies)])
    tag(these)

    def shown() -> dict[tuple[str, str], str]:
        advised = advise(these.ledger, "acme", 1, lambda progress: None)
        return {(each.subject, v.name): format_instant(v.since)[:10] for each in advised.advice for v in each.versions}

    lasting = {("maven/copied", "1.0"): "2026-03-01", ("container/web", UNTAGGED): "2026-09-01"}
    first = lasting | {("npm/ui", "1.2"): "2026-07-01"}
    assert shown() == first | {("npm/ui", "1.1"): "2026-08-01"}
    moved = replace(rows[2], digest="npm/ui-older.tgz#", uploaded_at="2026-01-01T00:00:00Z")
    untagged_now = replace(old, version=UNTAGGED.replace("f", "e"), digest="sha256:other")
    late = [replace(row, package="late", digest=f"late-{row.version}#") for row in rows]
    these.take([Snapshot("images", "2026-10-05T00:00:00Z", (*rows[:2], moved, old, untagged_now, *late))])
    assert shown() == lasting | {
        ("npm/ui", "1.0"): "2026-09-01",
        ("npm/ui", "1.1"): "2026-08-01",
        ("npm/late", "1.1"): "2026-10-05",
        ("npm/late", "1.2"): "2026-10-05",
    }


@tried(6)
@given(histories())
def test_a_version_was_uploaded_when_the_latest_of_its_content_was(case: Case) -> None:
    """As the snapshot says that brought its content, or that was the first to say it; of versions of one source."""
    expected: dict[tuple[str, ...], tuple[frozenset[str], int | None]] = {}
    sources: dict[tuple[str, ...], set[str]] = {}
    for snapshot in sorted(case.snapshots, key=lambda each: model.epoch(each.taken_at)):
        there: dict[tuple[str, ...], list[Row]] = {}
        for row in snapshot.rows:
            there.setdefault((row.workspace, row.format, row.package, row.version), []).append(row)
        for version in [v for v in expected if sources[v] == {snapshot.source} and v not in there]:
            del expected[version]
        for version, rows in there.items():
            sources.setdefault(version, set()).add(snapshot.source)
            digests = frozenset(f"{row.digest} {row.size}" for row in rows)
            uploaded_at = max((model.epoch(row.uploaded_at) for row in rows if row.uploaded_at), default=None)
            known = expected.get(version, (frozenset(), None))
            expected[version] = known if known[0] == digests and known[1] is not None else (digests, uploaded_at)
    with books(case) as these, reading(these.ledger) as ledger:
        found = {
            tuple(version): uploaded_at
            for *version, uploaded_at in ledger.rows(
                "SELECT w.name, p.format, p.name, v.name, v.uploaded_at FROM versions AS v JOIN packages AS p"
                " USING (package_id) JOIN workspaces AS w USING (workspace_id)"
            )
        }
    for version, (_, uploaded_at) in expected.items():
        if len(sources[version]) == 1:
            assert found[version] == uploaded_at, version


def test_what_hangs_on_an_image_goes_with_it(tmp_path: Path) -> None:
    """By its subject or by a tag it is nobody's old version, and no untagged manifest until its subject is gone."""
    these = Books(tmp_path)

    def digest(letter: str) -> str:
        return f"sha256:{letter * 64}"

    def held(version: str, letters: str, month: str = "09") -> list[Row]:
        at = f"2026-{month}-01T00:00:00Z"
        return [Row("acme", "container", "web", version, digest(letter), GB, at) for letter in letters]

    first = [
        *held("1.0", "1a", "07"),
        *held("1.1", "67b", "08"),
        *(row for one in "3458" for row in held(digest(one), one)),
    ]
    for number, name in enumerate(("1.sig", "1", "9.att")):
        hex_, _, kind = name.partition(".")
        first += held(f"sha256-{hex_ * 64}{'.' + kind if kind else ''}", "cde"[number])
    taken = [("10-01", first), ("10-20", [*first, *held("1.2", "f")])]
    these.take([Snapshot("images", f"2026-{day}T00:00:00Z", tuple(rows)) for day, rows in taken])
    subjects = {"3": "1", "4": "3", "5": "0", "8": "7"}  # an SBOM, its signature, an orphan, of a platform of 1.1
    empty: dict[str, Any] = dict.fromkeys(("blobs", "blob_sizes", "children", "child_sizes"), [[]] * 4)
    manifests = {"digest": [digest(one) for one in subjects], "size_bytes": [1] * 4, **empty,
                 "subject": [digest(one) for one in subjects.values()], "unknown": [None] * 4}  # fmt: skip
    with writing(these.ledger) as ledger:
        keep_manifests(ledger, pl.DataFrame(manifests, schema=MANIFESTS))

    def shown(keep: int) -> dict[str, list[tuple[str, bool]]]:
        """By kind of advice, the versions (of names that are digests one digit) and whether they go along."""
        advised = advise(these.ledger, "acme", keep, lambda progress: None)
        short = re.compile(r"sha256[-:](.)\1+")
        return {
            each.kind: sorted((short.sub(r"\1", v.name), v.goes_along) for v in each.versions)
            for each in advised.advice
        }

    orphan = {"untagged": [("5", False)]}
    with_1_0 = [("1", True), ("1.0", False), ("1.sig", True), ("3", True), ("4", True)]
    assert shown(3) == orphan
    assert shown(2) == orphan | {"old_versions": with_1_0}
    assert shown(1) == orphan | {"old_versions": sorted([*with_1_0, ("1.1", False), ("8", True)])}
    # While another version holds the image, what hangs on it stays.
    these.take([Snapshot("images", "2026-10-21T00:00:00Z", (*taken[1][1], *held("stable", "1")))])
    assert shown(2)["old_versions"] == [("1.0", False), ("1.1", False), ("8", True)]


def test_what_frees_nothing_alone_is_advised_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base layer of the old versions of three packages; and one of two of them and of a deleted repository."""
    these = Books(tmp_path)
    first = [Row("acme", "container", name, "1.0", "sha256:base", 30 * GB) for name in ("api", "job", "web")]
    first += [Row("acme", "container", name, "1.0", "sha256:tools", 20 * GB) for name in ("api", "job", "old")]
    later = [Row("acme", "container", name, "1.1", f"sha256:{name}", GB) for name in ("api", "job", "web")]
    taken = [("10-01", first), ("11-11", first + later)]
    snapshots = [Snapshot("images", f"2026-{day}T00:00:00Z", tuple(rows)) for day, rows in taken]
    these.take([*snapshots, Events((EVENTS[1], EVENTS[3])), Card(CARD)])
    found = advise(these.ledger, "acme", 1, lambda progress: None)
    shown = {tuple(part.subject for part in each.parts): each for each in found.advice}
    images = ("container/api", "container/job", "container/web")
    assert {names: (each.kind, each.freed_bytes, each.joint_bytes) for names, each in shown.items()} == {
        images: ("together", 30 * GB, 30 * GB),
        ("legacy", *images[:2]): ("together", 20 * GB, 20 * GB),
    }
    assert [part.freed_bytes for part in shown[images].parts] == [0, 0, 0]
    # In December the repository's retention is over, and the layer of all three goes with two.
    assert (shown[images].saved_minor, found.together[1]) == ((30 * 25 * 20 // 30, 50 * 25), 50 * 25)
    monkeypatch.setattr("accounting.analysis.advising.MOST", 1)
    less = advise(these.ledger, "acme", 1, lambda progress: None)
    assert ([each.joint_bytes for each in less.advice], less.left_out) == ([30 * GB], 1)
    assert less.together == found.together


# As a law

SIGNED = f"sha256:{1:064x}"
SIGNATURE = f"{SIGNED.replace(':', '-')}.sig"
VERSIONS = ("1.0", "1.1", UNTAGGED, "latest", "", SIGNATURE)
PACKAGES = (("container", "web"), ("container", "old"), ("npm", "@a/b"), ("maven", "com.acme:core"))
START, END = model.month_bounds("2026-10")


@st.composite
def advisable(draw: Any) -> Case:
    """A registry that grows: what comes mostly stays, and blobs are shared; a repository or two are deleted of late."""
    world = World("2026-10", (START, END), ("acme",), ("shop", "legacy"), PACKAGES, ())
    references = st.tuples(st.sampled_from(PACKAGES), st.sampled_from(VERSIONS), st.integers(0, 5))
    drawn = draw(st.lists(references, min_size=6, max_size=20, unique=True))
    with_set = draw(st.booleans())  # old versions of two packages with a layer that nothing else holds, and more
    if with_set:
        drawn = [each for each in drawn if each[0] not in PACKAGES[:2]]
    since = [draw(st.integers(0, 2)) for _ in drawn]
    gone = [draw(chance(8)) for _ in drawn]
    if with_set:
        drawn += [(package, version, blob) for package in PACKAGES[:2] for version, blob in (("1.0", 0), ("1.1", 1))]
        drawn += [(PACKAGES[0], UNTAGGED, 3), (PACKAGES[2], "1.0", 3), (PACKAGES[3], "1.0", 3)]
        since, gone = [*since, 0, 1, 0, 1, 0, 0, 1], [*gone, *[False] * 7]

    def row(package: tuple[str, str], version: str, blob: int) -> Row:
        content = f"sha256:{blob:064x}" if package[0] == "container" else f"{'/'.join(package)}#{blob:032x}"
        return Row("acme", *package, version, content, (5 * 10**12, 3 * 10**9 + 1, 7, 2**40, 10**9, 999)[blob])

    snapshots = []
    for number, at in enumerate((START, START + 10 * DAY, END + draw(st.sampled_from((0, 5 * DAY))))):
        there = [
            row(*each)
            for each, first, is_gone in zip(drawn, since, gone, strict=True)
            if first <= number and not (is_gone and number == 2)
        ]
        snapshots.append(Snapshot("images", iso(at), tuple(there)))
    events = [
        happened(number, "package", "linked", f"acme/{'/'.join(package)}", iso(START), draw(st.sampled_from(SLUGS)))
        for number, package in enumerate(PACKAGES)
    ]
    for number, slug in enumerate(draw(st.lists(st.sampled_from(SLUGS), max_size=2, unique=True))):
        events.append(happened(90 + number, "repository", "deleted", f"acme/{slug}", iso(END - 5 * DAY)))
    return Case(tuple(snapshots), tuple(events), draw(cards(world)), "2026-10")


SLUGS = ("shop", "legacy", "third")


@tried(5)
@given(advisable(), st.sampled_from((1, 1, 2)))
def test_savings_are_differences_of_two_bills(case: Case, keep: int) -> None:
    """Of the model: with the advice taken, by events and by snapshots, and without; each alone, and all together."""
    with books(case) as these:
        tag(these)
        advised = advise(these.ledger, "acme", keep, lambda progress: None)
    assert advised.left_out == 0
    for number, month in enumerate(advised.months):

        def amount(taken: Sequence[Advice], name: str = str(month)) -> int:
            end = advised.months[-1].end
            bill = model.bill(replace(done(case, taken, advised.at, end), month=name), "acme")
            return int((bill.amount or "").replace(".", ""))

        before = amount([])
        assert advised.together[number] == before - amount(advised.advice)
        for each in advised.advice:
            assert each.saved_minor[number] == before - amount([each])
    for each in advised.advice:
        assert_what_is_signed_goes(case, each)
    totals = [sum(each.saved_minor) for each in advised.advice]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.slow
def test_every_kind_of_advice_is_drawn() -> None:
    """Else the law above would prove little."""
    seen: set[str] = set()

    def enough(case: Case) -> bool:
        with books(case) as these:
            tag(these)
            advised = advise(these.ledger, "acme", 1, lambda progress: None)
        seen.update(each.kind for each in advised.advice if sum(each.saved_minor) > 0)
        return seen == set(KINDS)

    draw_until(advisable(), enough, most=16)


def done(case: Case, taken: Sequence[Advice], at: int, until: int) -> Case:
    """The evidence after some advice was taken: each source's latest snapshot again, and what is left at the end."""
    items = dict.fromkeys(item for each in taken for item in each.items)
    gone = {(each.subject, version.name) for each in items for version in each.versions}
    steps = [step.event for each in items for step in each.steps]
    events = tuple(
        happened(0, event.kind, event.verb, subject("acme", event), iso(at)) | {"id": f"\U0010fffe{i:03}"}
        for i, event in enumerate(steps)
    )

    def stays(row: Row) -> bool:
        return (f"{row.format}/{row.package}", row.version) not in gone

    then = [replace(snapshot, taken_at=iso(at)) for snapshot in latest(case)]
    left = [
        replace(snapshot, taken_at=iso(until), rows=tuple(filter(stays, snapshot.rows))) for snapshot in latest(case)
    ]
    return replace(case, snapshots=(*case.snapshots, *then, *left), events=case.events + events)


def assert_what_is_signed_goes(case: Case, advice: Advice) -> None:
    """A signature goes by the same item as all that holds what it signs, and is nobody's old version."""
    for item in advice.items:
        gone = {(item.subject, version.name) for version in item.versions}
        for version in item.versions:
            assert version.goes_along == (version.name == SIGNATURE and item.subject.startswith("container/"))
            if version.goes_along:
                rows = [row for snapshot in latest(case) for row in snapshot.rows if row.digest == SIGNED]
                holders = {(f"{row.format}/{row.package}", row.version) for row in rows}
                assert holders - {(item.subject, SIGNATURE)} <= gone
