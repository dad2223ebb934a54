"""Months that are closed, and the evidence that comes after."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from accounting.billing.statement import statements
from accounting.closing.closing import close
from accounting.instants import Month, format_instant
from accounting.ledger import reading, writing
from accounting.model import Statement
from tests.support import model_of_rules as model
from tests.support.histories import World, cards
from tests.support.model_of_rules import Bill, Case, Snapshot, epoch
from tests.support.project import Books, Card, Events, Retire, Step


def known_until(case: Case, end: int) -> Case:
    """With a snapshot of each source that is not retired at that instant, which tells nothing new."""
    retired = {source for source, _ in case.retired}
    latest = {snapshot.source: snapshot for snapshot in case.snapshots}
    more = [
        replace(snapshot, taken_at=format_instant(end))
        for source, snapshot in latest.items()
        if source not in retired and epoch(snapshot.taken_at) < end
    ]
    return replace(case, snapshots=(*case.snapshots, *more))


@st.composite
def late_evidence(draw: Callable[..., Any], case: Case, month: Month) -> tuple[Case, list[list[Step]]]:
    """What is known when a month is closed, and what comes after, in batches: each source's own in its order.

    A source is known beyond the month then, or is retired, or not known at all.
    """
    known = replace(case, snapshots=(), retired=(), events=())
    late: list[list[Step]] = []
    for number, source in enumerate(dict.fromkeys(snapshot.source for snapshot in case.snapshots)):
        taken = model.snapshots_of(case, source)
        steps: list[Step] = [*taken, *(Retire(*retired) for retired in case.retired if retired[0] == source)]
        beyond = [i for i, snapshot in enumerate(taken, 1) if epoch(snapshot.taken_at) >= month.end]
        first = draw(st.sampled_from(sorted({*beyond, len(steps)}) + ([0, 0, 0] if number else [])))
        known = with_steps(known, steps[:first])
        late.append(steps[first:])
    for event in case.events:
        if draw(st.booleans()):
            late.append([Events((event,))])
        else:
            known = with_steps(known, [Events((event,))])
    if draw(st.booleans()):
        late.append([Card(card, retroactive=True) for card in draw(st.lists(cards_like(case), min_size=1, max_size=2))])
    order = draw(st.permutations([number for number, steps in enumerate(late) for _ in steps]))
    queues = [iter(steps) for steps in late]
    coming = [next(queues[number]) for number in order]
    cuts = sorted({0, len(coming), *draw(st.lists(st.integers(0, len(coming)), max_size=3))})
    return known, [coming[a:b] for a, b in pairwise(cuts)]


@st.composite
def cards_like(draw: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Another card for the same month, in the same currency."""
    other: dict[str, Any] = draw(cards(World(case.month, (), (), (), (), ())))
    return other | ({"currency": case.card["currency"]} if case.card else {"currency": "USD"})


def with_steps(known: Case, steps: Sequence[Step]) -> Case:
    """What is known when these have come too."""
    for step in steps:
        if isinstance(step, Snapshot):
            known = replace(known, snapshots=(*known.snapshots, step))
        elif isinstance(step, Events):
            known = replace(known, events=(*known.events, *step.events))
        elif isinstance(step, Retire):
            known = replace(known, retired=(*known.retired, (step.source, step.at)))
        else:
            known = replace(known, card=step.card)
    return known


def billable(known: Case, months: Sequence[Month]) -> bool:
    bills = [bill for month in months for bill in model.bills(replace(known, month=str(month))).values()]
    return all(isinstance(bill, Bill) for bill in bills)


def seal(these: Books, month: Month) -> dict[tuple[str, str], Statement]:
    with writing(these.ledger) as ledger:
        assert close(ledger, month, lambda progress: None) is not None
        assert close(ledger, month, lambda progress: None) is None
    return bills_stated(these, [month])


def bills_stated(these: Books, months: Sequence[Month]) -> dict[tuple[str, str], Statement]:
    """The project's statements, by month and workspace."""
    with reading(these.ledger) as ledger:
        return {(str(month), each.workspace): each for month in months for each in statements(ledger, month)}


SNAPSHOT = "workspace,format,package,version,digest,size,uploaded_at\n"


CARD = """currency = "USD"
[[rule]]
effective_from = 2025-12-03
retention_days = 30
charged = ["live", "repository_deleted"]
share = "workspace"
[[rate]]
effective_from = 2025-12-03
unit = "GB"
tiers = [{ price = "1" }]
"""
