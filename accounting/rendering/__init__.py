"""Figures to text, JSON, HTML, Markdown, CSV, PDF and pictures; no figure is computed here."""
