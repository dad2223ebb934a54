"""A month as rows of FOCUS 1.2, the FinOps Open Cost and Usage Specification (focus.finops.org, version 1.2).

An invoice is what a workspace owes for a month: its statement. Its rows are, in this order:

- one for each line, rate and level: what was not charged (at a price of 0, because it is usage too), what was
  included (also at 0), and what lies in each tier. A line gets its share of each level in proportion to its exact
  charged usage (RULES, section 5). A rate in force for a part of the month has its own charge period.
- one for each correction of a closed month: `ChargeClass` is Correction, the charge period is the closed month, and the
  invoice is the later one on which the correction is billed. So an issued invoice never changes, and each invoice
  adds up to what is payable.
- one Adjustment, "Rounding": the total of the statement less the rows above.

Costs are exact products: the unit price times `PricingQuantity`. That quantity is rounded to 12 decimals, because a
month of 31 days, a third of a shared blob and a part of an allowance do not end in decimals. The Rounding row holds
what this rounding and the rounding of the total leave.

Byte-seconds are those of the statement, in whole numbers: the rows of a line add up to the line.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import lcm

from accounting.billing.bills import bill_batches
from accounting.billing.rating import apportion, round_half_up
from accounting.billing.statement import as_stated, query_of
from accounting.closing.closing import require_final
from accounting.errors import AcctError
from accounting.exports.levels import Level, levels_of
from accounting.exports.package_urls import package_id, package_url
from accounting.facts.sealed import is_closed
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Correction, LineKey, Statement
from accounting.text import digits

QUANTITY_DECIMALS = 12
_PROVIDER = "Package registry"
_SKU = "package-storage"
_NOTHING = Fraction(0)

# A row; a missing column is null. Instants are whole numbers, figures are texts with exact digits.
Row = dict[str, str | int]


def invoices(ledger: Ledger, month: Month) -> Iterator[list[Row]]:
    """The rows of each workspace that stored something in a month or has a correction.

    A closed month has its sealed statements. An open month must be final; otherwise NotCoveredError is raised. Raises
    AcctError for a month without rates, or before the first rate.
    """
    if not is_closed(ledger, month):
        require_final(ledger, month)
    query = query_of(ledger, month)
    periods = query.periods
    if not query.card.rates:
        raise AcctError(f"month {month}", "has no rates, so there are no costs to export", "load a rate card first")
    stated = as_stated(ledger, query)
    for _, bills in bill_batches(ledger, query):
        for bill in sorted(bills, key=lambda bill: bill.statement.workspace):
            rows = invoice_rows(stated(bill.statement), levels_of(bill.usage, periods, bill.costs, month.seconds))
            if rows:
                yield rows


def price_decimals(ledger: Ledger, month: Month) -> int:
    """The largest number of decimals in the prices of a month's card."""
    prices = (tier.price for rate in query_of(ledger, month).card.rates for tier in rate.tiers)
    return max((len(digits(price).partition(".")[2]) for price in prices), default=0)


def invoice_rows(bill: Statement, levels: Mapping[LineKey, Sequence[Level]]) -> list[Row]:
    """The rows of a statement, which add up to its total; none if it has neither usage nor corrections.

    Raises AcctError if the levels do not belong to the statement: a rounding row must not hide that.
    """
    assert bill.amount_minor is not None  # a month without rates was refused before
    invoice = _invoice(bill)
    byte_seconds = {line.key: line.byte_seconds for line in bill.lines}
    rows: list[Row] = []
    for key in sorted(levels, key=lambda key: key.sort_key):
        of_line = sorted(levels[key], key=lambda level: (level.start, level.name))
        rows += _line_rows(invoice | _package(bill.workspace, key), key, of_line, byte_seconds.get(key, 0))
    for correction in bill.corrections:
        rows.append(invoice | _package(bill.workspace, correction.key) | _correction(correction, bill.minor_digits))
    if not rows:
        return []
    total = Fraction(bill.amount_minor, 10**bill.minor_digits)
    rounding = total - sum((Fraction(str(row["BilledCost"])) for row in rows), _NOTHING)
    dearest = max((level.price for of_line in levels.values() for level in of_line), default=_NOTHING)
    most = Fraction(1, 10**bill.minor_digits) + len(rows) * dearest / 10**QUANTITY_DECIMALS
    exact = {key: sum((level.byte_seconds for level in of_line), _NOTHING) for key, of_line in levels.items()}
    apart = [exact.get(key, _NOTHING) - byte_seconds.get(key, 0) for key in exact.keys() | byte_seconds.keys()]
    if abs(rounding) > most or any(abs(difference) >= 1 for difference in apart):
        raise AcctError(
            f"workspace {bill.workspace}",
            f"has a statement of {bill.month} that differs from its usage, so nothing was exported",
            "report it as a defect",
        )
    rows.append(invoice | _costs(rounding) | {"ChargeCategory": "Adjustment", "ChargeDescription": "Rounding"})
    return rows


def _invoice(bill: Statement) -> Row:
    """The columns that are the same in all rows of an invoice."""
    return {
        "BillingAccountId": bill.workspace,
        "BillingAccountName": bill.workspace,
        "BillingAccountType": "Workspace",
        "BillingCurrency": str(bill.currency),
        "BillingPeriodEnd": bill.month.end,
        "BillingPeriodStart": bill.month.start,
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": bill.month.end,
        "ChargePeriodStart": bill.month.start,
        "InvoiceId": f"{bill.month}/{bill.workspace}",
        "InvoiceIssuerName": _PROVIDER,
        "PricingCurrency": str(bill.currency),
        "ProviderName": _PROVIDER,
        "PublisherName": _PROVIDER,
        "ServiceCategory": "Storage",
        "ServiceName": "Package storage",
        "ServiceSubcategory": "Other (Storage)",
    }


def _package(workspace: str, key: LineKey) -> Row:
    """The columns for the package that a row charges, and for its repository."""
    row: Row = {
        "ChargeCategory": "Usage",
        "ConsumedUnit": "B-Seconds",
        "ResourceId": package_id(workspace, key.format, key.package),
        "ResourceName": f"{key.format}/{key.package}",
        "ResourceType": "Package",
        "SkuId": _SKU,
        "SkuMeter": "Storage",
        "Tags": json.dumps({"acct/format": key.format, "acct/state": key.state}),
        "x_DeletionState": key.state,
        "x_PackageUrl": package_url(workspace, key.format, key.package),
    }
    if key.repository is not None:
        row |= {
            "SubAccountId": f"{workspace}/{key.repository}",
            "SubAccountName": key.repository,
            "SubAccountType": "Repository",
        }
    return row


def _line_rows(common: Row, key: LineKey, levels: Sequence[Level], byte_seconds: int) -> Iterator[Row]:
    """The rows of a line; they share its whole byte-seconds by largest remainder."""
    shared = lcm(*(level.byte_seconds.denominator for level in levels))
    numerators = [level.byte_seconds.numerator * (shared // level.byte_seconds.denominator) for level in levels]
    for level, whole in zip(levels, apportion(numerators, shared, byte_seconds), strict=True):
        quantity = Fraction(
            round_half_up(level.byte_seconds / level.unit_seconds * 10**QUANTITY_DECIMALS), 10**QUANTITY_DECIMALS
        )
        if not quantity and not whole:
            continue
        price_id = f"{_SKU}-{level.unit}-month-{level.name.replace(' ', '-')}"
        yield (
            common
            | _costs(quantity * level.price)
            | _prices(level.price)
            | {
                "ChargeDescription": f"Storage of {_words(key)}, {level.name}",
                "ChargePeriodEnd": level.end,
                "ChargePeriodStart": level.start,
                "ConsumedQuantity": digits(Fraction(whole)),
                "PricingCategory": "Standard",
                "PricingQuantity": digits(quantity),
                "PricingUnit": f"{level.unit}-Months",
                "SkuPriceDetails": json.dumps({"x_Level": level.name}),
                "SkuPriceId": price_id,
                "x_ByteSeconds": str(whole),
            }
        )


def _correction(correction: Correction, minor_digits: int) -> Row:
    """A correction has an amount, but no quantity and no price: what it corrects may have had several prices."""
    return {
        **_costs(Fraction(correction.amount_minor or 0, 10**minor_digits)),
        "ChargeClass": "Correction",
        "ChargeDescription": f"Correction of {correction.month}: storage of {_words(correction.key)}",
        "ChargePeriodEnd": correction.month.end,
        "ChargePeriodStart": correction.month.start,
        "ConsumedQuantity": digits(Fraction(correction.byte_seconds)),
        "x_ByteSeconds": str(correction.byte_seconds),
    }


def _words(key: LineKey) -> str:
    return f"{key.format}/{key.package}, {key.state.replace('_', ' ')}"


def _costs(cost: Fraction) -> Row:
    """All costs are the same, because there are no discounts and no currency exchange."""
    columns = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "PricingCurrencyEffectiveCost")
    return dict.fromkeys(columns, digits(cost))


def _prices(price: Fraction) -> Row:
    columns = ("ContractedUnitPrice", "ListUnitPrice")
    return dict.fromkeys((*columns, *(f"PricingCurrency{column}" for column in columns)), digits(price))
