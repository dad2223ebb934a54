"""Benchmarks: side by side in one run, told as ratios; no timed tests."""
