"""Rate cards in the ledger: stored as they were loaded; the latest is in force."""

from accounting.errors import AcctError
from accounting.instants import Month, midnight
from accounting.ledger import EVERYTHING, Ledger
from accounting.model import Rate, RateCard, Rule
from accounting.rates.ratecard import NO_CARD, parse_card

_WHERE = "the rate card in the ledger"


def card_text(ledger: Ledger) -> str | None:
    """The TOML of the card in force; None if no card was loaded."""
    rows = ledger.rows("SELECT toml FROM rate_cards ORDER BY card_id DESC LIMIT 1")
    return str(rows[0][0]) if rows else None


def card_text_of(ledger: Ledger, month: Month) -> str | None:
    """The TOML of the card that bills a month: for a closed month that of its closing, else the one in force."""
    rows = ledger.rows(
        "SELECT r.toml FROM closings AS c LEFT JOIN rate_cards AS r USING (card_id) WHERE c.month = ?", [str(month)]
    )
    return rows[0][0] if rows else card_text(ledger)


def card_in_force(ledger: Ledger) -> RateCard:
    """The card that was loaded last; if there is none, NO_CARD, which bills nothing."""
    text = card_text(ledger)
    return NO_CARD if text is None else parse_card(text, _WHERE)


def card_in_force_id(ledger: Ledger) -> int | None:
    """The number of the card in force."""
    (card_id,) = ledger.rows("SELECT max(card_id) FROM rate_cards")[0]
    return card_id if card_id is None else int(card_id)


def card_sealed_with(ledger: Ledger, month: Month) -> RateCard:
    """The card that a closed month was sealed with."""
    text = card_text_of(ledger, month)
    return NO_CARD if text is None else parse_card(text, _WHERE)


def card_of_closed(ledger: Ledger, month: Month, record_until: int) -> RateCard:
    """The card that bills a closed month: that of its closing, or a later retroactive one (RULES, section 6)."""
    rows = ledger.rows(
        "SELECT r.toml FROM closings AS c LEFT JOIN rate_cards AS r ON r.card_id = c.card_id"
        " OR (r.retroactive AND r.record_id > c.record_id AND r.record_id <= ?)"
        " WHERE c.month = ? ORDER BY r.card_id DESC LIMIT 1",
        [record_until, str(month)],
    )
    return NO_CARD if rows[0][0] is None else parse_card(rows[0][0], _WHERE)


def load_card(ledger: Ledger, text: str, retroactive: bool = False) -> bool:
    """Put a checked card in force; False if the same text is already in force.

    Raises AcctError for a card that would change a closed month, unless it is `retroactive`, and for one whose currency
    is not that of a closed month.
    """
    if text == card_text(ledger):
        return False
    card = parse_card(text, "the rate card")
    for name, *_ in ledger.rows("SELECT month FROM closings ORDER BY month"):
        _refuse_change(ledger, Month.parse(name), card, retroactive)
    ledger.run(
        "INSERT INTO rate_cards SELECT coalesce(max(card_id), 0) + 1, ?, ?, ? FROM rate_cards",
        [text, retroactive, ledger.record_id()],
    )
    return True


def _refuse_change(ledger: Ledger, month: Month, card: RateCard, retroactive: bool) -> None:
    sealed = card_of_closed(ledger, month, EVERYTHING)
    if sealed.currency is not None and sealed.currency != card.currency:
        raise AcctError(
            f"month {month}",
            f"was closed in {sealed.currency}, but the rate card is in {card.currency}",
            "use a separate ledger for the other currency",
        )
    begins = max(midnight(entries[0].effective_from) for entries in (card.rules, card.rates) if entries)
    if retroactive and begins > month.start:
        raise AcctError(
            f"month {month}",
            "is closed, but the rate card has no rule or no rate at its start",
            "add an earlier entry to the card",
        )
    if not retroactive and _until(sealed, month) != _until(card, month):
        raise AcctError(
            f"month {month}",
            "is closed, and the rate card would change it",
            "to bill the difference on the next open month, load the card with --retroactive",
        )


def _until(card: RateCard, month: Month) -> tuple[list[Rule | Rate], int]:
    """The part of a card that is in force before the end of a month."""
    entries: list[Rule | Rate] = [*card.rules, *card.rates]
    return [entry for entry in entries if midnight(entry.effective_from) < month.end], card.minor_digits
