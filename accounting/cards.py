"""Rate cards in the ledger: kept as they were loaded, the latest in force."""

import time

from accounting.ledger import Ledger
from accounting.model import RateCard
from accounting.ratecard import NO_CARD, parse_card


def card_text(ledger: Ledger) -> str | None:
    """The TOML of the card in force, or None where none was loaded."""
    rows = ledger.rows("SELECT toml FROM rate_cards ORDER BY card_id DESC LIMIT 1")
    return str(rows[0][0]) if rows else None


def card_in_force(ledger: Ledger) -> RateCard:
    """The card that was loaded last; without one the rule of NO_CARD, which bills nothing."""
    text = card_text(ledger)
    return NO_CARD if text is None else parse_card(text, "the rate card in the ledger")


def load_card(ledger: Ledger, text: str) -> bool:
    """Put a checked card in force; False where the same text is in force already."""
    if text == card_text(ledger):
        return False
    ledger.run(
        "INSERT INTO rate_cards SELECT coalesce(max(card_id), 0) + 1, ?, ? FROM rate_cards",
        [text, int(time.time())],
    )
    ledger.changed = True
    return True
