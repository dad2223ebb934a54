"""The result of verifying, as JSON."""

from collections.abc import Sequence

from accounting.closing.verifying import Difference
from accounting.facts.sealed import Closing
from accounting.tables import json_text


def verified_json(closings: Sequence[Closing], differences: Sequence[Difference]) -> str:
    """The schema `acct.verify/1`: the months that were computed again, and where they differ from what was sealed."""
    return json_text(
        {
            "schema": "acct.verify/1",
            "months": [str(closing.month) for closing in closings],
            "differences": [{"where": each.where, "what": each.what} for each in differences],
        }
    )
