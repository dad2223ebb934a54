"""What a registry stores, read by its layout: references of packages."""
