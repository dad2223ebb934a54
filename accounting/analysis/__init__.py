"""What may happen and what has changed: what-if, advice, forecast, calendar, trend, another rate card."""
