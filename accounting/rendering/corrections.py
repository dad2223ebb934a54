"""Corrections of closed months as branches of an explanation's tree: what was sealed, what is known now, and why."""

from collections.abc import Sequence

from accounting.billing.explanation import CorrectionExplanation, LateEvent, LateSnapshot
from accounting.instants import format_instant
from accounting.model import Statement
from accounting.rendering.tree import Branch, cause_words, line_name
from accounting.text import counted, in_words, shown_money, visible

_SHOWN = 20  # of the events and of the snapshots that bear on a correction
_SHARERS = 3


def correction_branch(explained: CorrectionExplanation, bill: Statement) -> Branch:
    """A correction, the figures that it is the difference of, and the evidence that moved them."""
    correction = explained.correction
    difference = (correction.byte_seconds, correction.amount_minor)
    sealed = [
        Branch(
            f"{'sealed with' if sealed_line.month == correction.month else 'corrected on'} {sealed_line.month}:"
            f" {_figures((sealed_line.byte_seconds, sealed_line.amount_minor), bill)}"
        )
        for sealed_line in explained.sealed_lines
    ]
    label = f"Correction of {correction.month}, which is closed, for {line_name(correction.key)}"
    if correction.amount_minor is not None:
        label += f": {shown_money(correction.amount_minor, bill.minor_digits)} {bill.currency}"
    return Branch(
        label,
        [
            Branch(f"Told so far: {_figures(explained.sealed, bill) if sealed else 'nothing'}", sealed),
            Branch(f"Would be now: {_figures(explained.now, bill)}"),
            Branch(f"The difference is the correction: {_figures(difference, bill)}"),
            Branch(_what_changed(explained)),
            _evidence(explained),
        ],
    )


def _figures(figures: tuple[int, int | None], bill: Statement) -> str:
    byte_seconds, amount = figures
    words = counted(byte_seconds, "byte-second")
    return words if amount is None else f"{words}, {shown_money(amount, bill.minor_digits)} {bill.currency}"


def _what_changed(explained: CorrectionExplanation) -> str:
    if not explained.only_amount:
        return "Byte-seconds changed" + (", and the amount with them" if explained.correction.amount_minor else "")
    causes = []
    if explained.card_recorded_at is not None:
        causes.append("a rate card was loaded as retroactive")
    if any(event.cause.verb == "plan_changed" for event in explained.events):
        causes.append("the workspace's plan changed")
    why = in_words(causes or ["other lines moved the workspace's total and its rounding"])
    return f"Usage is unchanged; only the amount changed, because {why}"


def _evidence(explained: CorrectionExplanation) -> Branch:
    """What was recorded since all of this was last sealed, and bears on the package."""
    twigs = [*_first([_event(event) for event in explained.events], "event")]
    twigs += _first([_snapshot(snapshot) for snapshot in explained.snapshots], "snapshot")
    if explained.card_recorded_at is not None:
        twigs.append(
            Branch(f"a rate card, loaded as retroactive; recorded {format_instant(explained.card_recorded_at)}")
        )
    if explained.sharers and not explained.only_amount:
        names = [visible(name) for name in explained.sharers[:_SHARERS]]
        names += ["others"] if len(explained.sharers) > _SHARERS else []
        corrected = "is corrected" if len(names) == 1 else "are corrected"
        twigs.append(Branch(f"it shares blobs with {in_words(names)}, which {corrected} too"))
    if not twigs:
        twigs.append(Branch("nothing of the package itself: what other lines of its workspace tell moved it"))
    return Branch(f"Recorded since {explained.last_closed} was closed", twigs)


def _first(branches: Sequence[Branch], thing: str) -> list[Branch]:
    more = len(branches) - _SHOWN
    return [*branches[:_SHOWN], *([Branch(f"{counted(more, f'more {thing}')}")] if more > 0 else [])]


def _event(event: LateEvent) -> Branch:
    named = [f"repository {visible(event.repository)}"] if event.repository is not None else []
    named += [f"plan {visible(event.plan)}"] if event.plan is not None else []
    about = f", {in_words(named)}" if named else ""
    return Branch(f"{cause_words(event.cause)}{about}; recorded {format_instant(event.recorded_at)}")


def _snapshot(snapshot: LateSnapshot) -> Branch:
    counts = ((snapshot.begun, "came"), (snapshot.ended, "went"), (snapshot.went_on, "stayed"))
    blobs = in_words([f"{number:,} {word}" for number, word in counts if number])
    return Branch(
        f"snapshot of {visible(snapshot.source)} at {format_instant(snapshot.taken_at)}: of its blobs {blobs};"
        f" recorded {format_instant(snapshot.recorded_at)}"
    )
