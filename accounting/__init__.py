"""acct: what the storage of a package registry costs, and why."""
