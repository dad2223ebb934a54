"""`acct guide`: the handbook, which ships in accounting/guide, page by page."""

from typing import Annotated

import typer

from accounting.commands.context import write_out
from accounting.errors import AcctError
from accounting.paths import shipped


def add_to(app: typer.Typer) -> None:
    app.command()(guide)


def guide(
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="The name of a page [default: list the pages]")
    ] = None,
) -> None:
    """List the pages of the handbook, or print one of them.

    Example: acct guide rate-cards
    """
    pages = {file.stem: file.read_text(encoding="utf-8") for file in sorted(shipped("guide").glob("*.md"))}
    if topic is None:
        width = max(map(len, pages))
        titles = {name: page.partition("\n")[0].removeprefix("# ") for name, page in pages.items()}
        write_out("".join(f"{name:{width}}  {title}\n" for name, title in titles.items()), None)
    elif topic in pages:
        write_out(pages[topic], None)
    else:
        raise AcctError(f"page {topic}", "is not in the guide", f"the pages are {', '.join(pages)}")
