"""Rate cards of real products in examples/, as a starting point for one's own; each names its sources."""

from accounting.errors import AcctError
from accounting.paths import shipped


def example_names() -> list[str]:
    """The names of the examples, in order.

    >>> "docker-hub-2025" in example_names()
    True
    """
    return sorted(file.stem for file in shipped("examples").glob("*.toml"))


def example_text(name: str) -> str:
    """The TOML of the example of that name; AcctError, with all names, if it does not exist."""
    if name not in example_names():
        raise AcctError(f"example {name}", "does not exist", f"use one of {', '.join(example_names())}")
    return (shipped("examples") / f"{name}.toml").read_text(encoding="utf-8")
