"""Files that a user imports: snapshots, events, links."""
