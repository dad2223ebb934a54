"""A month as rows of FOCUS 1.2, the FinOps Open Cost and Usage Specification (focus.finops.org, version 1.2).

An invoice is what a workspace owes for a month: its statement. Its rows are, in this order:

- one for each line, rate and level: what was not charged (at a price of 0, for it is usage all the same), what was
  included (likewise), and what lies in each tier. A line takes its part of each level in proportion to its exact
  charged usage (RULES, section 5), and a rate in force for a part of the month has its own charge period.
- one for each correction of a closed month: `ChargeClass` is Correction, the charge period is the closed month, and the
  invoice is the one on which the correction is billed, a new one as seen from the closed month. So nothing that was
  issued changes, and each invoice still adds up to what is payable.
- one Adjustment, "Rounding": the total of the statement less the rows above.

Costs are exact products: `PricingQuantity` is rounded to 12 decimals, since a month of 31 days, a third of a shared
blob and a part of an allowance have no end in decimals, and the unit price times that quantity is the cost, to the
last digit. What the rounding leaves is in the Rounding row, with what the total was rounded by.

Byte-seconds are the whole ones of the statement: the rows of a line add up to the line.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

from accounting.cards import card_in_force
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Correction, LineKey, Part, Rate, RateCost, Statement, WorkspaceUsage
from accounting.package_urls import package_id, package_url
from accounting.rating import apportion, rate_costs, round_half_up, tier_units
from accounting.statement import statement
from accounting.text import money
from accounting.usage import meter, parts_of, plans_of

VERSION = "1.2"
QUANTITY_DECIMALS = 12
_PROVIDER = "Package registry"
_SKU = "package-storage"
_NOTHING = Fraction(0)

# What a column holds: text, an instant in epoch seconds, or digits. All columns of FOCUS 1.2 by name, so that a month
# can be put under that of any other provider, also those that are always null here; then our own.
COLUMNS = {
    "AvailabilityZone": "text",
    "BilledCost": "cost",
    "BillingAccountId": "text",
    "BillingAccountName": "text",
    "BillingAccountType": "text",
    "BillingCurrency": "text",
    "BillingPeriodEnd": "instant",
    "BillingPeriodStart": "instant",
    "CapacityReservationId": "text",
    "CapacityReservationStatus": "text",
    "ChargeCategory": "text",
    "ChargeClass": "text",
    "ChargeDescription": "text",
    "ChargeFrequency": "text",
    "ChargePeriodEnd": "instant",
    "ChargePeriodStart": "instant",
    "CommitmentDiscountCategory": "text",
    "CommitmentDiscountId": "text",
    "CommitmentDiscountName": "text",
    "CommitmentDiscountQuantity": "quantity",
    "CommitmentDiscountStatus": "text",
    "CommitmentDiscountType": "text",
    "CommitmentDiscountUnit": "text",
    "ConsumedQuantity": "whole",
    "ConsumedUnit": "text",
    "ContractedCost": "cost",
    "ContractedUnitPrice": "price",
    "EffectiveCost": "cost",
    "InvoiceId": "text",
    "InvoiceIssuerName": "text",
    "ListCost": "cost",
    "ListUnitPrice": "price",
    "PricingCategory": "text",
    "PricingCurrency": "text",
    "PricingCurrencyContractedUnitPrice": "price",
    "PricingCurrencyEffectiveCost": "cost",
    "PricingCurrencyListUnitPrice": "price",
    "PricingQuantity": "quantity",
    "PricingUnit": "text",
    "ProviderName": "text",
    "PublisherName": "text",
    "RegionId": "text",
    "RegionName": "text",
    "ResourceId": "text",
    "ResourceName": "text",
    "ResourceType": "text",
    "ServiceCategory": "text",
    "ServiceName": "text",
    "ServiceSubcategory": "text",
    "SkuId": "text",
    "SkuMeter": "text",
    "SkuPriceDetails": "text",
    "SkuPriceId": "text",
    "SubAccountId": "text",
    "SubAccountName": "text",
    "SubAccountType": "text",
    "Tags": "text",
    "x_ByteSeconds": "whole",
    "x_DeletionState": "text",
    "x_PackageUrl": "text",
}
# A row: a column that is not there is null. Instants are whole numbers, figures the text of their exact digits.
Row = dict[str, str | int]


@dataclass(frozen=True)
class Level:
    """What a rate makes of a share of the usage in its part of the month: the price, and how much of it.

    `name` is `not charged`, `included`, or `tier` and a number; `byte_seconds` are exact.
    """

    start: int
    end: int
    unit: str
    unit_seconds: int
    name: str
    price: Fraction
    byte_seconds: Fraction


def invoices(ledger: Ledger, month: Month) -> Iterator[list[Row]]:
    """The rows of each workspace that stored something in a month or has a correction, by name.

    Raises AcctError for a month without rates, or before the first of them.
    """
    card = card_in_force(ledger)
    parts = parts_of(month, card)
    if not card.rates:
        raise AcctError(f"month {month}", "has no rates, so there is no cost to export", "load a rate card first")
    for (workspace,) in ledger.rows("SELECT name FROM workspaces ORDER BY name"):
        bill = statement(ledger, workspace, month)
        metered = list(meter(ledger, parts, month.end, card.rules, workspace))
        usage = metered[0] if metered else WorkspaceUsage(workspace, 1, ())
        costs = rate_costs(usage, parts, month.seconds, plans_of(ledger, workspace))
        rows = invoice_rows(bill, levels_of(usage, parts, costs, month.seconds))
        if rows:
            yield rows


def price_decimals(ledger: Ledger) -> int:
    """How many digits after the point the finest price has."""
    prices = (tier.price for rate in card_in_force(ledger).rates for tier in rate.tiers)
    return max((len(digits(price).partition(".")[2]) for price in prices), default=0)


def levels_of(usage: WorkspaceUsage, parts: Sequence[Part], costs: Mapping[Rate, RateCost],
              month_seconds: int) -> dict[LineKey, list[Level]]:  # fmt: skip
    """What the rates make of each line: its uncharged usage, and its piece of the allowance and of each tier."""
    rates = list(costs)
    rate_of_part = [rates.index(part.rate) for part in parts if part.rate is not None]
    used: dict[tuple[int, bool, LineKey], int] = {}
    for share in usage.shares:
        of_line = (rate_of_part[share.part], share.charged, share.key)
        used[of_line] = used.get(of_line, 0) + share.numerator
    whole = [_levels_of_rate(rate, costs[rate], usage.denominator, parts, month_seconds) for rate in rates]
    levels: dict[LineKey, list[Level]] = {}
    for (number, charged, key), numerator in used.items():
        of_rate = whole[number][:-1] if charged else whole[number][-1:]
        all_of_them = costs[rates[number]].charged if charged else usage.denominator
        levels.setdefault(key, []).extend(
            replace(level, byte_seconds=level.byte_seconds * numerator / all_of_them)
            for level in of_rate
            if level.byte_seconds and numerator
        )
    return levels


def _levels_of_rate(rate: Rate, cost: RateCost, denominator: int, parts: Sequence[Part],
                    month_seconds: int) -> list[Level]:  # fmt: skip
    """The allowance and the tiers of a workspace's whole charged usage, then one byte-second that is not charged."""
    of_rate = [part for part in parts if part.rate == rate]
    start, end = of_rate[0].start, of_rate[-1].end
    unit_seconds = rate.unit_bytes * month_seconds
    billed = (Fraction(cost.charged, denominator) - cost.included_byte_seconds) / unit_seconds
    tiers = tier_units(rate, billed, Fraction(end - start, month_seconds))
    return [
        Level(start, end, rate.unit, unit_seconds, name, price, byte_seconds)
        for name, price, byte_seconds in (
            ("included", _NOTHING, cost.included_byte_seconds),
            *(
                (f"tier {number}", tier.price, units * unit_seconds)
                for number, (units, tier) in enumerate(zip(tiers, rate.tiers, strict=True), 1)
            ),
            ("not charged", _NOTHING, Fraction(1)),
        )
    ]


def invoice_rows(bill: Statement, levels: Mapping[LineKey, Sequence[Level]]) -> list[Row]:
    """The rows of a statement, or none where it has neither usage nor corrections; they add up to its total.

    Raises AcctError where the levels are not what the statement was made of.
    """
    assert bill.amount_minor is not None  # a month without rates was refused before
    invoice = _invoice(bill)
    lines = {line.key: line for line in bill.lines}
    rows: list[Row] = []
    for key in sorted(levels, key=lambda key: key.sort_key):
        byte_seconds = lines[key].byte_seconds if key in lines else 0
        of_line = sorted(levels[key], key=lambda level: (level.start, level.name))
        rows += _line_rows(invoice | _package(bill.workspace, key), key, of_line, byte_seconds)
    unrounded = sum((Fraction(str(row["BilledCost"])) for row in rows), _NOTHING)
    rows += [
        invoice | _package(bill.workspace, correction.key) | _correction(correction, bill.minor_digits)
        for correction in bill.corrections
    ]
    if not rows:
        return []
    corrected = sum(correction.amount_minor or 0 for correction in bill.corrections)
    rounding = Fraction(bill.amount_minor - corrected, 10**bill.minor_digits) - unrounded
    dearest = max((level.price for of_line in levels.values() for level in of_line), default=_NOTHING)
    allowed = Fraction(1, 10**bill.minor_digits) + len(rows) * dearest / 10**QUANTITY_DECIMALS
    if abs(rounding) > allowed or set(lines) - set(levels):
        raise AcctError(
            f"workspace {bill.workspace}",
            f"has a statement of {bill.month} that its usage does not add up to",
            "export nothing, and report it as a defect",
        )
    rows.append(invoice | _costs(rounding) | {"ChargeCategory": "Adjustment", "ChargeDescription": "Rounding"})
    return rows


def _invoice(bill: Statement) -> Row:
    """What all rows of an invoice have in common."""
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
    """What a row says of the package that it charges, and of its repository."""
    told: Row = {
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
        told |= {
            "SubAccountId": f"{workspace}/{key.repository}",
            "SubAccountName": key.repository,
            "SubAccountType": "Repository",
        }
    return told


def _line_rows(common: Row, key: LineKey, levels: Sequence[Level], byte_seconds: int) -> Iterator[Row]:
    """A line's rows; its whole byte-seconds are given to them by largest remainder."""
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
    """A correction has an amount, but neither quantity nor price: what it takes back may have had several."""
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
    """There are no discounts and no exchange: what is listed, contracted, billed and effective is the same."""
    columns = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "PricingCurrencyEffectiveCost")
    return dict.fromkeys(columns, digits(cost))


def _prices(price: Fraction) -> Row:
    columns = ("ContractedUnitPrice", "ListUnitPrice")
    return dict.fromkeys((*columns, *(f"PricingCurrency{column}" for column in columns)), digits(price))


def digits(value: Fraction) -> str:
    """All digits of a number that ends, one at least after the point: so no reader takes it for an integer.

    >>> digits(Fraction(1, 8)), digits(Fraction(-30)), digits(Fraction(1, 10**12))
    ('0.125', '-30.0', '0.000000000001')
    """
    decimals = 1
    while value.denominator != 1 and 10**decimals % value.denominator:
        decimals += 1
    return money(value.numerator * 10**decimals // value.denominator, decimals)
