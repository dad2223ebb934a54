"""Corrections of closed months as branches of an explanation's tree: what was billed, what is known now, and why."""

from collections.abc import Sequence

from accounting.explaining.explanation import CorrectionExplanation, LateEvent, LateSnapshot
from accounting.instants import shown_instant
from accounting.model import Statement
from accounting.rendering.explaining.tree import Branch, cause_words, line_name
from accounting.text import counted, in_words, shown_money, visible

_SHOWN = 20  # events, and as many snapshots, for each correction
_SHARERS = 3


def correction_branch(explained: CorrectionExplanation, bill: Statement) -> Branch:
    """A correction, the two figures whose difference it is, and the evidence that changed them."""
    correction = explained.correction
    difference = (correction.byte_seconds, correction.amount_minor)
    sealed = [
        Branch(
            f"{'on' if sealed_line.month == correction.month else 'as a correction on'} the bill of"
            f" {sealed_line.month}: {_figures((sealed_line.byte_seconds, sealed_line.amount_minor), bill)}"
        )
        for sealed_line in explained.sealed_lines
    ]
    label = f"Correction of the closed month {correction.month} for {line_name(correction.key)}"
    if correction.amount_minor is not None:
        label += f": {shown_money(correction.amount_minor, bill.minor_digits)} {bill.currency}"
    return Branch(
        label,
        [
            Branch(f"Billed so far: {_figures(explained.sealed, bill) if sealed else 'nothing'}", sealed),
            Branch(f"The bill would now be: {_figures(explained.now, bill)}"),
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
        return "Usage changed" + (", and so did the amount" if explained.correction.amount_minor else "")
    causes = []
    if explained.card_recorded_at is not None:
        causes.append("a rate card was loaded as retroactive")
    if any(event.cause.verb == "plan_changed" for event in explained.events):
        causes.append("the workspace's plan changed")
    why = in_words(causes or ["other lines changed the workspace's total and its rounding"])
    return f"Usage is unchanged; only the amount changed, because {why}"


def _evidence(explained: CorrectionExplanation) -> Branch:
    """The evidence on the package that was recorded after the line was last billed."""
    twigs = [*_first([_event(event) for event in explained.events], "event")]
    twigs += _first([_snapshot(snapshot) for snapshot in explained.snapshots], "snapshot")
    if explained.card_recorded_at is not None:
        twigs.append(
            Branch(f"a rate card, loaded as retroactive; recorded on {shown_instant(explained.card_recorded_at)}")
        )
    if explained.sharers and not explained.only_amount:
        names = [visible(name) for name in explained.sharers[:_SHARERS]]
        names += ["others"] if len(explained.sharers) > _SHARERS else []
        corrected = "is corrected" if len(names) == 1 else "are corrected"
        twigs.append(Branch(f"it shares blobs with {in_words(names)}, which {corrected} too"))
    if not twigs:
        twigs.append(
            Branch("nothing about this package: changes to other lines of its workspace caused the correction")
        )
    return Branch(f"Recorded since {explained.last_closed} was closed", twigs)


def _first(branches: Sequence[Branch], thing: str) -> list[Branch]:
    more = len(branches) - _SHOWN
    return [*branches[:_SHOWN], *([Branch(f"{counted(more, f'more {thing}')}")] if more > 0 else [])]


def _event(event: LateEvent) -> Branch:
    named = [f"repository {visible(event.repository)}"] if event.repository is not None else []
    named += [f"plan {visible(event.plan)}"] if event.plan is not None else []
    about = f", {in_words(named)}" if named else ""
    return Branch(f"{cause_words(event.cause)}{about}; recorded on {shown_instant(event.recorded_at)}")


def _snapshot(snapshot: LateSnapshot) -> Branch:
    counts = ((snapshot.begun, "new"), (snapshot.ended, "gone"), (snapshot.went_on, "unchanged"))
    blobs = in_words([f"{number:,} {word}" for number, word in counts if number])
    return Branch(
        f"snapshot of {visible(snapshot.source)} on {shown_instant(snapshot.taken_at)}, blobs of the package:"
        f" {blobs}; recorded on {shown_instant(snapshot.recorded_at)}"
    )
