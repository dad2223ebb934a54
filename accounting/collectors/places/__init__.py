"""Where a registry keeps what it stores: a bucket, a folder, an inventory of a bucket."""
