"""Advice as text and JSON."""

from accounting.analysis.advising import UNTAGGED_DAYS, Advice, Advised
from accounting.instants import format_instant, shown_instant
from accounting.rendering.steps import snapshot_first, step_members, step_words
from accounting.tables import json_text, table
from accounting.text import counted, money, shown_money, size, visible

_NAMES = 5  # versions, steps and parts shown for each item of advice, as text
_SUBJECTS = 2  # of parts, in the table

_EACH_NOTE = (
    "Each saving is the difference between two bills: without this deletion, and with this deletion alone. Shared bytes"
    " are freed only when their last holder is deleted, so all together may save more or less than the sum.\n"
)
_SET_NOTE = (
    "Parts that are listed together share bytes that are freed only when all of them are deleted. The saving includes"
    " what each part frees by itself.\n"
)
_UNTAGGED_NOTE = (
    f"Untagged manifests have had no tag for {UNTAGGED_DAYS} days or more. For those in the first snapshot, the days"
    " count from their upload.\n"
)
_OLD_NOTE = (
    "A version is old if its package has at least {}. The age of a version is that of its newest content, which counts"
    " from its upload if the first snapshot showed it, and otherwise from its first appearance. The tag `latest` is"
    " kept. If the registry keeps the manifest of a deleted tag, delete that manifest too, and the manifests that an"
    " index lists, unless a remaining tag uses them.\n"
)
_REFERRER_NOTE = (
    "A referrer, such as a signature or an SBOM, is kept as long as the image that it refers to, and deleted with it."
    " Snapshot files show referrers only by tags such as sha256-….sig. Before you delete untagged manifests from such a"
    " source, check whether they are referrers.\n"
)
_COPIES_NOTE = (
    "Copies are files in two packages with the same size and the same MD5 or ETag, such as npm and Maven packages in a"
    " bucket. Image layers have another kind of digest and are not compared. A version is deleted with all its files.\n"
)


def advice_text(advised: Advised, width: int | None = None) -> str:
    """A table with the largest savings first, the steps of each item, and what the figures mean."""
    when = f"if deleted on {shown_instant(advised.at)}. All times are UTC."
    head = f"Workspace {visible(advised.workspace)}: what saves most {when}\n"
    if not advised.advice:
        return f"{head}\nThere is no advice: deleting versions or the contents of deleted repositories saves nothing.\n"
    rest = ["rest of " if month.start < advised.at else "" for month in advised.months]
    columns = ["", "delete", "of", "bytes"]
    if advised.currency is not None:
        columns += [f"{advised.currency} {r}{month}" for r, month in zip(rest, advised.months, strict=True)]
    rows = [
        [f"{number}", _what(each), _of(each), size(each.freed_bytes), *_shown(advised, each.saved_minor)]
        for number, each in enumerate(advised.advice, 1)
    ]
    total = ["", "all together", "", "", *_shown(advised, advised.together)] if advised.currency else None
    text = f"{head}\n" + table(columns, rows, right=len(columns) - 3, total=total, width=width)
    for number, each in enumerate(advised.advice, 1):
        text += f"\n{number}. " + (_parts(advised, each) if each.parts else _steps(advised, each))
    return f"{text}\n{_notes(advised)}"


def _what(advice: Advice) -> str:
    along = sum(version.goes_along for version in advice.versions)
    count = len(advice.versions) - along
    what = {
        "untagged": counted(count, "untagged manifest"),
        "old_versions": counted(count, "old version"),
        "deleted_repository": "contents of a deleted repository",
        "copies": counted(count, "copy"),
        "together": f"{counted(len(advice.parts), 'part')}, {size(advice.joint_bytes)} freed only together",
    }[advice.kind]
    return what + (f", {counted(along, 'referrer')}" if along else "")


def _of(advice: Advice) -> str:
    if not advice.parts:
        return visible(advice.subject)
    subjects = list(dict.fromkeys(visible(part.subject) for part in advice.parts))
    more = len(subjects) - _SUBJECTS
    return ", ".join(subjects[:_SUBJECTS]) + (f" and {more:,} more" if more > 0 else "")


def _parts(advised: Advised, advice: Advice) -> str:
    text = f"Delete all of these parts; {size(advice.joint_bytes)} are freed only with the last one:\n"
    text += "".join(f"- {_steps(advised, part)}" for part in advice.parts[:_NAMES])
    more = len(advice.parts) - _NAMES
    return text + (f"… and {counted(more, 'more part')}; --format json lists them all\n" if more > 0 else "")


def _shown(advised: Advised, saved: tuple[int, ...]) -> list[str]:
    return [shown_money(minor, advised.minor_digits) for minor in saved]


def _steps(advised: Advised, advice: Advice) -> str:
    if advice.steps:
        shown = [f"{step_words(advised.workspace, step)} ({step.role})" for step in advice.steps[:_NAMES]]
        count, glue = len(advice.steps), ", then "
    else:
        shown = [
            f"{visible(version.name)} (since {shown_instant(version.since)})" for version in advice.versions[:_NAMES]
        ]
        count, glue = len(advice.versions), ", "
    text = glue.join(shown) + (f" and {count - _NAMES:,} more" if count > _NAMES else "")
    if advice.steps:
        return f"{text[0].upper()}{text[1:]}\n"
    return f"Delete from {visible(f'{advised.workspace}/{advice.subject}')} ({advice.role}): {text}\n"


def _notes(advised: Advised) -> str:
    items = [item for each in advised.advice for item in (each, *each.parts)]
    kinds = {item.kind for item in items}
    notes = [_EACH_NOTE]
    if "together" in kinds:
        notes.append(_SET_NOTE)
    if "untagged" in kinds:
        notes.append(_UNTAGGED_NOTE)
    if "old_versions" in kinds:
        notes.append(_OLD_NOTE.format(counted(advised.kept_versions, "newer version")))
    if any(item.versions and item.subject.startswith("container/") for item in items):
        notes.append(_REFERRER_NOTE)
    if "copies" in kinds:
        notes.append(_COPIES_NOTE)
    if advised.left_out:
        notes.append(f"The list leaves out {counted(advised.left_out, 'smaller item')}, but the total includes them.\n")
    if advised.currency is None:
        notes.append("No rate card is loaded, so there are no amounts.\n")
    return (
        "".join(notes)
        + snapshot_first(advised.served_sources)
        + (
            f"Snapshots cover the time until {shown_instant(advised.covered_until)}. This assumes that everything else"
            " in storage stays the same.\n"
        )
    )


def advice_json(advised: Advised) -> str:
    """The schema `acct.advice/1`; sizes and amounts are strings of exact digits."""
    return json_text(
        {
            "schema": "acct.advice/1",
            "workspace": advised.workspace,
            "at": format_instant(advised.at),
            "covered_until": format_instant(advised.covered_until),
            "served_sources": list(advised.served_sources),
            "currency": advised.currency,
            "months": [
                {"month": str(month), "from": format_instant(max(month.start, advised.at))} for month in advised.months
            ],
            "kept_versions": advised.kept_versions,
            "untagged_days": UNTAGGED_DAYS,
            "advice": [_advice_json(advised, each) for each in advised.advice],
            "left_out": advised.left_out,
            "saved_together": _digits(advised, advised.together) if advised.currency else None,
        }
    )


def _advice_json(advised: Advised, advice: Advice) -> dict[str, object]:
    """An item of advice. If it has parts, they have the subject, the repository and the role."""
    return {
        "kind": advice.kind,
        **_item_json(advised, advice),
        "saved": _digits(advised, advice.saved_minor) if advised.currency else None,
        "joint_bytes": str(advice.joint_bytes),
        "parts": [{"kind": part.kind, **_item_json(advised, part)} for part in advice.parts],
    }


def _item_json(advised: Advised, advice: Advice) -> dict[str, object]:
    return {
        "subject": None if advice.parts else f"{advised.workspace}/{advice.subject}",
        "repository": advice.repository,
        "bytes": str(advice.freed_bytes),
        "role": advice.role or None,
        "versions": [
            {"version": version.name, "since": format_instant(version.since), "goes_along": version.goes_along}
            for version in advice.versions
        ],
        "steps": [step_members(advised.workspace, step) for step in advice.steps],
    }


def _digits(advised: Advised, saved: tuple[int, ...]) -> list[str]:
    return [money(minor, advised.minor_digits) for minor in saved]
