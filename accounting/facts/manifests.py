"""Manifests in the ledger: each is immutable, so what it names is kept by its digest and never read again.

Those of a collection that has not ended yet are kept beside the ledger, so that one which is interrupted
starts again where it was, and the ledger stays as it is until a collection is whole.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import polars as pl

from accounting.collectors.collected import MANIFESTS
from accounting.errors import AcctError
from accounting.ledger import Ledger


class Journal:
    """The manifests that were read since a collection ended last: a folder of Parquet files, its owner's alone."""

    def __init__(self, ledger: Path) -> None:
        self.folder = ledger.with_name(ledger.name + ".manifests")

    def read(self) -> pl.DataFrame:
        """As MANIFESTS, each digest once."""
        batches = []
        for file in sorted(self.folder.glob("*.parquet")):
            with suppress(FileNotFoundError):  # another collection has ended since: it is in the ledger
                batches.append(pl.read_parquet(file))
        return pl.concat([pl.DataFrame(schema=MANIFESTS), *batches]).unique("digest")

    def keep(self, manifests: pl.DataFrame) -> None:
        """Add manifests as they are read, a batch whole or not at all. Raises AcctError where that cannot be done."""
        batch = BytesIO()  # what Polars writes to a full disk by itself fails as no OSError
        manifests.write_parquet(batch)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):  # another collection has ended since, and cleared it
                handle, name = tempfile.mkstemp(dir=self.folder)
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(batch.getbuffer())
                    Path(name).replace(f"{name}.parquet")
                finally:
                    Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise AcctError(
                str(self.folder), f"cannot be written: {error.strerror}", "make room for it, or name another --ledger"
            ) from error

    def clear(self) -> None:
        """What it holds is in the ledger now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def known_manifests(ledger: Ledger) -> pl.DataFrame:
    """What is known of manifests, as MANIFESTS."""
    known = pl.DataFrame(pl.from_arrow(ledger.arrow("SELECT * FROM manifests")))
    return known.select(list(MANIFESTS)).cast(pl.Schema(MANIFESTS))


def keep_manifests(ledger: Ledger, manifests: pl.DataFrame) -> None:
    """Keep manifests that were read for the first time."""
    if manifests.is_empty():
        return
    ledger.register("read_manifests", manifests.to_arrow())
    ledger.run(
        "INSERT INTO manifests BY NAME SELECT r.* FROM read_manifests AS r"
        " ANTI JOIN manifests AS m ON m.digest = r.digest ORDER BY r.digest"
    )
    ledger.changed = True
