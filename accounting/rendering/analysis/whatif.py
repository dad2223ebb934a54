"""The options of deleting something as text and JSON."""

from collections.abc import Callable
from fractions import Fraction
from itertools import groupby
from operator import itemgetter

from accounting.analysis.whatif import Carried, Option, WhatIf
from accounting.billing.rating import round_half_up
from accounting.facts.statement_json import held_name
from accounting.instants import format_instant, shown_instant
from accounting.model import Statement
from accounting.rendering.common import fraction
from accounting.rendering.steps import snapshot_first, step_members, step_words
from accounting.tables import json_text, table
from accounting.text import counted, decimal, money, shown_money, size, visible

WORDS = {
    "packages_first": "packages first",
    "repository_first": "repository first",
    "workspace_first": "workspace first",
    "delete": "delete it",
    "leave": "leave it",
}
_STEPS = 20  # of each option, as text
_DAY = 86_400
_NOTHING = " (stores nothing)"
_DAY_NOTE = (
    "\nA month's cost is divided among its days in proportion to the bytes charged on each, so the days add up to the"
    " month. It is rounded once, on the bill.\n"
)


def whatif_text(found: WhatIf, width: int | None = None) -> str:
    """The options side by side: by month, then by interval from the deletion on, then the steps of each option."""
    blocks = [_head(found), _months(found, width)]
    if found.target.packages:
        blocks.append(_days(found, width))
        blocks += [_option(found, option) for option in found.options if option.steps or option.held_names]
    return "\n".join([*blocks, _assumptions(found)])


def _head(found: WhatIf) -> str:
    target = found.target
    what = "the workspace" if target.kind == "workspace" else f"the {target.kind} {visible(target.name)}"
    text = f"Workspace {visible(found.workspace)}: what if {what} is deleted on {shown_instant(found.on)}?"
    text += " All times are UTC.\n"
    if target.kept_until is not None:
        kept = "are" if target.kept_until > found.on else "were"
        where = "Its repository" if target.kind == "package" else "It"
        text += f"{where} is already deleted, and the contents {kept} kept until {shown_instant(target.kept_until)}.\n"
    if not target.packages:
        return text + "Nothing in it is left to delete.\n"
    empty = len(_empty(found))
    if empty == len(target.packages):
        return text + "According to the latest snapshot, nothing of it is stored.\n"
    text += counted(len(target.packages), "package")
    if empty:
        text += f", of which {empty:,} {'stores' if empty == 1 else 'store'} nothing"
    text += f". Not shared with any other charged package: {size(found.unique_bytes)}."
    if found.shared_bytes:
        text += f" Shared, so freed only when the last package that holds it is deleted: {size(found.shared_bytes)}."
    return text + "\n"


def _empty(found: WhatIf) -> set[tuple[str | None, str | None]]:
    """The packages to be deleted that store nothing, by format and name."""
    return {(package.format, package.name) for package in found.target.packages if not package.stored_bytes}


def _months(found: WhatIf, width: int | None) -> str:
    columns = ["month", *(WORDS[option.name] for option in found.options)]
    bills = zip(*(option.bills for option in found.options), strict=True)
    if found.currency is None:
        rows = [[str(month[0].month), *(f"{bill.charged_byte_seconds:,}" for bill in month)] for month in bills]
        text = "Charged byte-seconds of the workspace (no rate card is loaded, so there are no amounts):\n\n"
        return text + table(columns, rows, right=len(found.options), width=width)
    rows = [
        [str(month[0].month), *(shown_money(bill.amount_minor or 0, bill.minor_digits) for bill in month)]
        for month in bills
    ]
    total = ["total", *(shown_money(option.amount_minor or 0, found.minor_digits) for option in found.options)]
    until = shown_instant(found.intervals[-1].until)
    rows.append(total)
    if len(found.options) > 1:
        rows.append([f"saved until {until}", *(_saved(found, option) for option in found.options)])
    text = f"What the workspace pays, in {found.currency}:\n\n"
    return text + table(columns, rows, right=len(found.options), width=width)


def _amount(bill: Statement) -> str | None:
    return None if bill.amount_minor is None else money(bill.amount_minor, bill.minor_digits)


def _saved(found: WhatIf, option: Option) -> str:
    if option is found.options[-1]:
        return "–"
    return shown_money((found.options[-1].amount_minor or 0) - (option.amount_minor or 0), found.minor_digits)


def _days(found: WhatIf, width: int | None) -> str:
    """The intervals from the deletion on; before it, all options are the same."""
    columns = ["from", "days", *(WORDS[option.name] for option in found.options)]
    right, until = 1 + len(found.options), shown_instant(found.intervals[-1].until)
    of_it = _joined(found, lambda option, seconds: size(round_half_up(option.of_it)))
    text = f"Charged part of it, until {until}:\n\n{table(columns, of_it, right=right, width=width)}"
    if found.currency is None:
        return text
    costs = _joined(found, lambda option, seconds: _day_cost(option, seconds, found.minor_digits))
    text += f"\nWhat the workspace pays a day, in {found.currency}:\n\n"
    return text + table(columns, costs, right=right, width=width) + _DAY_NOTE


def _joined(found: WhatIf, shown: Callable[[Carried, int], str]) -> list[list[str]]:
    """A row for each interval after the deletion; neighbours that show the same are one row."""
    intervals = [(s.start, s.until, [shown(option, s.until - s.start) for option in s.options])
                 for s in found.intervals if s.start >= found.on]  # fmt: skip
    rows = []
    for cells, alike in groupby(intervals, itemgetter(2)):
        same = list(alike)
        days = Fraction(same[-1][1] - same[0][0], _DAY)
        rows.append([shown_instant(same[0][0]), decimal(days, 2), *cells])
    return rows


def _day_cost(option: Carried, seconds: int, digits: int) -> str:
    return "–" if option.cost is None else decimal(option.cost * _DAY / seconds, digits + 2)


def _option(found: WhatIf, option: Option) -> str:
    text = f"{WORDS[option.name][0].upper()}{WORDS[option.name][1:]}:\n"
    empty = _empty(found)
    for i, step in enumerate(option.steps[:_STEPS], 1):
        note = _NOTHING if (step.event.format, step.event.package) in empty else ""
        text += f"  {i}. {step_words(found.workspace, step)}{note}: {step.role}\n"
    if len(option.steps) > _STEPS:
        text += f"  … and {len(option.steps) - _STEPS:,} more; --format json lists them all\n"
    for name in option.held_names:
        note = _NOTHING if ("container", name.name) in empty else ""
        text += f"  The image name {visible(name.name)}{note} is held until {shown_instant(name.held_until)}.\n"
    return text + ("" if option.held_names else "  No image name is held.\n")


def _assumptions(found: WhatIf) -> str:
    card = ", plan and rate card" if found.currency else " and plan"
    text = f"Snapshots cover the time until {shown_instant(found.covered_until)}."
    text += f" This assumes that storage{card} stay the same.\n"
    if found.target.packages and found.kept_until > found.intervals[-1].until:
        text += f"Deleted content is kept until {shown_instant(found.kept_until)}, which is after these months.\n"
    if found.unique_bytes + found.shared_bytes and found.target.kept_until is None:
        text += "Someone with write access can delete the versions one by one, with the same effect on storage.\n"
    return text + snapshot_first(found.served_sources)


def whatif_json(found: WhatIf) -> str:
    """The schema `acct.whatif/1`; amounts and byte-seconds are strings of exact digits, fractions in lowest terms."""
    return json_text(
        {
            "schema": "acct.whatif/1",
            "workspace": found.workspace,
            "delete": {
                "kind": found.target.kind,
                "name": found.target.name,
                "deleted": found.target.deleted,
                "kept_until": None if found.target.kept_until is None else format_instant(found.target.kept_until),
            },
            "on": format_instant(found.on),
            "kept_until": format_instant(found.kept_until),
            "covered_until": format_instant(found.covered_until),
            "served_sources": list(found.served_sources),
            "currency": found.currency,
            "packages": [
                {
                    "format": package.format,
                    "package": package.name,
                    "repository": package.slug,
                    "state": package.state,
                    "stored_bytes": str(package.stored_bytes),
                }
                for package in found.target.packages
            ],
            "bytes": {"unique": str(found.unique_bytes), "shared": str(found.shared_bytes)},
            "ways": [_option_json(found, option) for option in found.options],
            "stretches": [
                {
                    "from": format_instant(interval.start),
                    "until": format_instant(interval.until),
                    "seconds": interval.until - interval.start,
                    "ways": {
                        option.name: _carried_json(carried)
                        for option, carried in zip(found.options, interval.options, strict=True)
                    },
                }
                for interval in found.intervals
            ],
        }
    )


def _option_json(found: WhatIf, option: Option) -> dict[str, object]:
    amount = option.amount_minor
    return {
        "way": option.name,
        "steps": [step_members(found.workspace, step) for step in option.steps],
        "held_names": [held_name(name) for name in option.held_names],
        "months": [
            {
                "month": str(bill.month),
                "charged_byte_seconds": str(bill.charged_byte_seconds),
                "amount": _amount(bill),
            }
            for bill in option.bills
        ],
        "amount": None if amount is None else money(amount, found.minor_digits),
    }


def _carried_json(carried: Carried) -> dict[str, object]:
    return {
        "charged_bytes": fraction(carried.charged_bytes),
        "charged_bytes_of_it": fraction(carried.of_it),
        "cost": None if carried.cost is None else fraction(carried.cost),
    }
