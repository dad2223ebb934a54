"""acct: what the storage of a package registry costs, and why.

One way through: collect → ledger → queries → statement → report.

- `collectors` read what registries keep: layouts (`distribution`, `verdaccio`, `maven2`, `database`) at places (a
  bucket, a folder, an inventory), and files of snapshots, events and links. `collecting` takes one source all the
  way, `lifecycle` a database; `reconciling` compares a source with the ledger.
- `ledger` is the DuckDB file of facts. `snapshots`, `events`, `cards`, `manifests` and `sources` record facts in it.
- `usage` asks the queries (queries/, the charging rules in SQL) for a month; `sharing` divides shared blobs exactly.
- `ratecard` and `rating` turn byte-seconds into money, `billing` puts bills together. `closing` seals them, in
  `sealed`; `corrections` are what came later; `verifying` computes them again. `statement` is the one or the other.
- `scenario` is a ledger in memory in which more happens than is known; `whatif` bills the ways of `deleting` there,
  `advising` what would save most.
- `retention` tells what deletions bring, and when; `trend` what changed between two months, and why.
- `forecasting` bills the months to come; `ranges` tells how far they may be off;
  `months_chart` and `forecast_chart` draw.
- `statement_page` is what a person is shown of a statement, from `page_facts`, `reckoning` and `steady`;
  `page_sections` puts it in order, `chart` draws, and `formats` says which formats there are.
- `explaining` takes a bill apart, and corrections by `late_evidence`; `comparing` puts another card beside it,
  `grouping` adds lines up. What is named `render…` writes them as text, JSON and HTML;
  `focus` and `levels` a month for FinOps tools.
- `open`, here, is what notebooks use: it gives a `LedgerReader` (`reader`), whose answers are Polars frames (`frames`).
- `running` writes the folder of a month: `run_statements`, `run_summary` and `run_manifest` are its parts, and
  `new_folders` lets it appear whole.
- `commands` is the command line, one file a command; `sample` is what `acct demo` writes.
- `model`, `instants`, `errors`, `text`, `tables` and `paths` are what all of them share.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from accounting.reader import LedgerReader

__all__ = ["open"]


def open(path: "str | PathLike[str] | None" = None) -> "LedgerReader":
    """A ledger to read, by default where the command line finds it: ACCT_LEDGER, else `ledger` in ACCT_CONFIG or in
    acct.toml here, else acct.duckdb here.

    Raises AcctError (accounting.errors) where there is no ledger, and for a file that is none.

    >>> import accounting
    >>> with accounting.open("acct-demo/acct.duckdb") as ledger:
    ...     ledger.statement("acme", "2026-10").amount_minor
    727
    """
    import os  # what is imported here at the top, every call of the command line waits for
    from pathlib import Path

    from accounting.config import find_ledger
    from accounting.reader import LedgerReader

    if path is not None:
        return LedgerReader(Path(path))
    ledger, config = (Path(name) if (name := os.environ.get(v)) else None for v in ("ACCT_LEDGER", "ACCT_CONFIG"))
    return LedgerReader(find_ledger(ledger, config)[0])
