"""Advice to text and JSON."""

from accounting.foresight.advising import UNTAGGED_DAYS, Advice, Advised
from accounting.instants import format_instant
from accounting.rendering.steps import snapshot_first, step_members, step_words
from accounting.tables import json_text, table
from accounting.text import counted, money, shown_money, size, visible

_NAMES = 5  # of versions, steps and parts that are told of each item of advice, as text
_SUBJECTS = 2  # of parts, in the table

_EACH_NOTE = (
    "A saving is the difference of two bills, if that alone were done. Bytes that others hold too go with the last of"
    " them, so all of it together may save more than the sum, or less.\n"
)
_SET_NOTE = (
    "What is to be deleted together holds bytes in common that no part of it frees alone; its saving has those of its"
    " parts in it.\n"
)
_UNTAGGED_NOTE = (
    f"Untagged manifests have had no tag for {UNTAGGED_DAYS} days or more; those that the first snapshot found were"
    " pushed that long ago.\n"
)
_OLD_NOTE = (
    "Old versions are behind {} or more of their package. A version is as old as its latest content: by its upload"
    " where the first snapshot found it, else by when it came. The tag `latest` stays. Where a registry keeps the"
    " manifest of a tag that is deleted, delete it too, and those that an index lists, unless a tag that stays has"
    " them.\n"
)
_REFERRER_NOTE = (
    "A referrer, such as a signature or an SBOM, stays as long as what it hangs on and goes with it. Snapshot files say"
    " nothing of that, unless by tags such as sha256-….sig: look before deleting untagged manifests of theirs.\n"
)
_COPIES_NOTE = (
    "Copies are files of two packages with one size and one MD5 or ETag, as npm and Maven packages in a bucket have"
    " them; the layers of images are known by another digest. A version goes with all its files.\n"
)


def advice_text(advised: Advised, width: int | None = None) -> str:
    """A table of what saves most first, the steps of each, and what the figures mean."""
    head = f"Workspace {visible(advised.workspace)}: what would save most, done at {format_instant(advised.at)}\n"
    if not advised.advice:
        return f"{head}\nNothing to advise: no version, manifest or deleted repository could go and save anything.\n"
    rest = ["rest of " if month.start < advised.at else "" for month in advised.months]
    columns = ["", "delete", "of", "bytes"]
    if advised.currency is not None:
        columns += [f"{advised.currency} {r}{month}" for r, month in zip(rest, advised.months, strict=True)]
    rows = [
        [f"{number}", _what(each), _of(each), size(each.freed_bytes), *_shown(advised, each.saved_minor)]
        for number, each in enumerate(advised.advice, 1)
    ]
    total = ["", "all of it together", "", "", *_shown(advised, advised.together)] if advised.currency else None
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
        "deleted_repository": "what a deleted repository holds",
        "copies": counted(count, "copy"),
        "together": f"{counted(len(advice.parts), 'part')}, {size(advice.joint_bytes)} only together",
    }[advice.kind]
    return what + (f", {counted(along, 'referrer')}" if along else "")


def _of(advice: Advice) -> str:
    if not advice.parts:
        return visible(advice.subject)
    subjects = list(dict.fromkeys(visible(part.subject) for part in advice.parts))
    more = len(subjects) - _SUBJECTS
    return ", ".join(subjects[:_SUBJECTS]) + (f" and {more:,} more" if more > 0 else "")


def _parts(advised: Advised, advice: Advice) -> str:
    text = f"Together, for {size(advice.joint_bytes)} go only with the last of these parts:\n"
    text += "".join(f"- {_steps(advised, part)}" for part in advice.parts[:_NAMES])
    more = len(advice.parts) - _NAMES
    return text + (f"… and {counted(more, 'more part')}; --format json has them all\n" if more > 0 else "")


def _shown(advised: Advised, saved: tuple[int, ...]) -> list[str]:
    return [shown_money(minor, advised.minor_digits) for minor in saved]


def _steps(advised: Advised, advice: Advice) -> str:
    if advice.steps:
        shown = [f"{step_words(advised.workspace, step)} ({step.role})" for step in advice.steps[:_NAMES]]
        count, glue = len(advice.steps), ", then "
    else:
        shown = [
            f"{visible(version.name)} (of {format_instant(version.since)})" for version in advice.versions[:_NAMES]
        ]
        count, glue = len(advice.versions), ", "
    text = glue.join(shown) + (f" and {count - _NAMES:,} more" if count > _NAMES else "")
    if advice.steps:
        return f"{text[0].upper()}{text[1:]}\n"
    return f"Delete of {visible(f'{advised.workspace}/{advice.subject}')} ({advice.role}): {text}\n"


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
        notes.append(f"{advised.left_out:,} more that free less are not listed; all of it together counts them too.\n")
    if advised.currency is None:
        notes.append("No rate card is loaded, so there are no amounts.\n")
    return (
        "".join(notes)
        + snapshot_first(advised.served_sources)
        + (
            f"What was stored is known until {format_instant(advised.covered_until)};"
            " what else is stored is taken to stay as it is.\n"
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
    """An item of advice; of one with parts subject, repository and role are theirs."""
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
