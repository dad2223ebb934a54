"""HTML and Markdown as a reader makes them out."""

from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token


def tokens(markdown: str) -> list[Token]:
    """What a Markdown reader with tables and links makes of a text, piece by piece."""
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    return [*parsed, *(child for token in parsed for child in token.children or ())]


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())
