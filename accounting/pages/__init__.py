"""What a page shows beside a statement."""
