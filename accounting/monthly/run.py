"""The monthly billing run: a folder with the statement of every workspace in every format, a summary and an index.

The same evidence gives the same bytes, on any machine and with any order of imports: names are sorted by code point,
and no file depends on ids, paths or the clock.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from accounting.billing.bills import MonthQuery
from accounting.billing.statement import query_of, workspace_names
from accounting.closing.closing import require_final, require_known
from accounting.exports.focus import Row, invoices
from accounting.exports.focus_files import write_csv
from accounting.facts.sealed import is_closed, sealed_amounts
from accounting.facts.sources import open_status
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.monthly.index import INDEX, index_html
from accounting.monthly.manifest import MANIFEST, write_manifest
from accounting.monthly.new_folders import appearing_folder
from accounting.monthly.statements import StatementWriter, file_names, statement_stems
from accounting.monthly.summary import Figures, Summary, amounts_before, figures_of, write_summary
from accounting.pages.statement_page import statement_pages
from accounting.rates.periods import rate_periods, unit_of

FOCUS = "focus.csv"


def run(ledger: Ledger, month: Month, out: Path, provisional: bool, progress: Callable[[str], None]) -> Summary:
    """Write the folder of a month. A closed month shows what was sealed, so it never changes.

    Raises NotCoveredError for a month that is not final unless `provisional` is set, and AcctError if `out` holds
    anything else or the rate card cannot bill the month.
    """
    closed = is_closed(ledger, month)
    if not closed:
        require_known(ledger, month)
        if not provisional:
            require_final(ledger, month)
    query = query_of(ledger, month)
    # A closed month has no workspace that appeared after the closing.
    stems = statement_stems(list(sealed_amounts(ledger, month)) if closed else workspace_names(ledger))
    with appearing_folder(out, MANIFEST) as folder:
        figures = _write_statements(ledger, query, stems, folder, progress)
        summary = Summary(
            month,
            "closed" if closed else open_status(month, None, query.covered_until),
            query.covered_until,
            unit_of(rate_periods(month, query.card)),
            query.card.currency,
            query.card.minor_digits,
            {workspace: (stem, figures[workspace]) for workspace, stem in stems.items()},
        )
        write_summary(summary, folder)
        if query.card.rates and summary.status != "provisional":
            progress("writing FOCUS rows")
            with (folder / FOCUS).open("wb") as file:
                write_csv(_by_name(invoices(ledger, month), folder), file)
        progress("writing the index and the manifest")
        beside = sorted(file.name for file in folder.iterdir() if file.is_file())
        statements = {workspace: file_names(stem) for workspace, stem in stems.items()}
        page = index_html(summary, statements, [*beside, MANIFEST])
        (folder / INDEX).write_text(page, encoding="utf-8")
        write_manifest(ledger, query, summary.status, folder)
    return summary


def _write_statements(ledger: Ledger, query: MonthQuery, stems: Mapping[str, str], folder: Path,
                      progress: Callable[[str], None]) -> dict[str, Figures]:  # fmt: skip
    """Write every statement in every format; returns their figures with the amounts of the month before."""
    progress("computing the month before")
    before = amounts_before(ledger, query)
    figures = {}
    with StatementWriter(folder) as writer:
        for page in statement_pages(ledger, query.month, list(stems)):
            workspace = page.statement.workspace
            figures[workspace] = figures_of(page.statement, before)
            writer.write(stems[workspace], page)
            progress(f"wrote {len(figures):,} of {len(stems):,} statements")
    return figures


def _by_name(invoices: Iterable[list[Row]], folder: Path) -> Iterator[list[Row]]:
    """Invoices sorted by workspace name. A file holds them meanwhile, because a month of them takes much memory."""
    with tempfile.TemporaryFile(dir=folder) as file:
        places = {}
        for rows in invoices:
            places[str(rows[0]["BillingAccountId"])] = file.tell()
            pickle.dump(rows, file)
        for _, place in sorted(places.items()):
            file.seek(place)
            yield pickle.load(file)
