"""The tables of the documents that are made from the program: all commands, from `--help`; and what a row of each
relation is, from the comment above its SQL.

`python -m tests.readme` writes them anew.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.commands_of import commands

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "accounting/guide").glob("*.md"))
COMMANDS = ROOT / "accounting/guide/commands.md"
RELATIONS = ROOT / "queries/README.md"
_BEGIN, _END = "<!-- made by `python -m tests.readme` -->\n", "<!-- end -->"


def written_anew(document: Path) -> str:
    """The text of COMMANDS or RELATIONS, with its table as it has to be now."""
    before, rest = document.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}{TABLES[document]()}{_END}{after}"


def _commands() -> str:
    rows = ["| command | what it does |", "|---|---|"]
    for name, command in commands():
        if not hasattr(command, "commands"):
            rows.append(f"| `{_usage(name, command)}` | {command.get_short_help_str(1000)} |")
    return "\n".join(rows) + "\n"


def _usage(name: str, command: Any) -> str:
    """The command, its arguments, the options that it needs, and the formats that it writes."""
    context = command.make_context(name, [], resilient_parsing=True)
    words = [name]
    for param in command.params:
        if param.param_type_name == "argument":
            words += [word.replace("{", "").replace("}", "") for word in param.get_usage_pieces(context)]
        elif param.required:
            words.append(f"{param.opts[0]} {param.metavar}")
        elif "--format" in param.opts:
            words.append(f"[--format {param.display_type(context).strip('<>')}]")
    return " ".join(words).replace("|", "\\|")


def _relations() -> str:
    rows = ["| relation | one row per |", "|---|---|"]
    for query in sorted((ROOT / "queries").rglob("*.sql")):
        for name, grain in relations_of(query):
            rows.append(f"| `{(query.parent / name).relative_to(ROOT / 'queries')}` | {grain} |")
    return "\n".join(rows) + "\n"


def relations_of(query: Path) -> Iterator[tuple[str, str]]:
    """The name of each relation, table or check that a file defines, and the sentence that says its grain."""
    for comment, statement in re.findall(r"((?:^-- .*\n)+)(\S.*\n)", query.read_text(encoding="utf-8"), re.MULTILINE):
        words = " ".join(line.removeprefix("-- ") for line in comment.splitlines())
        grain = re.match(r"One row(?: per|(:)) (.*?)\.(?= |$)", re.sub(r" \(RULES[^)]*\)", "", words))
        if grain:
            created = re.match(r"CREATE .*?(?:TABLE|VIEW) (\w+)", statement)
            yield created[1] if created else query.stem, "(one row) " * bool(grain[1]) + grain[2]


TABLES: dict[Path, Callable[[], str]] = {COMMANDS: _commands, RELATIONS: _relations}

if __name__ == "__main__":
    for document in TABLES:
        document.write_text(written_anew(document), encoding="utf-8")
