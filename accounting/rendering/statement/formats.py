"""The formats of a statement by name. Each is a function from a page to the bytes of a file."""

from collections.abc import Callable

from accounting.facts.statement_json import statement_json
from accounting.pages.statement_page import StatementPage
from accounting.rendering.statement.page import page_html, page_text
from accounting.rendering.statement.page_csv import statements_csv
from accounting.rendering.statement.page_markdown import page_markdown
from accounting.rendering.statement.page_pdf import statement_pdf

FORMATS: dict[str, Callable[[StatementPage], bytes]] = {
    "text": lambda page: page_text(page).encode(),
    "json": lambda page: statement_json(page.statement).encode(),
    "html": lambda page: page_html(page).encode(),
    "md": lambda page: page_markdown(page).encode(),
    "pdf": statement_pdf,
    "csv": lambda page: statements_csv([page.statement]).encode(),
}
