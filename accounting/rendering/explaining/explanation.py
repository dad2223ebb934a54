"""An explanation as text: a tree from the bill's lines down to blobs, with every step that a reader can check."""

from collections.abc import Sequence
from fractions import Fraction

from accounting.explaining.explanation import (
    NAMED,
    Allocation,
    BlobAllocations,
    Explanation,
    LineExplanation,
    RateStep,
    Sighting,
    StateInterval,
    total,
)
from accounting.instants import shown_date, shown_instant
from accounting.model import RatePeriod
from accounting.rendering.common import STATE_WORDS, coverage, nothing_of
from accounting.rendering.explaining.corrections import correction_branch
from accounting.rendering.explaining.tree import Branch, cause_words, drawn, line_name
from accounting.text import counted, decimal, shown_money, visible


def explanation_text(explained: Explanation) -> str:
    """The explanation for a terminal. Lines of the tree are never wrapped."""
    bill = explained.statement
    head = [
        f"Workspace {visible(bill.workspace)}, {bill.month}, {bill.status}",
        coverage(bill.covered_until),
        "",
    ]
    trees = [_workspace(explained), *(_line(line, explained) for line in explained.lines)]
    if not bill.lines and not bill.corrections:
        trees = [Branch(nothing_of(bill))]
    trees += [correction_branch(each, bill) for each in explained.corrections]
    return "\n".join(head) + "\n" + "\n\n".join("\n".join(drawn(tree)) for tree in trees) + "\n"


# The workspace


def _workspace(explained: Explanation) -> Branch:
    bill = explained.statement
    twigs = [_rules(part) for part in explained.parts]
    twigs += [_rate(step, explained) for step in explained.rates]
    corrected = counted(len(bill.corrections), "correction") + " of closed months"
    if bill.amount_minor is None:
        twigs += [Branch(corrected)] if bill.corrections else []
        return Branch("The whole bill: no rate card is loaded, so there are no amounts", twigs)
    cost = total(step.cost for step in explained.rates)
    amount = shown_money(bill.amount_minor, bill.minor_digits)
    rounded = shown_money(sum(line.amount_minor or 0 for line in bill.lines), bill.minor_digits)
    twigs.append(Branch(f"All lines: {_precise(cost)}, rounded half up: {rounded} {bill.currency}"))
    if bill.corrections:
        added = sum(correction.amount_minor or 0 for correction in bill.corrections)
        twigs.append(Branch(f"{corrected}: {shown_money(added, bill.minor_digits)} {bill.currency}"))
    return Branch(f"The whole bill: {amount} {bill.currency}", twigs)


def _rules(part: RatePeriod) -> Branch:
    rule = part.rule
    states = " or ".join(STATE_WORDS[state] for state in rule.charged)
    charged = f"packages that are {states} are charged" if states else "nothing is charged"
    shared = (
        "is split equally among the charged packages that hold it"
        if rule.share == "workspace"
        else "counts in full for each package"
    )
    name = f"Rule of {shown_date(rule.effective_from)}" if part.rate else "Without a rate card"
    return Branch(
        f"{name}, {_interval(part.start, part.end)}: {charged};"
        f" a blob {shared}; deleted repositories and workspaces are kept for {counted(rule.retention_days, 'day')}"
    )


def _rate(step: RateStep, explained: Explanation) -> Branch:
    unit = f"{step.rate.unit}-months"
    unit_month = step.rate.unit_bytes * explained.statement.month.seconds
    twigs = [
        Branch(
            f"Charged usage: {_exact(step.charged_byte_seconds)} byte-seconds / {unit_month:,} (the bytes of a"
            f" {step.rate.unit} × the seconds of {explained.statement.month})"
            f" {_equals(step.charged_byte_seconds / unit_month)} {unit}"
        )
    ]
    if step.included_byte_seconds:
        twigs.append(Branch(f"Less the included quantity: {_precise(step.included_byte_seconds / unit_month)} {unit}"))
    for tier in step.tiers:
        above = f" above {_precise(tier.above)}" if tier.above else ""
        twigs.append(Branch(f"{_precise(tier.units)} {unit}{above} × {_precise(tier.price)} {_equals(tier.cost)}"))
    if step.start > explained.statement.month.start or step.end < explained.statement.month.end:
        twigs.append(Branch("The included quantity and the tier bounds are scaled to this part of the month"))
    label = f"Rate of {shown_date(step.rate.effective_from)}, {_interval(step.start, step.end)}"
    return Branch(f"{label}, costs {_precise(step.cost)}", twigs)


# A line


def _line(line: LineExplanation, explained: Explanation) -> Branch:
    key, bill = line.line.key, explained.statement
    label = line_name(key)
    if line.line.amount_minor is not None:
        label += f": {shown_money(line.line.amount_minor, bill.minor_digits)} {bill.currency}"
    blobs = [_blob(blob, explained) for blob in line.blobs]
    if line.more_blobs:
        blobs.append(Branch(f"{counted(line.more_blobs, 'more blob')}: {_exact(line.more_byte_seconds)} byte-seconds"))
    count = len(line.blobs) + line.more_blobs
    twigs = [Branch("State", [_state(interval, key.state) for interval in line.states])]
    twigs.append(Branch(f"{counted(count, 'blob')}, the largest first", blobs))
    twigs.append(_byte_seconds(line, count))
    if line.exact_cost is not None:
        twigs.append(_amount(line, explained))
    return Branch(label, twigs)


def _state(interval: StateInterval, state: str) -> Branch:
    words = (
        f"{_interval(interval.start, interval.end)}: {state.replace('_', ' ')}{'' if interval.charged else ' (free)'}"
    )
    twigs = []
    if interval.changed_by:
        twigs.append(Branch(f"changed by {cause_words(interval.changed_by)}"))
    else:
        words += ", because no event changed it"
    if interval.kept_until is not None:
        ended = "ended" if state == "expired" else "ends"
        twigs.append(Branch(f"the retention period {ended} on {shown_instant(interval.kept_until)}"))
    if interval.linked_by:
        twigs.append(Branch(f"linked to its repository by {cause_words(interval.linked_by)}"))
    return Branch(words, twigs)


def _blob(blob: BlobAllocations, explained: Explanation) -> Branch:
    twigs = [_allocation(allocation, blob, explained.parts[allocation.part]) for allocation in blob.allocations]
    versions = list(dict.fromkeys(sighting.version for sighting in blob.sightings))
    twigs.append(Branch(f"held by {_first([_version(version) for version in versions], len(versions))}"))
    for source in dict.fromkeys(sighting.source for sighting in blob.sightings):
        twigs.append(_seen(source, [sighting for sighting in blob.sightings if sighting.source == source]))
    label = f"{visible(blob.digest)}, {counted(blob.size_bytes, 'byte')}: {_eye(blob.byte_seconds)} byte-seconds"
    return Branch(label, twigs)


def _version(version: str) -> str:
    return f"version {visible(version)}" if version else "the package itself"


def _seen(source: str, sightings: Sequence[Sighting]) -> Branch:
    first = min(sighting.first_seen_at for sighting in sightings)
    last = max(sighting.last_seen_at for sighting in sightings)
    since = min(sighting.present_from for sighting in sightings)
    uploaded = f" (uploaded on {shown_instant(since)})" if since < first else ""
    hidden = "; since then hidden by a deletion" if any(sighting.hidden for sighting in sightings) else ""
    return Branch(
        f"seen in snapshots of {visible(source)}: first on {shown_instant(first)}{uploaded}, last"
        f" on {shown_instant(last)}{hidden}"
    )


def _allocation(allocation: Allocation, blob: BlobAllocations, part: RatePeriod) -> Branch:
    seconds = allocation.end - allocation.start
    label = f"{_interval(allocation.start, allocation.end)}: {blob.size_bytes:,} × {seconds:,} s"
    others = _first([visible(name) for name in allocation.named], allocation.others)
    if not allocation.carries:
        return Branch(f"{label}, charged to {others} and not to this package")
    if allocation.sharers is None:
        return Branch(
            f"{label}, shared at times with {others} (the packages that hold it changed often):"
            f" {_eye(allocation.byte_seconds)}"
        )
    if part.rule.share == "package":
        return Branch(f"{label}, counted in full: {_eye(allocation.byte_seconds)}")
    if allocation.sharers == 1:
        return Branch(f"{label}, counted for this package alone: {_eye(allocation.byte_seconds)}")
    return Branch(f"{label} / {allocation.sharers:,}, shared with {others}: {_eye(allocation.byte_seconds)}")


def _byte_seconds(line: LineExplanation, blobs: int) -> Branch:
    exact, whole = line.exact_byte_seconds, line.line.byte_seconds
    twigs = [Branch(f"the sum of {counted(blobs, 'blob')}: {_exact(exact)}")]
    if exact.denominator > 1 or exact != whole:
        down = exact.numerator // exact.denominator
        twigs.append(Branch(f"rounded down to {down:,}, {_rounding(whole - down)}"))
    return Branch(f"Byte-seconds: {whole:,}", twigs)


def _amount(line: LineExplanation, explained: Explanation) -> Branch:
    bill = explained.statement
    exact, amount = line.exact_minor(bill.minor_digits), line.line.amount_minor
    assert exact is not None
    assert amount is not None
    steps = {step.rate: step for step in explained.rates}
    twigs = []
    for charge in line.charges:
        step = steps[charge.rate]
        share = f"{_exact(charge.byte_seconds)} / {_exact(step.charged_byte_seconds)}"
        twigs.append(
            Branch(
                f"at the rate of {shown_date(charge.rate.effective_from)}:"
                f" {_precise(step.cost)} × {share} {_equals(charge.cost)}"
            )
        )
    if not twigs:
        twigs.append(Branch("not charged in this state"))
    elif exact != amount:
        down = exact.numerator // exact.denominator
        twigs.append(
            Branch(
                f"rounded down to {shown_money(down, bill.minor_digits)}, {_rounding(amount - down, bill.minor_digits)}"
            )
        )
    return Branch(f"Amount: {shown_money(amount, bill.minor_digits)} {bill.currency}", twigs)


# Figures


def _rounding(added: int, digits: int = 0) -> str:
    if added:
        return f"plus {shown_money(added, digits)}, because its fraction is among the largest of the workspace's lines"
    return "plus 0, because other lines have larger fractions"


def _interval(start: int, end: int) -> str:
    return f"{shown_instant(start)} – {shown_instant(end)}"


def _first(names: Sequence[str], count: int) -> str:
    """The first few names, and the number of the others."""
    shown = ", ".join(names[:NAMED])
    more = count - len(names[:NAMED])
    return f"{shown} and {more:,} more" if more else shown


def _eye(value: Fraction) -> str:
    """Byte-seconds rounded for reading: to three decimals unless they are whole."""
    return f"{value.numerator:,}" if value.denominator == 1 else f"≈ {decimal(value, 3)}"


def _exact(value: Fraction) -> str:
    """
    >>> _exact(Fraction(10001, 3))
    '3,333 2/3'
    """
    whole, rest = divmod(value.numerator, value.denominator)
    return f"{whole:,}" + (f" {rest}/{value.denominator}" if rest else "")


def _equals(value: Fraction) -> str:
    """A figure after an equals sign, or after the sign for about."""
    text = _precise(value)
    return text if text.startswith("≈") else f"= {text}"


def _precise(value: Fraction) -> str:
    """Quantities and money with all decimals, or rounded to twelve.

    >>> _precise(Fraction(1, 4)), _precise(Fraction(2, 3)), _precise(Fraction(50))
    ('0.25', '≈ 0.666666666667', '50')
    """
    rounded = decimal(value, 12)
    text = rounded.rstrip("0").rstrip(".")
    return text if 10**12 % value.denominator == 0 else f"≈ {rounded}"
