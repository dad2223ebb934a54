"""Advice, what-if, forecast, calendar and trend as text, charts and JSON."""
