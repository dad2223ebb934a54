"""Statements as text, Markdown, CSV, HTML and PDF."""
