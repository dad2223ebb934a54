"""What is not yet: deletions supposed, savings, the next months; each billed as if it had happened."""
