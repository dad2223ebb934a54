"""The configuration, acct.toml: where the ledger is, and the sources that `acct collect` reads."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accounting.errors import AcctError
from accounting.model import Source

LAYOUTS = ("distribution",)
_SOURCE_KEYS = ("name", "layout", "url", "workspace", "endpoint_url", "inventory")


@dataclass(frozen=True)
class Config:
    """What acct.toml says; `folder` is what its relative paths are relative to."""

    folder: Path
    ledger: Path | None = None
    sources: tuple[Source, ...] = ()


def read_config(file: Path) -> Config:
    """Raises AcctError, naming the file and the key, for what cannot be read or is not understood."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", "name another --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AcctError(str(file), f"is no TOML: {error}", "mend it") from error
    _known(str(file), content, ("ledger", "source"))
    ledger = content.get("ledger")
    if ledger is not None and (not isinstance(ledger, str) or not ledger):
        raise AcctError(f"{file}, ledger", "is no path", 'write it as "acct.duckdb"')
    entries = content.get("source", [])
    if not isinstance(entries, list):
        raise AcctError(f"{file}, source", "is no list of sources", "write each as [[source]]")
    sources = tuple(_source(f"{file}, [[source]] {i}", entry) for i, entry in enumerate(entries, 1))
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise AcctError(str(file), f"has two sources named {name}", "give each a name of its own")
    folder = file.resolve().parent
    return Config(folder, folder / ledger if ledger else None, sources)


def _source(where: str, entry: object) -> Source:
    if not isinstance(entry, dict):
        raise AcctError(where, "is no table", "write it as [[source]]")
    _known(where, entry, _SOURCE_KEYS)
    for key, value in entry.items():
        if not isinstance(value, str) or not value:
            raise AcctError(f"{where}, {key}", "is no text", "write it in quotes")
    for key in ("name", "layout", "url"):
        if key not in entry:
            raise AcctError(where, f"the key {key} is missing", "add it")
    if entry["layout"] not in LAYOUTS:
        raise AcctError(where, f"the layout {entry['layout']!r} is unknown", f"this acct reads {', '.join(LAYOUTS)}")
    if not re.match(r"(s3://|file:).", entry["url"]):
        raise AcctError(where, f"the url {entry['url']!r} is unknown", "write s3://bucket/prefix or file:folder")
    if "inventory" in entry:
        _check_inventory(f"{where}, inventory", entry["inventory"], entry["url"])
    return Source(**entry)


def _check_inventory(where: str, inventory: str, url: str) -> None:
    if not re.match(r"(s3://|file:).", inventory):
        raise AcctError(where, f"the url {inventory!r} is unknown", "write s3://bucket/prefix or file:folder")
    if not url.startswith("s3://"):
        raise AcctError(where, "is of a folder, and only a bucket has an inventory", "take it out")


def _known(where: str, table: Mapping[str, object], keys: tuple[str, ...]) -> None:
    unknown = sorted(table.keys() - set(keys))
    if unknown:
        raise AcctError(where, f"the key {unknown[0]!r} is unknown", f"the keys here are {', '.join(keys)}")
