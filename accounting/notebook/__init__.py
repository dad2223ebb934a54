"""The ledger for analysts: what `accounting.open` returns, as Polars frames."""
