"""What the ledger records: snapshots, events, rate cards, manifests, closed months; and how a source gets into it."""
