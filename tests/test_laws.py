"""The laws of the rules, on histories drawn by chance: that the project bills as the model does, and what follows.

A bill of the project takes the better part of a second and one of the model a millisecond, so a law that compares
two bills asks the project for the changed one alone: for the other the model answers, after the first of these tests.
ACCT_EXAMPLES multiplies how many histories each law is tried on: 10 is worth a coffee, 100 a night.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support import model_of_rules as model
from tests.support.histories import gaps, high_churn_histories, histories, steady_histories
from tests.support.laws import draw_until, tried
from tests.support.model_of_rules import DAY, Bill, Case, Refusal, Row, Snapshot, epoch, month_bounds
from tests.support.project import Card, Events, Retire, Step, bill, books, steps_of

Bills = dict[str, Bill | Refusal]


def billed(bills: Bills) -> list[Bill]:
    """Those that are not refused."""
    return [each for each in bills.values() if isinstance(each, Bill)]


# The project and the model


@tried(16)
@given(histories(), st.data())
def test_project_bills_as_the_model_does(case: Case, data: st.DataObject) -> None:
    """Every line's byte-seconds and amount, the totals, coverage, and the names held at month's end and whenever."""
    with books(case) as these:
        assert these.bills(case) == model.bills(case)
        when = [event["time"] for event in model.ordered_events(case)] + [each.taken_at for each in case.snapshots]
        if case.workspaces():
            at, workspace = data.draw(st.sampled_from(when)), data.draw(st.sampled_from(case.workspaces()))
            assert these.held_names(workspace, at) == model.held_names(case, epoch(at), workspace)


@tried(3)
@given(histories())
def test_commands_bill_as_the_model_does(case: Case) -> None:
    """The same by the command line."""
    with books(case, by_commands=True) as these:
        assert these.bills(case) == model.bills(case)


@tried(4)
@given(high_churn_histories())
def test_project_shares_high_churn_blobs_as_the_model_does(case: Case) -> None:
    """Blobs whose holders change often go another way through the project; it leads to the same bill."""
    assert bill(case) == model.bills(case)


def test_a_package_shares_with_one_whose_end_was_known_before_its_own_beginning() -> None:
    """A source that comes late tells of a time in which another's package, gone since, held the same blob."""
    held, late = (Row("acme", "container", name, "1", "sha256:1", 10**12) for name in ("web", "late"))
    late = replace(late, uploaded_at="2026-10-05T00:00:00Z")
    taken = (("a", 1, held), ("b", 1, None), ("a", 10, held), ("a", 20, None), ("b", 30, late))
    snapshots = [Snapshot(source, f"2026-10-{day:02}T00:00:00Z", (row,) if row else ()) for source, day, row in taken]
    case = Case(tuple(snapshots), (), None, "2026-10")
    assert bill(case) == model.bills(case)


# What follows, of one bill


@tried(4)
@given(histories())
def test_lines_add_up_and_none_is_negative_or_wrongly_charged(case: Case) -> None:
    """In byte-seconds and in money; and no state outside `charged` costs anything."""
    for each in billed(bill(case)):
        assert sum(line.byte_seconds for line in each.lines) == each.byte_seconds
        assert all(line.byte_seconds >= 0 for line in each.lines)
        if case.card is None:
            assert each.amount is None
            continue
        assert sum(minor(line.amount) for line in each.lines) == minor(each.amount)
        assert all(minor(line.amount) >= 0 for line in each.lines)
        charged = charged_in_month(case)
        assert all(minor(line.amount) == 0 for line in each.lines if line.state not in charged)


def minor(amount: str | None) -> int:
    """Minor units of an amount that must be there."""
    assert amount is not None
    return int(amount.replace(".", ""))


def charged_in_month(case: Case) -> set[str]:
    """Every state that a rule charges at some instant of the month."""
    start, end = month_bounds(case.month)
    dated = model.rules(case)
    ends = [first for first, _ in dated[1:]] + [end]
    in_month = [rule for (first, rule), until in zip(dated, ends, strict=True) if first < end and until > start]
    return {state for rule in in_month for state in rule["charged"]}


# What follows, of two bills


def assert_unchanged(case: Case, changed: Case, steps: list[Step] | None = None) -> None:
    """That a change to the evidence, or to how it came, leaves every bill as it was."""
    expected = model.bills(case)
    assert model.bills(changed) == expected
    assert bill(changed, steps) == expected


@tried(4)
@given(histories(), st.data())
def test_repeating_imports_changes_nothing(case: Case, data: st.DataObject) -> None:
    """Whichever of them, at once or later."""
    steps: list[Step] = [step for step in steps_of(case) if not isinstance(step, Retire)]
    again = data.draw(st.lists(st.sampled_from(steps), min_size=1, max_size=4))
    assert_unchanged(case, case, steps_of(case) + again)


@tried(4)
@given(histories(), st.data())
def test_order_of_sources_and_of_events_changes_nothing(case: Case, data: st.DataObject) -> None:
    """Sources one after the other, in any order; events in several files, in any order, first or last."""
    names = data.draw(st.permutations(sorted({snapshot.source for snapshot in case.snapshots})))
    by_source: list[Step] = [snapshot for name in names for snapshot in model.snapshots_of(case, name)]
    shuffled = data.draw(st.permutations(case.events))
    cut = data.draw(st.integers(0, len(shuffled)))
    files: list[Step] = [Events(tuple(shuffled[:cut])), Events(tuple(shuffled[cut:]))]
    rest = [step for step in steps_of(case) if isinstance(step, Card | Retire)]
    first, last = (by_source, files) if data.draw(st.booleans()) else (files, by_source)
    assert_unchanged(case, replace(case, events=tuple(shuffled)), [*first, *last, *rest])


@tried(4)
@given(histories())
def test_splitting_sources_by_workspace_changes_nothing(case: Case) -> None:
    """Each with a snapshot at every instant, empty where it holds nothing."""
    workspaces = case.workspaces()
    snapshots = tuple(
        replace(
            snapshot,
            source=f"{snapshot.source} of {workspace}",
            rows=tuple(row for row in snapshot.rows if row.workspace == workspace),
        )
        for snapshot in case.snapshots
        for workspace in workspaces
    )
    retired = tuple((f"{source} of {workspace}", at) for source, at in case.retired for workspace in workspaces)
    if workspaces:
        assert_unchanged(case, replace(case, snapshots=snapshots, retired=retired))


@tried(4)
@given(histories(), st.data())
def test_which_versions_name_a_blob_changes_nothing(case: Case, data: st.DataObject) -> None:
    """In the same package, with the same uploads: tags that move, lose their image, are renamed."""
    renamed = {}
    for snapshot in case.snapshots:
        for row in snapshot.rows:
            renamed[snapshot, row] = replace(row, version=data.draw(st.sampled_from(("", "latest", "1.0", row.digest))))
    snapshots = tuple(
        replace(snapshot, rows=tuple(renamed[snapshot, row] for row in snapshot.rows)) for snapshot in case.snapshots
    )
    assert_unchanged(case, replace(case, snapshots=snapshots))


def keeps_what_is_deleted(case: Case) -> bool:
    """Whether each rule keeps for a day at least. A retention period of no days has no instant, so that a served source
    counts nothing after it was last seen (RULES, section 2), and a stored one counts until the deletion."""
    return case.card is None or all(rule["retention_days"] for rule in case.card["rule"])


@tried(6)
@given(steady_histories().filter(keeps_what_is_deleted))
def test_a_deletion_costs_alike_seen_from_a_stored_and_from_a_served_source(case: Case) -> None:
    """Of repositories and workspaces, where what packages hold does not change; with snapshots at the same instants."""
    hidden = []
    for snapshot in case.snapshots:
        gone = set()
        for row in snapshot.rows:
            key = (row.workspace, row.format, row.package)
            if model.Deletions(case, row.workspace, key[1:]).hides(epoch(snapshot.taken_at)):
                gone.add(key)
        shown = tuple(row for row in snapshot.rows if (row.workspace, row.format, row.package) not in gone)
        hidden.append(replace(snapshot, rows=shown, served=True))
    served = replace(case, snapshots=tuple(hidden))
    assert bill(served) == model.bills(served)
    assert amounts(model.bills(served)) == amounts(model.bills(case))


def amounts(bills: Bills) -> list[tuple[Any, ...]]:
    """What each bill charges, by line: what has expired may be stored all the same, and no API shows it."""
    return [
        (each.workspace, each.amount, {replace(line, byte_seconds=0) for line in each.lines if minor(line.amount)})
        for each in billed(bills)
    ]


@tried(4)
@given(histories().filter(gaps), st.data())
def test_snapshots_that_bring_no_news_change_nothing(case: Case, data: st.DataObject) -> None:
    """Between two others of its stored source, holding just what that source's own snapshots say was there then."""
    before, after = data.draw(st.sampled_from(gaps(case)))
    between = st.integers(epoch(before.taken_at) + 1, epoch(after.taken_at) - 1)
    uploads = [epoch(row.uploaded_at) for row in after.rows if row.uploaded_at]
    near = [at for at in uploads if epoch(before.taken_at) < at < epoch(after.taken_at)]
    at = data.draw(st.one_of(between, st.sampled_from(near)) if near else between)
    inserted = Snapshot(before.source, iso(at), there_at(before, after, at), before.served)
    snapshots = sorted((*case.snapshots, inserted), key=lambda snapshot: epoch(snapshot.taken_at))
    assert_unchanged(case, replace(case, snapshots=tuple(snapshots)))


def there_at(before: Snapshot, after: Snapshot, at: int) -> tuple[Row, ...]:
    """What two successive snapshots say was there at an instant between them, as the later one tells it."""
    earlier, later = model.holdings(before), model.holdings(after)
    p, n = epoch(before.taken_at), epoch(after.taken_at)

    def there(row: Row) -> bool:
        key = (row.workspace, row.format, row.package, row.digest, row.size)
        start = min((upload for upload in later[key] if p <= upload <= n), default=n)
        return key in earlier or start <= at

    return tuple(row for row in after.rows if there(row))


def iso(at: int) -> str:
    """An instant as text."""
    return datetime.fromtimestamp(at, UTC).isoformat()


@tried(4)
@given(histories().filter(lambda case: case.card is not None), st.data())
def test_a_month_is_the_sum_of_its_parts(case: Case, data: st.DataObject) -> None:
    """Entries that only repeat what is in force cut the month anew, and no byte-second comes or goes."""
    assert case.card is not None
    start, end = month_bounds(case.month)
    day = date(1970, 1, 1) + timedelta(days=data.draw(st.integers(start, end - 1)) // DAY)
    card: dict[str, Any] = dict(case.card)
    for kind in data.draw(st.sampled_from((("rule",), ("rate",), ("rule", "rate")))):
        entries = card[kind]
        earlier = [entry for entry in entries if entry["effective_from"] <= day]
        in_force = max(earlier, key=lambda entry: entry["effective_from"])
        if in_force["effective_from"] != day:
            card[kind] = [*entries, in_force | {"effective_from": day}]
    changed = replace(case, card=card)
    assert usage(model.bills(changed)) == usage(model.bills(case))
    assert usage(bill(changed)) == usage(model.bills(case))


def usage(bills: Bills) -> list[tuple[Any, ...]]:
    """All but the money."""
    return [
        (
            each.workspace,
            each.byte_seconds,
            each.charged_byte_seconds,
            [replace(line, amount=None) for line in each.lines if line.byte_seconds > 0],
            each.held_names,
        )
        for each in billed(bills)
    ]


@tried(4)
@given(histories().filter(lambda case: case.card is not None and case.events != ()), st.data())
def test_deleting_packages_before_their_repository_never_costs_more(case: Case, data: st.DataObject) -> None:
    """Unless the card charges for deleted packages."""
    assert case.card is not None
    rules = [rule | {"charged": [s for s in rule["charged"] if s != "package_deleted"]} for rule in case.card["rule"]]
    links = [event for event in model.ordered_events(case) if event.get("data", {}).get("repository")]
    link = data.draw(st.sampled_from(links)) if links else None
    if link is None:
        return
    workspace = link["subject"].split("/")[0]
    slug = link["data"]["repository"]
    start, end = month_bounds(case.month)
    at = data.draw(st.one_of(st.just(epoch(link["time"])), st.integers(start, end - 1)))
    linked = model.workspace_at(model.events_of(case, workspace), at).packages
    inside = [key for key, package in linked.items() if package.repository and package.repository.slug == slug]
    sooner = data.draw(st.sampled_from((0, 1, DAY)))
    before = [deletion("package", f"{workspace}/{kind}/{name}", at - sooner) for kind, name in sorted(inside)]
    after = deletion("repository", f"{workspace}/{slug}", at)
    case = replace(case, card=case.card | {"rule": rules}, events=(*case.events, after))
    with_packages = replace(case, events=(*case.events, *before))
    dearer, cheaper = model.bill_or_refusal(case, workspace), bill(with_packages)[workspace]
    assert isinstance(dearer, Bill) == isinstance(cheaper, Bill)
    if isinstance(dearer, Bill) and isinstance(cheaper, Bill):
        assert minor(cheaper.amount) <= minor(dearer.amount)
        # A served source may hide what a deleted repository holds; of a deleted package it hides nothing.
        hides = any(snapshot.served for snapshot in case.snapshots)
        assert cheaper.byte_seconds == dearer.byte_seconds or (hides and cheaper.byte_seconds < dearer.byte_seconds)


def deletion(kind: str, subject: str, at: int) -> dict[str, Any]:
    """An event whose id comes before all that are drawn, packages' before repositories'."""
    return {
        "specversion": "1.0",
        "source": "law",
        "id": f"a {kind} {subject}",
        "time": iso(at),
        "type": f"registry.{kind}.deleted",
        "subject": subject,
    }


@tried(4)
@given(histories().filter(lambda case: len(case.workspaces()) > 1), st.data())
def test_one_workspace_does_not_change_the_others_bills(case: Case, data: st.DataObject) -> None:
    """All that is told of one goes, but for the instants of its snapshots: coverage is everybody's."""
    gone = data.draw(st.sampled_from(case.workspaces()))
    snapshots = tuple(
        replace(snapshot, rows=tuple(row for row in snapshot.rows if row.workspace != gone))
        for snapshot in case.snapshots
    )
    events = tuple(event for event in case.events if event.get("subject", "").split("/")[0] != gone)
    rest = replace(case, snapshots=snapshots, events=events)
    expected = {workspace: each for workspace, each in model.bills(case).items() if workspace != gone}
    assert model.bills(rest) == expected
    assert bill(rest) == expected


# The histories themselves


def test_histories_are_worth_the_trouble() -> None:
    """That what is drawn holds what the rules are about: else all of the above would prove little."""
    seen: Counter[str] = Counter()
    wanted = {"live", "repository_deleted", "workspace_deleted", "package_deleted", "expired", "charged", "held names"}
    wanted |= {"provisional", "refused", "split among packages", "several of rule", "several of rate"}

    def enough(case: Case) -> bool:
        bills = model.bills(case)
        lines = [line for each in billed(bills) for line in each.lines]
        seen.update({line.state for line in lines})
        seen["charged"] += any(line.amount and minor(line.amount) > 0 for line in lines)
        seen["held names"] += any(each.held_names for each in billed(bills))
        seen["provisional"] += any(each.status == "provisional" for each in billed(bills))
        seen["refused"] += len(billed(bills)) < len(bills)
        seen["split among packages"] += any(is_split(case, each) for each in billed(bills))
        start, end = month_bounds(case.month)
        for kind in ("rule", "rate"):
            days = [model.effective_from(entry) for entry in (case.card or {}).get(kind, [])]
            seen[f"several of {kind}"] += any(start < day < end for day in days)
        return all(seen[name] >= 2 for name in wanted)

    draw_until(histories(), enough, most=200)


def is_split(case: Case, of: Bill) -> bool:
    """Whether two packages refer to one blob at one time."""
    stays = model.stays(case, of.workspace)
    return any(
        a.digest == b.digest and a.package != b.package and a.start < b.until and b.start < a.until
        for a in stays
        for b in stays
    )


def test_the_model_shares_out_exactly() -> None:
    """A model that lost a fraction could agree with a project that loses the same one."""
    shares: dict[model.LineKey, Fraction] = {(None, "npm", name, "live"): Fraction(10, 3) for name in "abc"}
    assert list(model.apportion(10, shares).values()) == [4, 3, 3]
