"""acct: what the storage of a package registry costs, and why.

One way through: collect → ledger → queries → statement → report.

- `collectors` read what registries keep: layouts at places (a bucket, a folder, an inventory), a registry's database,
  and files of snapshots, events and links.
- `ledger` is the DuckDB file of facts; `facts` are what it records: snapshots, events, rate cards, closed months.
- `rates` are rate cards. `billing` computes a month with the queries (queries/, the charging rules in SQL), divides
  shared blobs exactly and turns byte-seconds into money. `closing` seals months, `explaining` takes a line apart, and
  `pages` adds what a page shows beside a statement.
- `analysis` bills what has not happened (deletions, savings, the months to come), and says what changed.
- `rendering` writes all of it as text, JSON, HTML, Markdown, CSV, PDF and pictures; `exports` for FinOps tools;
  `monthly` as the folder of a billing run; `notebook` as the Polars frames that `open`, here, leads to.
- `commands` is the command line, one file per command; `sample` is what `acct demo` writes.
- `model`, `config`, `instants`, `errors`, `text`, `tables`, `paths` and `waiting` are shared by all of them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from accounting.notebook.reader import LedgerReader

__all__ = ["open"]


def open(path: "str | PathLike[str] | None" = None) -> "LedgerReader":
    """Open a ledger for reading, by default the one that the command line uses: ACCT_LEDGER, else `ledger` in
    ACCT_CONFIG or in acct.toml here, else acct.duckdb here.

    Raises AcctError (accounting.errors) if the file does not exist or is not a ledger.

    >>> import accounting
    >>> with accounting.open("acct-demo/acct.duckdb") as ledger:
    ...     ledger.statement("acme", "2026-10").amount_minor
    758
    """
    import os  # every call of the command line waits for what this module imports at its top
    from pathlib import Path

    from accounting.config import find_ledger
    from accounting.notebook.reader import LedgerReader

    if path is not None:
        return LedgerReader(Path(path))
    ledger, config = (Path(name) if (name := os.environ.get(v)) else None for v in ("ACCT_LEDGER", "ACCT_CONFIG"))
    return LedgerReader(find_ledger(ledger, config)[0])
