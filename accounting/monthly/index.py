"""The index page of a run: all workspaces with their amounts, and links to their statements."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from accounting.model import UNIT_BYTES
from accounting.monthly.summary import Figures, Summary
from accounting.paths import shipped
from accounting.rendering.common import coverage, page
from accounting.text import counted, decimal, places, shown_money

INDEX = "index.html"


def index_html(summary: Summary, statements: Mapping[str, Mapping[str, str]], files: Sequence[str]) -> str:
    """The page: `statements` are the files of each workspace by format, `files` the other files beside the page.

    The page is complete without its script. Its security policy allows no other script.
    """
    # The digest is of the script as it stands between the tags.
    script = f"\n{(shipped('reports') / 'index.js').read_text(encoding='utf-8').strip()}\n"
    total = _shown(summary, summary.total)
    return page(
        "index.html.j2",
        script=script.strip(),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        month=summary.month,
        month_before=summary.month.before,
        status=summary.status,
        coverage=coverage(summary.covered_until),
        currency=summary.currency,
        unit=summary.unit,
        summary=_sentence(summary, total),
        total=total,
        corrected=any(figures.corrections_minor for _, figures in summary.workspaces.values()),
        files=files,
        rows=[
            {"workspace": workspace, **_links(statements[workspace]), **_shown(summary, figures)}
            for workspace, (_, figures) in summary.workspaces.items()
        ],
    )


def _links(files: Mapping[str, str]) -> dict[str, object]:
    """All files of a statement, and the one that is an HTML page."""
    return {"files": files, "page": next(file for file in files.values() if file.endswith(Path(INDEX).suffix))}


def _sentence(summary: Summary, total: Mapping[str, object]) -> str:
    workspaces = counted(len(summary.workspaces), "workspace")
    stored = f"{workspaces} stored {total['unit_months']} {summary.unit}-months."
    if summary.currency is None:
        return f"{stored} No rate card is loaded, so there are no amounts."
    if summary.total.before_minor is None:
        return stored
    return f"{stored} The total of {summary.month.before} was {total['before']} {summary.currency}."


def _shown(summary: Summary, figures: Figures) -> dict[str, str | int | None]:
    unit_month, most = UNIT_BYTES[summary.unit] * summary.month.seconds, summary.total.stored_byte_seconds
    change = figures.change_minor
    return {
        "byte_seconds": figures.stored_byte_seconds,
        "unit_months": decimal(Fraction(figures.stored_byte_seconds, unit_month), places(Fraction(most, unit_month))),
        "amount_minor": figures.amount_minor,
        "amount": _amount(summary, figures.amount_minor),
        "credit": (figures.amount_minor or 0) < 0,
        "corrections_minor": figures.corrections_minor,
        "corrections": _amount(summary, figures.corrections_minor),
        "before": _amount(summary, figures.before_minor),
        "change_minor": change,
        "change": "–" if change is None else ("+" if change > 0 else "") + shown_money(change, summary.minor_digits),
    }


def _amount(summary: Summary, minor: int | None) -> str | None:
    return None if minor is None else shown_money(minor, summary.minor_digits)
