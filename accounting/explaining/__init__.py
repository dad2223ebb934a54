"""A line of a bill taken apart, down to the evidence."""
