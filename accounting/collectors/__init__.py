"""Where evidence comes from: one module per layout of a bucket or folder, and per kind of file."""
