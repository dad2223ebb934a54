"""Sealing months and verifying what was sealed."""
