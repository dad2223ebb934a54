"""Registry histories drawn by chance: small, awkward, and full of coincidences.

Most that goes wrong goes wrong where two instants coincide or lie a second apart, so instants come from a small pool
that is drawn first, and the pool holds the month's bounds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.support.model_of_rules import DAY, Case, Row, Snapshot, epoch, month_bounds

Draw = Callable[..., Any]
Reference = tuple[str, str, str, str, str, int]  # workspace, format, package, version, digest, size

MONTHS = ("2026-10", "2026-02", "2026-12", "2028-02")
WORKSPACES = ("acme", "acme2", "Ünï corp")
SLUGS = ("widgets", "NULL", "{{ slug }}")
PACKAGES = (
    ("container", "team/api"),
    ("container", "web"),
    ("container", "NULL"),
    ("container", "ünï/cøde 😀"),
    ("npm", "@a/b"),
    ("npm", "web"),
    ("npm", 'quo"ted, "twice"'),
    ("npm", "two\nlines"),
    ("maven", "com.acme:core"),
    ("maven", "it's; DROP TABLE x --"),
    ("maven", "{{ 7 * 7 }}${HOME}%s"),
    ("maven", " spaces "),
)
VERSIONS = ("1.0", "", "NULL")
# The first of a choice is drawn the most, so what makes a bill worth reading comes first.
SIZES = (5 * 10**12, 3 * 10**9 + 1, 7, 2**30, 10**9, 10**15 + 1, 3 * 10**16, 999, 1, 0, 2**63 - 1)
STATES = ("live", "repository_deleted", "workspace_deleted", "package_deleted", "expired")
ZONES = (UTC, UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=9, minutes=30)))
CARD_DAYS = (9, 20, 1, 27, -20)  # where the card may change, counted from the first of the month
FRACTIONS = ("", "", "", ".5", ".999")


@dataclass(frozen=True)
class World:
    """What a history is made from."""

    month: str
    pool: tuple[int, ...]
    workspaces: tuple[str, ...]
    slugs: tuple[str, ...]
    packages: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, tuple[int, ...]], ...]  # workspace, the size of each of its blobs

    def instants(self) -> st.SearchStrategy[int]:
        """Mostly one of the pool, at times the second before or after."""
        return st.builds(lambda at, by: at + by, st.sampled_from(self.pool), st.sampled_from((0, 0, 0, 0, -1, 1)))


@st.composite
def worlds(draw: Draw) -> World:
    """A month, a handful of instants around it, and the names that occur."""
    month = draw(st.sampled_from(MONTHS))
    start, end = month_bounds(month)
    near = st.integers(start - 50 * DAY, end + 10 * DAY)
    within = st.integers(start, end)
    # A few, so that deletions meet links, uploads meet snapshots, and both meet the first second of a rule.
    pool = {start, end, *draw(st.lists(within, min_size=2, max_size=3)), *draw(st.lists(near, max_size=2))}
    pool |= {start + day * DAY for day in draw(few(CARD_DAYS, 1, 2))}
    workspaces = draw(few(WORKSPACES, 1, 3))
    sizes = st.lists(st.sampled_from(SIZES), min_size=1, max_size=4).map(tuple)
    return World(
        month=month,
        pool=tuple(sorted(pool)),
        workspaces=workspaces,
        slugs=draw(few(SLUGS, 1, 2)),
        packages=draw(few(PACKAGES, 1, 4)),
        sizes=tuple((workspace, draw(sizes)) for workspace in workspaces),
    )


def few(choices: tuple[Any, ...], least: int, most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """Some of these, each once."""
    return st.lists(st.sampled_from(choices), min_size=least, max_size=most, unique=True).map(tuple)


def chance(of: int) -> st.SearchStrategy[bool]:
    """Once in so many times; the last choice, since the first is drawn too often."""
    return st.sampled_from((False,) * (of - 1) + (True,))


@st.composite
def written(draw: Draw, at: int) -> str:
    """An instant as one of the many texts that mean it, with a fraction that is to be cut off."""
    moment = datetime.fromtimestamp(at, UTC).astimezone(draw(st.sampled_from(ZONES)))
    fraction: str = draw(st.sampled_from(FRACTIONS))
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction
    return text + ("Z" if moment.tzinfo is UTC else moment.isoformat()[-6:])


# Snapshots


@st.composite
def references(draw: Draw, world: World) -> tuple[Reference, ...]:
    """All that any snapshot will hold: several packages and versions that refer to few blobs."""
    found = set()
    for workspace, sizes in world.sizes:
        for _ in range(draw(st.integers(2, 6))):
            kind, package = draw(st.sampled_from(world.packages))
            blob = draw(st.integers(0, len(sizes) - 1))
            version = draw(st.sampled_from(VERSIONS))
            found.add((workspace, kind, package, version, f"sha256:{blob:064x}", sizes[blob]))
    return tuple(sorted(found))


@st.composite
def source_snapshots(draw: Draw, world: World, source: str, held: tuple[Reference, ...]) -> list[Snapshot]:
    """One source: its kind and its instants first, then when each reference is in them, and under which version."""
    start, end = month_bounds(world.month)
    instants = set(draw(st.lists(world.instants(), max_size=3)))
    if not draw(chance(6)) or not instants:
        instants.add(start - draw(st.sampled_from((0, 1, 40 * DAY))))
    if not draw(chance(6)) or len(instants) < 2:
        instants.add(end + draw(st.sampled_from((0, 1, 4 * DAY))))
    taken = sorted(instants)
    grown = [draw(st.sampled_from((0, 0, 0, 0, 0, 1, 2))) for _ in taken]  # which blobs have another size then
    every = (1 << len(taken)) - 1
    rows: list[list[Row]] = [[] for _ in taken]
    for reference in held:
        # A third of what there is stays all the time: what comes and goes at once is seldom charged.
        seen = draw(st.one_of(st.integers(0, every), st.just(every), st.integers(0, every)))
        for number in range(len(taken)):
            if seen >> number & 1:
                shown = draw(as_shown(reference, grown[number]))
                rows[number] += draw(listings(world, shown, taken))
    served = draw(st.booleans())
    return [Snapshot(source, draw(written(at)), tuple(listed), served) for at, listed in zip(taken, rows, strict=True)]


@st.composite
def as_shown(draw: Draw, reference: Reference, grown: int) -> Reference:
    """Now and then by another version, as a tag that moved; of another size where the blob is `grown`."""
    workspace, kind, package, version, digest, size = reference
    if draw(chance(3)):
        version = draw(st.sampled_from(VERSIONS))
    if grown >> int(digest[7:]) & 1:
        size = size + 1 if size < 2**63 - 1 else size - 1
    return workspace, kind, package, version, digest, size


@st.composite
def listings(draw: Draw, world: World, reference: Reference, taken: list[int]) -> list[Row]:
    """A reference as a snapshot lists it: once, or now and then twice with another upload."""
    uploads = st.one_of(st.sampled_from(taken), st.none(), st.sampled_from(taken), world.instants())
    times = 2 if draw(chance(4)) else 1
    output = [draw(uploads) for _ in range(times)]
    return [Row(*reference, None if at is None else draw(written(at))) for at in output]


# Events


@st.composite
def event_lists(draw: Draw, world: World) -> tuple[dict[str, Any], ...]:
    """Links early on, so that repositories matter, then anything at any time; now and then an event twice."""
    drawn: list[dict[str, Any]] = []
    start, _ = month_bounds(world.month)
    for workspace in world.workspaces:
        for kind, name in world.packages:
            if not draw(chance(4)):
                slug = draw(st.sampled_from(world.slugs))
                verb = draw(st.sampled_from(("linked", "created")))
                drawn.append(
                    draw(event(world, "package", verb, f"{workspace}/{kind}/{name}", {"repository": slug}, start - DAY))
                )
    anything = any_event(world)
    drawn += draw(st.one_of(st.lists(anything, min_size=12, max_size=24), st.lists(anything, max_size=5)))
    if draw(chance(2)):  # a deletion within the month at the least, for nothing is as rich in rules
        target = f"{draw(st.sampled_from(world.workspaces))}/{draw(st.sampled_from(world.slugs))}"
        start, end = month_bounds(world.month)
        within = [at for at in world.pool if start - 10 * DAY <= at < end]
        drawn.append(draw(event(world, "repository", "deleted", target, at=draw(st.sampled_from(within)))))
    unique = {(each["source"], each["id"]): each for each in drawn}  # an id's content never changes
    listed = list(unique.values())
    if listed and draw(st.booleans()):
        listed.append(draw(st.sampled_from(listed)))
    if draw(chance(6)):
        listed.append({"type": "com.example.pushed", "note": "not ours"})
    return tuple(draw(st.permutations(listed)))


@st.composite
def any_event(draw: Draw, world: World) -> dict[str, Any]:
    """Deletions more often than the rest: without them all is live."""
    workspace = draw(st.sampled_from(world.workspaces))
    slug = draw(st.sampled_from(world.slugs))
    kind = draw(st.sampled_from(("repository", "repository", "repository", "package", "package", "workspace", "plan")))
    if kind == "plan":
        plan = draw(st.sampled_from(("premium", "unlisted", "standard", "default")))
        return dict(draw(event(world, "workspace", "plan_changed", workspace, {"plan": plan})))
    if kind == "workspace":
        verb = draw(st.sampled_from(("deleted", "restored", "created")))
        return dict(draw(event(world, kind, verb, workspace)))
    if kind == "repository":
        verb = draw(st.sampled_from(("deleted", "created", "deleted", "restored")))
        return dict(draw(event(world, kind, verb, f"{workspace}/{slug}")))
    named, name = draw(st.sampled_from(world.packages))
    verb = draw(st.sampled_from(("deleted", "restored", "created", "linked")))
    data = {"repository": slug} if verb == "linked" or draw(st.booleans()) else None
    return dict(draw(event(world, kind, verb, f"{workspace}/{named}/{name}", data)))


@st.composite
def event(
    draw: Draw,
    world: World,
    kind: str,
    verb: str,
    subject: str,
    data: dict[str, Any] | None = None,
    at: int | None = None,
) -> dict[str, Any]:
    """One CloudEvent; ids are few, so that two sources use the same one."""
    when = draw(world.instants()) if at is None else at
    output: dict[str, Any] = {
        "specversion": "1.0",
        "source": draw(st.sampled_from(("hub", "admin"))),
        "id": f"e{draw(st.integers(0, 60))}",
        "time": draw(written(when)),
        "type": f"registry.{kind}.{verb}",
        "subject": subject,
    }
    return output | ({} if data is None else {"data": data})


# The card


@st.composite
def cards(draw: Draw, world: World) -> dict[str, Any]:
    """Rules and rates, each with its own dates."""
    start, _ = month_bounds(world.month)
    first = date.fromtimestamp(0) + timedelta(days=start // DAY)
    dates = st.sampled_from([first + timedelta(days) for days in (*CARD_DAYS, 0)])
    beginnings = st.sampled_from((date(2025, 12, 3), date(2025, 12, 3), first))

    def dated(entries: st.SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
        days = {draw(beginnings)} | {draw(dates) for _ in range(draw(st.sampled_from((1, 0, 2))))}
        if min(days) > first:
            days.add(first)
        return [{"effective_from": day} | draw(entries) for day in draw(st.permutations(sorted(days)))]

    return {
        "currency": draw(st.sampled_from(("USD", "USD", "JPY", "KWD"))),
        "rule": dated(rules()),
        "rate": dated(rates()),
    }


@st.composite
def rules(draw: Draw) -> dict[str, Any]:
    """The usual rule, or one that charges other states."""
    usual = ("live", "repository_deleted")
    charged = draw(st.one_of(st.just(usual), st.just(usual), few(STATES, 0, 5)))
    return {
        "retention_days": draw(st.sampled_from((30, 30, 30, 30, 7, 45, 1, 0))),
        "charged": list(charged),
        "share": draw(st.sampled_from(("workspace", "workspace", "package"))),
    }


@st.composite
def rates(draw: Draw) -> dict[str, Any]:
    """Up to three tiers, and what is included."""
    bounds = draw(few(("0.5", "1", "5", "20.25", "1000"), 0, 2))
    prices = st.sampled_from(("0.25", "0.125", "0.0999", "1", "0", "37.5", "0.000000001"))
    tiers: list[dict[str, str]] = [{"up_to": bound, "price": draw(prices)} for bound in sorted(bounds, key=float)]
    included = draw(
        st.sampled_from(
            (
                None,
                {"standard": "2", "premium": "1"},  # refuses a plan that it does not list
                {"default": "0", "standard": "1", "premium": "10", "unlisted": "2"},
                {"default": "0.75", "standard": "1", "premium": "10.5", "unlisted": "0"},
                {"standard": "2", "premium": "1", "default": "3", "unlisted": "1"},
            )
        )
    )
    rate = {"unit": draw(st.sampled_from(("GB", "GiB"))), "tiers": [*tiers, {"price": draw(prices)}]}
    return rate if included is None else rate | {"included": included}


# Whole histories


@st.composite
def histories(draw: Draw, least_sources: int = 1) -> Case:
    """Everything together; now and then a retired source, and now and then no card."""
    world = draw(worlds())
    held = draw(references(world))
    sources = ("images", "files", "jars")[: draw(st.integers(least_sources, 3))]
    snapshots: list[Snapshot] = []
    retired = []
    for source in sources:
        mine = draw(source_snapshots(world, source, held))
        snapshots += mine
        if draw(chance(7)):
            retired.append((source, draw(written(epoch(mine[-1].taken_at) + draw(st.sampled_from((0, 5)))))))
    return Case(
        snapshots=tuple(sorted(snapshots, key=lambda snapshot: (epoch(snapshot.taken_at), snapshot.source))),
        events=draw(event_lists(world)),
        card=None if draw(chance(10)) else draw(cards(world)),
        month=world.month,
        retired=tuple(retired),
    )


@st.composite
def high_churn_histories(draw: Draw) -> Case:
    """One blob that a few packages hold all month, and so many deletions and returns that its holders never rest."""
    start, end = month_bounds("2026-10")
    packages = PACKAGES[:4]
    size = draw(st.sampled_from((7, 3 * 10**9 + 1, 2**63 - 1)))
    rows = tuple(Row("acme", *package, "1.0", f"sha256:{blob:064x}", size) for package in packages for blob in (1, 2))
    change = st.tuples(st.integers(start, end), st.sampled_from(packages), st.sampled_from(("deleted", "restored")))
    changes = draw(st.lists(change, min_size=160, max_size=200))
    events = [
        {
            "specversion": "1.0",
            "source": "hub",
            "id": f"{number:03}",
            "time": datetime.fromtimestamp(at, UTC).isoformat(),
            "type": f"registry.package.{verb}",
            "subject": f"acme/{kind}/{name}",
        }
        for number, (at, (kind, name), verb) in enumerate(changes)
    ]
    world = World("2026-10", (start, end), ("acme",), SLUGS, packages, ())
    return Case(
        snapshots=(
            Snapshot("images", draw(written(start - DAY)), rows),
            Snapshot("images", draw(written(end)), rows),
        ),
        events=tuple(events),
        card=draw(cards(world)),
        month="2026-10",
    )


@st.composite
def steady_histories(draw: Draw) -> Case:
    """What every package holds stays the same from before the first deletion on; charged are the usual states."""
    world = draw(worlds())
    start, end = month_bounds(world.month)
    held = draw(references(world))
    snapshots = []
    for source in ("images", "files")[: draw(st.integers(1, 2))]:
        between = draw(st.lists(world.instants(), max_size=4))
        rows = tuple(Row(*reference) for reference in held if draw(st.booleans()))
        instants = sorted({start - 60 * DAY, *between, end + draw(st.sampled_from((0, 1, 40 * DAY)))})
        snapshots += [Snapshot(source, draw(written(at)), rows) for at in instants]
    card = draw(cards(world))
    usual = {"charged": ["live", "repository_deleted"]}
    return Case(
        snapshots=tuple(sorted(snapshots, key=lambda snapshot: (epoch(snapshot.taken_at), snapshot.source))),
        events=draw(event_lists(world)),
        card=card | {"rule": [rule | usual for rule in card["rule"]]},
        month=world.month,
    )


def gaps(case: Case) -> list[tuple[Snapshot, Snapshot]]:
    """The pairs of successive snapshots of a stored source with room for another between them."""
    by_source: dict[str, list[Snapshot]] = {}
    for snapshot in case.snapshots:
        if snapshot.served:
            continue
        by_source.setdefault(snapshot.source, []).append(snapshot)
    return [
        (before, after)
        for taken in by_source.values()
        for before, after in pairwise(sorted(taken, key=lambda snapshot: epoch(snapshot.taken_at)))
        if epoch(after.taken_at) - epoch(before.taken_at) >= 2
    ]
