"""The check of a reader's SQL: one SELECT over the ledger's tables and relations, without access to files.

DuckDB's own settings are not enough: they do not stop SQL from reading and writing the path of an open database, and a
common table expression may be a COPY. So DuckDB parses the text first, and everything that is not known to be harmless
is refused.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from accounting.errors import AcctError
from accounting.ledger import Ledger

# Kinds of nodes from DuckDB's parser that are not expressions. Those that write are COPY_QUERY_NODE and the like.
_KINDS = frozenset({
    "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE",
    "BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY", "TABLE_FUNCTION",
    "ASCENDING", "DESCENDING", "ORDER_DEFAULT",
    "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER",
})  # fmt: skip
# All others may read files, execute SQL in a text, or change DuckDB's settings.
_TABLE_FUNCTIONS = ("duckdb_columns", "duckdb_tables", "duckdb_views", "generate_series", "json_each", "json_tree",
                    "range", "unnest")  # fmt: skip


def require_select(ledger: Ledger, sql: str) -> None:
    """AcctError unless a text is one SELECT that cannot access a file."""
    where = f"ledger {ledger.path}"
    ((text,),) = ledger.rows("SELECT json_serialize_sql($1)::VARCHAR", [sql])
    try:
        parsed = json.loads(text)
    except RecursionError as error:
        raise AcctError(where, "the query is nested too deeply", "write it in several steps, with WITH") from error
    if parsed["error"]:
        if parsed["error_type"] == "not implemented":
            raise AcctError(where, "the query is not a SELECT, and a ledger is read-only", "write one SELECT")
        raise AcctError(where, f"the query cannot be parsed: {parsed['error_message']}", "correct the query")
    number = len(parsed["statements"])
    if number != 1:
        what = f"the query has {number} statements" if number else "the query is empty"
        raise AcctError(where, what, "write one SELECT")
    for node in _nodes(parsed["statements"]):
        refused = _refused(node)
        if refused:
            raise AcctError(where, refused, "select from the ledger's tables and relations; `SHOW TABLES` lists them")


def _nodes(parsed: object) -> Iterator[dict[str, Any]]:
    """Every object in the parsed text, from the outside in."""
    waiting = [parsed]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _refused(node: dict[str, Any]) -> str | None:
    """Why a part of a query is refused; None if it is harmless."""
    kind = node.get("type")
    if isinstance(kind, str) and "class" not in node and kind not in _KINDS:
        return f"the query has a part that is not a SELECT ({kind.removesuffix('_QUERY_NODE').replace('_', ' ')})"
    if kind == "TABLE_FUNCTION" and node["function"].get("function_name") not in _TABLE_FUNCTIONS:
        name = node["function"].get("function_name")
        return f"the query uses {name}(), but the only table functions allowed are {', '.join(_TABLE_FUNCTIONS)}"
    if kind in ("BASE_TABLE", "SHOW_REF"):
        for name in (node["catalog_name"], node["schema_name"], node["table_name"]):
            if not re.fullmatch(r'[\w ]*|"\w+"', name):  # SHOW has its argument in quotes, such as "tables"
                return f"the query names {name!r} as a table, but files cannot be read"
    return None
