"""A month for other tools: FOCUS rows."""
