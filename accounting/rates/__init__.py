"""Rate cards: rules and rates by date, and the rate periods that they cut a month into."""
