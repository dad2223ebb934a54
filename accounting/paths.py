"""Where queries/ and reports/ are: inside the package in a wheel, beside it in a checkout."""

import re
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """The folder of that name which ships with the package.

    >>> (shipped("queries") / "ledger.sql").is_file()
    True
    """
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def glob_of(file: Path) -> str:
    """The pattern that matches only this file; DuckDB's readers take every path as a glob.

    >>> glob_of(Path("/data/a[1].csv"))
    '/data/a[[]1].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(file.resolve()))
