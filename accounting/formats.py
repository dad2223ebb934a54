"""The formats of a statement, by the ending of their files: each a function from its page to the bytes of a file."""

from collections.abc import Callable

from accounting.pdf import statement_pdf
from accounting.render_csv import statement_csv
from accounting.render_markdown import page_markdown
from accounting.render_page import page_html, page_text
from accounting.statement_json import statement_json
from accounting.statement_page import StatementPage

FORMATS: dict[str, Callable[[StatementPage], bytes]] = {
    "text": lambda page: page_text(page).encode(),
    "json": lambda page: statement_json(page.statement).encode(),
    "html": lambda page: page_html(page).encode(),
    "md": lambda page: page_markdown(page).encode(),
    "pdf": statement_pdf,
    "csv": lambda page: statement_csv(page.statement).encode(),
}
