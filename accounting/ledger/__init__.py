"""The ledger: its file, SQL over its tables, and questions put to it. The only room that imports duckdb."""

from accounting.ledger.file import SCHEMA_VERSION, imagining, reading, refusing, writing
from accounting.ledger.view import EVERYTHING, Ledger, Query, View

__all__ = ["EVERYTHING", "SCHEMA_VERSION", "Ledger", "Query", "View", "imagining", "reading", "refusing", "writing"]
