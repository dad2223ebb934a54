"""What the ledger records: snapshots, events, rate cards, manifests, closed months; and the way of a source into it."""
