"""FOCUS rows to a file, row by row: CSV with exact digits as text, or Parquet with exact decimals.

In CSV, `formula_safe` keeps a spreadsheet from taking a text for a formula. Figures, and all Parquet values, are
unchanged.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from accounting.errors import AcctError
from accounting.exports.focus import QUANTITY_DECIMALS, Row
from accounting.instants import format_instant
from accounting.text import formula_safe

# The content of each column: text, an instant in epoch seconds, or digits. All columns of FOCUS 1.2 come first, even
# those that are always null here, so that a month can be combined with those of other providers. Then come our own.
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
_DIGITS = 38
_PRICE_DECIMALS = 10
_BATCH_ROWS = 50_000


def write_csv(invoices: Iterable[list[Row]], file: BinaryIO) -> None:
    """CSV as in RFC 4180, in UTF-8; null is an empty cell."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    rows = csv.writer(text)  # lines end with CR LF, so that a lone CR in a name is quoted
    rows.writerow(COLUMNS)
    for invoice in invoices:
        rows.writerows([_cell(row.get(column), kind) for column, kind in COLUMNS.items()] for row in invoice)
    text.flush()
    text.detach()


def _cell(value: str | int | None, kind: str) -> str | None:
    """
    >>> _cell("=1+1", "text"), _cell("-0.5", "cost"), _cell(0, "instant")
    ("'=1+1", '-0.5', '1970-01-01T00:00:00Z')
    """
    if isinstance(value, int):
        return format_instant(value)
    return formula_safe(value) if kind == "text" and value is not None else value


def write_parquet(invoices: Iterable[list[Row]], price_decimals: int, file: BinaryIO) -> None:
    """Figures as decimals of 38 digits; costs have as many decimals as an exact product needs.

    `price_decimals` is the largest number of decimals in a price. Raises AcctError if a figure does not fit.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    too_long = AcctError("this month", f"has costs of more than {_DIGITS} digits, too many for Parquet",
                         "export it as CSV")  # fmt: skip
    decimals = max(price_decimals, _PRICE_DECIMALS)
    if decimals + QUANTITY_DECIMALS > _DIGITS:
        raise too_long
    types = {
        "text": pa.string(),
        "instant": pa.timestamp("ms", "UTC"),
        "whole": pa.decimal128(_DIGITS, 0),
        "quantity": pa.decimal128(_DIGITS, QUANTITY_DECIMALS),
        "price": pa.decimal128(_DIGITS, decimals),
        "cost": pa.decimal128(_DIGITS, decimals + QUANTITY_DECIMALS),
    }
    schema = pa.schema([(column, types[kind]) for column, kind in COLUMNS.items()])
    with pq.ParquetWriter(file, schema) as writer:
        for rows in _batches(invoices):
            columns = [[_value(row.get(column), kind) for row in rows] for column, kind in COLUMNS.items()]
            try:
                arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            except pa.ArrowInvalid as error:
                raise too_long from error
            writer.write_table(pa.table(arrays, schema=schema))


def _value(value: str | int | None, kind: str) -> Any:
    if value is None or kind == "text":
        return value
    return value * 1000 if isinstance(value, int) else Decimal(value)


def _batches(invoices: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """Rows of several invoices at a time, because each write makes a row group."""
    batch: list[Row] = []
    for invoice in invoices:
        batch += invoice
        if len(batch) >= _BATCH_ROWS:
            yield batch
            batch = []
    yield batch
