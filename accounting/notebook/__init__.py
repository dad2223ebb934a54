"""The ledger for the analyst: what `accounting.open` gives, as Polars frames."""
