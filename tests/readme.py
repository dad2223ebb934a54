"""The part of README.md that is made from `--help`: a table of all commands.

`python -m tests.readme` writes it anew.
"""

from pathlib import Path
from typing import Any

from tests.support.commands_of import commands

README = Path(__file__).parent.parent / "README.md"
_BEGIN, _END = "<!-- made from --help by `python -m tests.readme` -->", "<!-- end -->"


def written_anew(readme: str) -> str:
    """README with the table as it has to be now."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{_table()}{_END}{after}"


def _table() -> str:
    rows = ["| command | what it does |", "|---|---|"]
    for name, command in commands():
        if not hasattr(command, "commands"):
            rows.append(f"| `{_usage(name, command)}` | {command.get_short_help_str(1000)} |")
    return "\n".join(rows) + "\n"


def _usage(name: str, command: Any) -> str:
    """The command, what it must or may be given, what it must be told, and the formats that it writes."""
    context = command.make_context(name, [], resilient_parsing=True)
    words = [name]
    for param in command.params:
        if param.param_type_name == "argument":
            words += [piece.replace("{", "").replace("}", "") for piece in param.get_usage_pieces(context)]
        elif param.required:
            words.append(f"{param.opts[0]} {param.metavar}")
        elif "--format" in param.opts:
            words.append(f"[--format {param.display_type(context).strip('<>')}]")
    return " ".join(words).replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(written_anew(README.read_text(encoding="utf-8")), encoding="utf-8")
