"""How near a bill comes to what was stored and charged, by the kind of a source and by how often it is collected.

`uv run python -m tests.bench.truth`: a registry of 100 packages in 25 repositories, in which each package takes a push
of 1 GB about every second day and keeps its latest 60, and every third repository is deleted within the month. A
stored source shows what a deleted repository held until its retention ends, a served one shows nothing of it any more.
"""

import json
import random
from datetime import UTC, datetime
from typing import NamedTuple

from tests.support.model_of_rules import DAY, Bill, Case, Row, Snapshot, month_bounds
from tests.support.project import bill

MONTH = "2026-10"
START, END = month_bounds(MONTH)
PACKAGES, REPOSITORIES, KEPT, GB = 100, 25, 60, 10**9
CARD = {
    "currency": "USD",
    "rule": [
        {
            "effective_from": datetime(2025, 12, 3, tzinfo=UTC).date(),
            "retention_days": 30,
            "charged": ["live", "repository_deleted"],
            "share": "workspace",
        }
    ],
    "rate": [{"effective_from": datetime(2025, 12, 3, tzinfo=UTC).date(), "unit": "GB", "tiers": [{"price": "0.25"}]}],
}


class Push(NamedTuple):
    """A blob of 1 GB in a package, stored in [pushed_at, removed_at)."""

    package: int
    number: int
    pushed_at: int
    removed_at: int


def pushes(chance: random.Random, deleted: dict[int, int]) -> list[Push]:
    """Of all packages; a deleted repository takes no push and loses nothing until its retention ends."""
    found = []
    for package in range(PACKAGES):
        gone = deleted.get(package % REPOSITORIES, END + 60 * DAY)
        at, instants = START - 150 * DAY, []
        while at < min(gone, END + DAY):
            instants.append(at)
            at += int(chance.expovariate(1 / (2 * DAY))) + 1
        for number, pushed_at in enumerate(instants):
            later = instants[number + KEPT] if number + KEPT < len(instants) else gone + 30 * DAY
            found.append(Push(package, number, pushed_at, later))
    return found


def text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def case(stored: list[Push], deleted: dict[int, int], days: int, served: bool) -> Case:
    """As snapshots every so many days tell it, from a source of one kind."""
    snapshots = []
    for at in range(START - days * DAY, END + days * DAY, days * DAY):
        rows = tuple(
            Row(
                "acme",
                "container",
                f"p{push.package}",
                "latest",
                f"sha256:{push.package}-{push.number}",
                GB,
                text(push.pushed_at),
            )
            for push in stored
            if push.pushed_at <= at < push.removed_at
            and not (served and deleted.get(push.package % REPOSITORIES, at + 1) <= at)
        )
        snapshots.append(Snapshot("registry", text(at), rows, served))
    events = [
        event(f"l{package}", START - 200 * DAY, "package.linked", f"acme/container/p{package}", package % REPOSITORIES)
        for package in range(PACKAGES)
    ]
    events += [event(f"d{n}", at, "repository.deleted", f"acme/r{n}") for n, at in deleted.items()]
    return Case(tuple(snapshots), tuple(events), CARD, MONTH)


def event(name: str, at: int, kind: str, subject: str, repository: int | None = None) -> dict[str, object]:
    made: dict[str, object] = {
        "specversion": "1.0",
        "source": "hub",
        "id": name,
        "time": text(at),
        "type": f"registry.{kind}",
        "subject": subject,
    }
    return made if repository is None else made | {"data": {"repository": f"r{repository}"}}


def main() -> None:
    chance = random.Random(1)
    deleted = {n: chance.randrange(START, END) for n in range(0, REPOSITORIES, 3)}
    stored = pushes(chance, deleted)
    truth = GB * sum(max(0, min(push.removed_at, END) - max(push.pushed_at, START)) for push in stored)
    for days in (1, 7):
        for served in (False, True):
            billed = bill(case(stored, deleted, days, served))["acme"]
            assert isinstance(billed, Bill)
            row = {
                "days between snapshots": days,
                "source": "served" if served else "stored",
                "billed / truth": round(billed.charged_byte_seconds / truth, 4),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
