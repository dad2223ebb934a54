"""Where evidence comes from: one file for each layout of a bucket or folder, and each kind of file."""
