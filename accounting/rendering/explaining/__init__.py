"""Explanations as trees, JSON and CSV."""
