"""Manifests in the ledger: each is immutable, so its content is stored by its digest and never read again.

Those of an unfinished collection are stored beside the ledger. So a collection that was interrupted need not read them
again, and the ledger does not change until a collection is complete.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import polars as pl

from accounting.collectors.layouts.collected import MANIFESTS
from accounting.errors import AcctError
from accounting.ledger import Ledger


class Journal:
    """The manifests read since the last complete collection: a folder of Parquet files that only its owner may read."""

    def __init__(self, ledger: Path) -> None:
        self.folder = ledger.with_name(ledger.name + ".manifests")

    def read(self) -> pl.DataFrame:
        """As MANIFESTS, each digest once."""
        batches = []
        for file in sorted(self.folder.glob("*.parquet")):
            with suppress(FileNotFoundError):  # another collection has ended in the meantime, so it is in the ledger
                batches.append(pl.read_parquet(file))
        return pl.concat([pl.DataFrame(schema=MANIFESTS), *batches]).unique("digest")

    def keep(self, manifests: pl.DataFrame) -> None:
        """Add a batch of manifests, whole or not at all. Raises AcctError if it cannot be written."""
        batch = BytesIO()  # on a full disk, a write by Polars itself raises no OSError
        manifests.write_parquet(batch)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):  # another collection has ended in the meantime, and cleared the folder
                handle, name = tempfile.mkstemp(dir=self.folder)
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(batch.getbuffer())
                    Path(name).replace(f"{name}.parquet")
                finally:
                    Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise AcctError(
                str(self.folder), f"cannot be written: {error.strerror}", "free some space, or give another --ledger"
            ) from error

    def clear(self) -> None:
        """Delete the journal; its content is now in the ledger."""
        shutil.rmtree(self.folder, ignore_errors=True)


def known_manifests(ledger: Ledger) -> pl.DataFrame:
    """The known manifests, as MANIFESTS."""
    known = pl.DataFrame(pl.from_arrow(ledger.arrow("SELECT * FROM manifests")))
    return known.select(list(MANIFESTS)).cast(pl.Schema(MANIFESTS))


def keep_manifests(ledger: Ledger, manifests: pl.DataFrame) -> None:
    """Record the manifests that the ledger does not have yet."""
    if manifests.is_empty():
        return
    ledger.register("read_manifests", manifests.to_arrow())
    ledger.run(
        "INSERT INTO manifests BY NAME SELECT r.* FROM read_manifests AS r"
        " ANTI JOIN manifests AS m ON m.digest = r.digest ORDER BY r.digest"
    )
    ledger.changed = True
