"""The charging rules once more: slow, plain and exact, written from the rules alone to check the project against.

It shares no code with the project, on purpose: where the two agree, they agree because both read the rules alike.
The month is cut at every instant where anything changes; each piece is then asked, from scratch, what was stored, in
which state, and who carries it. Nothing here is clever, and nothing is rounded before the last step.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from fractions import Fraction
from itertools import pairwise
from typing import Any

DAY = 86_400
UNITS = {"GB": 10**9, "GiB": 2**30}
MINOR_DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}
EXAMPLE_RULE = {"retention_days": 30, "charged": ["live", "repository_deleted"], "share": "workspace"}

PackageKey = tuple[str, str]  # format, name
LineKey = tuple[str | None, str, str, str]  # repository, format, package, state


class CannotBillError(Exception):
    """The card does not say what this workspace's month costs."""


@dataclass(frozen=True)
class Row:
    """One reference as a snapshot file tells it; instants stay the text that they were."""

    workspace: str
    format: str
    package: str
    version: str
    digest: str
    size: int
    uploaded_at: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """All that one source held at an instant; `served` where it shows what an API serves."""

    source: str
    taken_at: str
    rows: tuple[Row, ...]
    served: bool = False


@dataclass(frozen=True)
class Case:
    """All evidence, the card as `tomllib` gives it, and the month to bill."""

    snapshots: tuple[Snapshot, ...]
    events: tuple[dict[str, Any], ...]
    card: dict[str, Any] | None
    month: str
    retired: tuple[tuple[str, str], ...] = ()  # source, instant

    def workspaces(self) -> list[str]:
        """Every workspace that a reference or an event of ours names."""
        output = {row.workspace for snapshot in self.snapshots for row in snapshot.rows}
        return sorted(output | {event["subject"].split("/")[0] for event in ordered_events(self)})


@dataclass(frozen=True)
class Line:
    """What one package cost in one state, under one repository."""

    repository: str | None
    format: str
    package: str
    state: str
    byte_seconds: int
    amount: str | None


@dataclass(frozen=True)
class HeldName:
    """A name that cannot be used again yet; `held_until` in epoch seconds."""

    workspace: str
    name: str
    repository: str
    held_until: int


@dataclass(frozen=True)
class Bill:
    """One workspace's month; instants in epoch seconds."""

    workspace: str
    month: str
    status: str
    covered_until: int | None
    currency: str | None
    byte_seconds: int
    charged_byte_seconds: int
    amount: str | None
    lines: tuple[Line, ...]
    held_names: tuple[HeldName, ...]


@dataclass(frozen=True)
class Refusal:
    """A workspace's month that cannot be billed."""

    workspace: str


def bills(case: Case) -> dict[str, Bill | Refusal]:
    """The bill of every workspace that the evidence names."""
    return {workspace: bill_or_refusal(case, workspace) for workspace in case.workspaces()}


def bill_or_refusal(case: Case, workspace: str) -> Bill | Refusal:
    """One workspace's bill, or that there is none."""
    try:
        return bill(case, workspace)
    except CannotBillError:
        return Refusal(workspace)


# Instants


def epoch(instant: str) -> int:
    """Whole seconds since 1970, cut down."""
    moment = datetime.fromisoformat(instant)
    assert moment.tzinfo is not None, instant
    # Cut before subtracting: whole seconds stay exact integers, and negative ones are cut down too.
    since = moment.astimezone(UTC).replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * DAY + since.seconds


def month_bounds(month: str) -> tuple[int, int]:
    """First instant of a calendar month and of the one after."""
    year, number = (int(part) for part in month.split("-"))
    start = epoch(f"{year:04}-{number:02}-01T00:00:00Z")
    return start, start + calendar.monthrange(year, number)[1] * DAY


def effective_from(entry: dict[str, Any]) -> int:
    """When an entry of the card begins; a date is its midnight in UTC."""
    when = entry["effective_from"]
    if isinstance(when, datetime):
        return epoch(when.isoformat())
    assert isinstance(when, date), when
    return epoch(datetime.combine(when, time(), UTC).isoformat())


# Section 2: presence


@dataclass(frozen=True)
class Stay:
    """That a package held a blob in `[start, until)`."""

    package: PackageKey
    digest: str
    size: int
    start: int
    until: int


Holding = tuple[str, str, str, str, int]  # workspace, format, package, digest, size


def holdings(snapshot: Snapshot) -> dict[Holding, list[int]]:
    """Each holding of a snapshot, with all uploads that are given for its references."""
    found: dict[Holding, list[int]] = {}
    for row in snapshot.rows:
        uploads = found.setdefault((row.workspace, row.format, row.package, row.digest, row.size), [])
        uploads += [epoch(row.uploaded_at)] if row.uploaded_at else []
    return found


def snapshots_of(case: Case, source: str) -> list[Snapshot]:
    """A source's snapshots as they follow one another."""
    return sorted((each for each in case.snapshots if each.source == source), key=lambda each: epoch(each.taken_at))


def stays(case: Case, workspace: str) -> list[Stay]:
    """When each package of a workspace held each blob; stays may overlap."""
    found = []
    for source in sorted({snapshot.source for snapshot in case.snapshots}):
        taken = snapshots_of(case, source)
        shown = [(epoch(each.taken_at), holdings(each)) for each in taken]
        ever = {holding for _, held in shown for holding in held if holding[0] == workspace}
        for holding in sorted(ever):
            found += stays_of(case, source, holding, shown, taken[0].served)
    return found


def stays_of(
    case: Case, source: str, holding: Holding, shown: list[tuple[int, dict[Holding, list[int]]]], served: bool
) -> list[Stay]:
    """One holding by the snapshots of one source, all of which are `shown`."""
    workspace, kind, name, digest, size = holding
    deleted = Deletions(case, workspace, (kind, name)) if served else None
    remaining = [
        (number, at)
        for number, (at, held) in enumerate(shown)
        if holding in held or deleted is None or not deleted.hides(at)
    ]
    found = []
    before = None  # the number of the remaining snapshot before
    for number, at in remaining:
        held = shown[number][1]
        was = before is not None and holding in shown[before][1]
        start = until = at
        if was and before is not None and holding in held:
            start = shown[before][0]
        elif was and before is not None:
            start = shown[before][0]
            until = deleted.end(start, at) if deleted else start
        elif holding in held and number:
            own = shown[number - 1][0]  # whatever it says
            start = min((upload for upload in held[holding] if own <= upload <= at), default=at)
        found.append(Stay((kind, name), digest, size, start, until))
        before = number
    if deleted and before is not None and holding in shown[before][1]:
        last = [shown[-1][0], *(epoch(at) for name_, at in case.retired if name_ == source)]
        found.append(Stay((kind, name), digest, size, shown[before][0], deleted.end(shown[before][0], max(last))))
    return [stay for stay in found if stay.start < stay.until]


class Deletions:
    """When a package is deleted with its repository or its workspace, asked instant by instant."""

    def __init__(self, case: Case, workspace: str, key: PackageKey) -> None:
        self.case = case
        self.key = key
        self.events = events_of(case, workspace)

    def state(self, instant: int) -> str:
        """Of the package at an instant."""
        return state_of(self.case, workspace_at(self.events, instant), self.key, instant)[1]

    def hides(self, instant: int) -> bool:
        """Whether an API that does not show the package says nothing by that."""
        return self.state(instant) in {"repository_deleted", "workspace_deleted", "expired"}

    def end(self, p: int, n: int) -> int:
        """The end of the last interval of a deletion that is kept and has an instant in `[p, n]`; `p` without one."""
        times = {epoch(event["time"]) for event in self.events}
        changes = sorted(times | {at + retention(self.case, at) for at in times} | {p, n})
        kept = {"repository_deleted", "workspace_deleted"}
        within = [at for at in changes if p <= at <= n and self.state(at) in kept]
        if not within:
            return p
        return next(at for at in changes if at > within[-1] and self.state(at) not in kept)


def coverage(case: Case) -> int | None:
    """Until when everything is known."""
    latest: dict[str, int] = {}
    for snapshot in case.snapshots:
        taken = epoch(snapshot.taken_at)
        latest[snapshot.source] = max(taken, latest.get(snapshot.source, taken))
    retired = {source for source, _ in case.retired}
    active = [taken for source, taken in latest.items() if source not in retired]
    if active:
        return min(active)
    return max(latest.values(), default=None)


# Section 3: lifecycle


@dataclass
class Repository:
    """One repository; another may come to bear the same slug later."""

    slug: str
    deleted_at: int | None = None


@dataclass
class Package:
    """What events said of a package."""

    repository: Repository | None = None
    deleted: bool = False


@dataclass
class Workspace:
    """What the events up to some instant have made of a workspace."""

    deleted_at: int | None = None
    plan: str | None = None
    repositories: dict[str, Repository] = field(default_factory=dict)  # the newest of each slug
    packages: dict[PackageKey, Package] = field(default_factory=dict)

    def newest(self, slug: str) -> Repository:
        """A slug that any event names is a repository from then on."""
        return self.repositories.setdefault(slug, Repository(slug))


def ordered_events(case: Case) -> list[dict[str, Any]]:
    """The registry's events, each once, in the order in which they count."""
    ours = [event for event in case.events if event["type"].startswith("registry.")]
    unique = {(event["source"], event["id"]): event for event in ours}
    return sorted(unique.values(), key=lambda event: (epoch(event["time"]), event["id"], event["source"]))


def events_of(case: Case, workspace: str) -> list[dict[str, Any]]:
    """The events of one workspace in their order."""
    return [event for event in ordered_events(case) if event["subject"].split("/")[0] == workspace]


def workspace_at(events: list[dict[str, Any]], instant: int) -> Workspace:
    """Play all events up to and at an instant."""
    it = Workspace()
    for event in events:
        at = epoch(event["time"])
        if at > instant:
            break
        _, kind, verb = event["type"].split(".")
        rest = event["subject"].split("/")[1:]
        data = event.get("data") or {}
        if kind == "workspace":
            play_workspace(it, verb, at, data)
        elif kind == "repository":
            play_repository(it, verb, at, "/".join(rest))
        else:
            play_package(it, verb, (rest[0], "/".join(rest[1:])), data)
    return it


def play_workspace(it: Workspace, verb: str, at: int, data: dict[str, Any]) -> None:
    """Created and restored both undo a deletion; the first deletion counts."""
    if verb == "plan_changed":
        it.plan = data["plan"]
    elif verb == "deleted":
        it.deleted_at = at if it.deleted_at is None else it.deleted_at
    else:
        it.deleted_at = None


def play_repository(it: Workspace, verb: str, at: int, slug: str) -> None:
    """Created after a deletion is another repository; all else happens to the newest."""
    newest = it.newest(slug)
    if verb == "created":
        if newest.deleted_at is not None:
            it.repositories[slug] = Repository(slug)
    elif verb == "deleted":
        newest.deleted_at = at if newest.deleted_at is None else newest.deleted_at
    else:
        newest.deleted_at = None


def play_package(it: Workspace, verb: str, key: PackageKey, data: dict[str, Any]) -> None:
    """Created and linked set the link; linked does not bring a deleted package back."""
    package = it.packages.setdefault(key, Package())
    if verb in {"created", "linked"} and data.get("repository") is not None:
        package.repository = it.newest(data["repository"])
    if verb == "deleted":
        package.deleted = True
    elif verb in {"created", "restored"}:
        package.deleted = False


def retention(case: Case, deleted_at: int) -> int:
    """By the rule in force when the deletion happened, or by the first rule where that is later."""
    entry = in_force(rules(case), deleted_at) or rules(case)[0][1]
    return int(entry["retention_days"]) * DAY


def state_of(case: Case, it: Workspace, key: PackageKey, instant: int) -> tuple[str | None, str]:
    """Repository and state of a package at an instant: the first that holds."""
    package = it.packages.get(key, Package())
    repository = package.repository
    slug = repository.slug if repository else None
    if package.deleted:
        return slug, "package_deleted"
    if it.deleted_at is not None:
        kept = instant < it.deleted_at + retention(case, it.deleted_at)
        return slug, "workspace_deleted" if kept else "expired"
    if repository is not None and repository.deleted_at is not None:
        kept = instant < repository.deleted_at + retention(case, repository.deleted_at)
        return slug, "repository_deleted" if kept else "expired"
    return slug, "live"


def held_names(case: Case, instant: int, workspace: str) -> tuple[HeldName, ...]:
    """The names of a workspace that are held at an instant, by name."""
    it = workspace_at(events_of(case, workspace), instant)
    held = []
    for (kind, name), package in sorted(it.packages.items()):
        repository = package.repository
        if kind != "container" or state_of(case, it, (kind, name), instant)[1] != "repository_deleted":
            continue
        assert repository is not None
        assert repository.deleted_at is not None
        until = repository.deleted_at + retention(case, repository.deleted_at)
        held.append(HeldName(workspace, name, repository.slug, until))
    return tuple(held)


# Section 5: the card


Dated = list[tuple[int, dict[str, Any]]]


def rules(case: Case) -> Dated:
    """The card's rules by their beginning; without a card the rule of the example, always."""
    if case.card is None:
        return [(-(10**18), EXAMPLE_RULE)]
    return sorted(((effective_from(rule), rule) for rule in case.card["rule"]), key=lambda dated: dated[0])


def rates(case: Case) -> Dated:
    """The card's rates by their beginning; without a card one that nothing is priced by."""
    if case.card is None:
        return [(-(10**18), {})]
    return sorted(((effective_from(rate), rate) for rate in case.card["rate"]), key=lambda dated: dated[0])


def in_force(entries: Dated, instant: int) -> dict[str, Any] | None:
    """The entry with the latest beginning that is not after the instant."""
    begun = [entry for start, entry in entries if start <= instant]
    return begun[-1] if begun else None


def part_of(entries: Dated, instant: int) -> int:
    """Which entry is in force, by its place."""
    return sum(1 for start, _ in entries if start <= instant) - 1


# Sections 4 and 5: usage


@dataclass
class Usage:
    """Exact byte-seconds of one workspace's month."""

    all: dict[LineKey, Fraction] = field(default_factory=dict)
    charged: dict[tuple[int, LineKey], Fraction] = field(default_factory=dict)  # by the rate in force


def cuts(case: Case, workspace: str, held: list[Stay], start: int, until: int) -> list[int]:
    """Every instant between two at which anything may change, and the two."""
    instants = {start, until}
    for stay in held:
        instants |= {stay.start, stay.until}
    for event in events_of(case, workspace):
        at = epoch(event["time"])
        instants |= {at, at + retention(case, at)}
    for first, _ in rules(case) + rates(case):
        instants.add(first)
    return sorted(instant for instant in instants if start <= instant <= until)


def metered(case: Case, workspace: str) -> Usage:
    """Who carried what, piece by piece."""
    usage = Usage()
    start, end = month_bounds(case.month)
    covered = coverage(case)
    if covered is None or covered <= start:
        return usage
    held = stays(case, workspace)
    events = events_of(case, workspace)
    pieces = cuts(case, workspace, held, start, min(end, covered))
    for a, b in pairwise(pieces):
        it = workspace_at(events, a)
        rule = in_force(rules(case), a)
        assert rule is not None
        there = [stay for stay in held if stay.start <= a and b <= stay.until]
        for digest, size in sorted({(stay.digest, stay.size) for stay in there}):
            sharers = {stay.package for stay in there if (stay.digest, stay.size) == (digest, size)}
            where = {key: state_of(case, it, key, a) for key in sharers}
            for key, share in carried(size * (b - a), where, rule).items():
                slug, state = where[key]
                line = (slug, *key, state)
                usage.all[line] = usage.all.get(line, Fraction(0)) + share
                if state in rule["charged"]:
                    at = (part_of(rates(case), a), line)
                    usage.charged[at] = usage.charged.get(at, Fraction(0)) + share
    return usage


def carried(
    byte_seconds: int, where: dict[PackageKey, tuple[str | None, str]], rule: dict[str, Any]
) -> dict[PackageKey, Fraction]:
    """Which of the packages that refer to a blob carry how much of it."""
    if rule["share"] == "package":
        return dict.fromkeys(where, Fraction(byte_seconds))
    charged = {key for key, (_, state) in where.items() if state in rule["charged"]}
    carriers = charged or set(where)
    return {key: Fraction(byte_seconds, len(carriers)) for key in carriers}


def apportion(total: int, shares: dict[LineKey, Fraction]) -> dict[LineKey, int]:
    """Whole numbers that sum to the total: each share cut down, the rest to the largest fractions."""
    whole = {line: share.numerator // share.denominator for line, share in shares.items()}
    left = total - sum(whole.values())
    by_fraction = sorted(shares, key=lambda line: (whole[line] - shares[line], line_order(line)))
    assert 0 <= left <= len(by_fraction)
    for line in by_fraction[:left]:
        whole[line] += 1
    return whole


def line_order(line: LineKey) -> tuple[bool, str, str, str, str]:
    """By repository with null first, format, package, state, by code point."""
    repository, kind, package, state = line
    return (repository is not None, repository or "", kind, package, state)


# Section 5: money


def included(case: Case, workspace: str, rate: dict[str, Any], start: int, until: int) -> Fraction:
    """Unit-seconds that a part of the month includes, by the plans in force in it."""
    if "included" not in rate:
        return Fraction(0)
    events = events_of(case, workspace)
    instants = {start, until} | {epoch(event["time"]) for event in events}
    pieces = sorted(instant for instant in instants if start <= instant <= until)
    total = Fraction(0)
    for a, b in pairwise(pieces):
        plan = workspace_at(events, a).plan
        if plan is not None and plan not in rate["included"]:
            raise CannotBillError(f"{workspace}: the plan {plan!r} is not listed")
        quantity = rate["included"].get("default", "0") if plan is None else rate["included"][plan]
        total += Fraction(quantity) * (b - a)
    return total


def tiered(unit_seconds: Fraction, rate: dict[str, Any], seconds: int) -> Fraction:
    """Price × unit-seconds, each tier's price applied to what lies in that tier."""
    cost, below = Fraction(0), Fraction(0)
    for tier in rate["tiers"]:
        bound = Fraction(tier["up_to"]) * seconds if "up_to" in tier else max(unit_seconds, below)
        cost += max(Fraction(0), min(unit_seconds, bound) - below) * Fraction(tier["price"])
        below = bound
    return cost


def line_costs(case: Case, workspace: str, usage: Usage) -> dict[LineKey, Fraction]:
    """Exact cost of each line in the card's currency."""
    start, end = month_bounds(case.month)
    dated = rates(case)
    if dated[0][0] > start or rules(case)[0][0] > start:
        raise CannotBillError(f"{case.month} has an instant before the first entry")
    costs: dict[LineKey, Fraction] = dict.fromkeys(usage.all, Fraction(0))
    bounds = [first for first, _ in dated] + [end]
    for part, (first, rate) in enumerate(dated):
        a, b = max(first, start), min(bounds[part + 1], end)
        if a >= b:
            continue
        unit = UNITS[rate["unit"]]
        lines = {line: share for (at, line), share in usage.charged.items() if at == part}
        free = included(case, workspace, rate, a, b)
        used = sum(lines.values(), Fraction(0))
        if used == 0:
            continue
        cost = tiered(max(Fraction(0), used / unit - free), rate, b - a) / (end - start)
        for line, share in lines.items():
            costs[line] += cost * share / used
    return costs


def written(minor_units: int, digits: int) -> str:
    """Minor units as the currency writes them."""
    text = str(minor_units).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


def status(case: Case) -> str:
    """What the month is, closings aside (section 2)."""
    _, end = month_bounds(case.month)
    covered = coverage(case)
    if covered is None:
        return "provisional"
    if end <= min(epoch(snapshot.taken_at) for snapshot in case.snapshots):
        return "unknown"
    return "final" if covered >= end else "provisional"


def bill(case: Case, workspace: str) -> Bill:
    """One workspace's month by all the rules."""
    _, end = month_bounds(case.month)
    covered = coverage(case)
    if case.card is not None and min(first for first, _ in rules(case)) > month_bounds(case.month)[0]:
        raise CannotBillError(f"{case.month} has an instant before the first rule")
    usage = metered(case, workspace)
    total = sum(usage.all.values(), Fraction(0))
    charged = sum(usage.charged.values(), Fraction(0))
    assert total.denominator == charged.denominator == 1
    whole = apportion(int(total), usage.all)
    currency, amount = None, None
    amounts: dict[LineKey, str] = {}
    if case.card is not None:
        currency = case.card["currency"]
        digits = MINOR_DIGITS[currency]
        exact = {line: cost * 10**digits for line, cost in line_costs(case, workspace, usage).items()}
        doubled = 2 * sum(exact.values(), Fraction(0)) + 1
        rounded = doubled.numerator // (2 * doubled.denominator)  # half up
        amount = written(rounded, digits)
        amounts = {line: written(minor, digits) for line, minor in apportion(rounded, exact).items()}
    lines = tuple(
        Line(*line, whole[line], amounts.get(line))
        for line in sorted(whole, key=line_order)
        if whole[line] > 0 or any(digit in "123456789" for digit in amounts.get(line, ""))
    )
    return Bill(
        workspace=workspace,
        month=case.month,
        status=status(case),
        covered_until=covered,
        currency=currency,
        byte_seconds=int(total),
        charged_byte_seconds=int(charged),
        amount=amount,
        lines=lines,
        held_names=held_names(case, end if covered is None else min(end, covered), workspace),
    )


def held_at(case: Case, instant: int, workspaces: Iterable[str] | None = None) -> list[HeldName]:
    """The names held at an instant in all workspaces, or in those given."""
    asked = case.workspaces() if workspaces is None else sorted(workspaces)
    return [held for workspace in asked for held in held_names(case, instant, workspace)]
