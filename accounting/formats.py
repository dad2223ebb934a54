"""The formats of a statement, by the ending of their files: each a function from its page to the bytes of a file."""

from collections.abc import Callable

from accounting.render import statement_html, statement_text
from accounting.statement_json import statement_json
from accounting.statement_page import StatementPage

FORMATS: dict[str, Callable[[StatementPage], bytes]] = {
    "text": lambda page: statement_text(page.statement).encode(),
    "json": lambda page: statement_json(page.statement).encode(),
    "html": lambda page: statement_html(page.statement).encode(),
}
