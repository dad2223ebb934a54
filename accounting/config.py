"""The configuration, acct.toml: where the ledger is, and the sources that `acct collect` reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from accounting.errors import AcctError
from accounting.model import WORKSPACE, Source
from accounting.toml import parse_toml

LAYOUTS = ("distribution", "verdaccio", "maven2", "database")
_WRITE_URL = "write s3://bucket/prefix or file:folder"
_SOURCE_KEYS = ("name", "layout", "url", "workspace", "top_level_workspace", "endpoint_url", "profile", "region",
                "inventory", "query")  # fmt: skip


@dataclass(frozen=True)
class Config:
    """The content of acct.toml, and its `file`, None if there is none.

    Relative paths are relative to `folder`: that of the file, or the current one if the file is a pipe.
    """

    folder: Path
    ledger: Path | None = None
    sources: tuple[Source, ...] = ()
    file: Path | None = None


def find_ledger(ledger: Path | None, config: Path | None) -> tuple[Path, Config]:
    """The ledger and the configuration that the user named, or else acct.toml and acct.duckdb here."""
    default = Path("acct.toml")
    if config is None and default.exists():
        config = default
    read = read_config(config) if config else Config(Path.cwd())
    return ledger or read.ledger or Path("acct.duckdb"), read


def read_config(file: Path) -> Config:
    """Raises AcctError, naming the file and the key, if the file cannot be read or has an error."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", "give another file with --config") from error
    except UnicodeDecodeError as error:
        raise AcctError(str(file), "is not encoded in UTF-8", "save it as UTF-8") from error
    content = parse_toml(text, str(file), "correct the file")
    _known(str(file), content, ("ledger", "source"))
    ledger = content.get("ledger")
    if ledger is not None and (not isinstance(ledger, str) or not ledger):
        raise AcctError(f"{file}, ledger", "is not a path", 'write it as "acct.duckdb"')
    entries = content.get("source", [])
    if not isinstance(entries, list):
        raise AcctError(f"{file}, source", "is not a list of sources", "write each source as [[source]]")
    sources = tuple(_source(f"{file}, [[source]] {i}", entry) for i, entry in enumerate(entries, 1))
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise AcctError(str(file), f"has two sources named {name}", "give each source its own name")
    folder = Path.cwd() if file.is_fifo() else file.resolve().parent
    return Config(folder, folder / ledger if ledger else None, sources, file)


def _source(where: str, entry: object) -> Source:
    if not isinstance(entry, dict):
        raise AcctError(where, "is not a table", "write it as [[source]]")
    _known(where, entry, _SOURCE_KEYS)
    for key, value in entry.items():
        if not isinstance(value, str) or not value:
            raise AcctError(f"{where}, {key}", "is not a string, or is empty", "write a value in quotes")
    for key in ("name", "layout", "url"):
        if key not in entry:
            raise AcctError(where, f"the key {key} is missing", "add it")
    if entry["layout"] not in LAYOUTS:
        raise AcctError(where, f"the layout {entry['layout']!r} is unknown", f"use one of {', '.join(LAYOUTS)}")
    _no_password(f"{where}, url", entry["url"])
    if entry["layout"] == "database":
        return _database(where, entry)
    if "query" in entry:
        raise AcctError(f"{where}, query", "is only for the layout database", "remove it")
    if not re.match(r"(s3://|file:).", entry["url"]):
        raise AcctError(where, f"the url {entry['url']!r} names neither a bucket nor a folder", _WRITE_URL)
    for key in ("profile", "region"):
        if key in entry and not entry["url"].startswith("s3://"):
            raise AcctError(f"{where}, {key}", "is only for a bucket, but the url names a folder", "remove it")
    if "inventory" in entry:
        _check_inventory(f"{where}, inventory", entry["inventory"], entry["url"])
    _check_workspace(where, entry)
    return Source(**entry)


def _check_inventory(where: str, inventory: str, url: str) -> None:
    if not re.match(r"(s3://|file:).", inventory):
        raise AcctError(where, f"the url {inventory!r} names neither a bucket nor a folder", _WRITE_URL)
    if not url.startswith("s3://"):
        raise AcctError(where, "is only for a bucket, but the url names a folder", "remove it")


def _check_workspace(where: str, entry: Mapping[str, str]) -> None:
    """Raises AcctError unless exactly one place names the workspace of the packages; image names may contain it."""
    url = entry["url"]
    if "top_level_workspace" in entry and (entry["layout"] != "distribution" or "workspace" in entry):
        what = "is only for the layout distribution without `workspace`, for images whose name has no slash"
        raise AcctError(f"{where}, top_level_workspace", what, "remove it")
    in_url = WORKSPACE in url
    if entry["layout"] == "distribution":
        if in_url:
            hint = "remove it; without `workspace`, the workspace is the first segment of the image name"
            raise AcctError(f"{where}, url", f"has {WORKSPACE}, which the layout distribution does not use", hint)
        return
    path = re.sub(r"^(s3://[^/]*/?|file:)", "", url)
    if in_url and (url.count(WORKSPACE) > 1 or WORKSPACE not in path.split("/")):
        hint = f"write it once, between slashes, such as s3://bucket/{WORKSPACE}/releases"
        raise AcctError(f"{where}, url", f"{WORKSPACE} is not exactly one segment of its path", hint)
    if in_url and "workspace" in entry:
        raise AcctError(f"{where}, workspace", f"is given although the url has {WORKSPACE}", "remove one of them")
    if not in_url and "workspace" not in entry:
        hint = f"add it, or write {WORKSPACE} for one segment of the url's path"
        what = f"is missing, and the package names of the layout {entry['layout']} do not contain it"
        raise AcctError(f"{where}, workspace", what, hint)


def _database(where: str, entry: dict[str, str]) -> Source:
    for key in ("workspace", "top_level_workspace", "endpoint_url", "profile", "region", "inventory"):
        if key in entry:
            raise AcctError(f"{where}, {key}", "is not for the layout database", "remove it")
    if "query" not in entry:
        raise AcctError(where, "the key query is missing", "add the SQL query that lists repositories and packages")
    if not re.match(r"postgres(ql)?://", entry["url"]):
        raise AcctError(f"{where}, url", "is not the URL of a PostgreSQL database", "write postgresql://host/database")
    return Source(**entry)


def _no_password(where: str, url: str) -> None:
    """Refuse a password in a database's url, user:password@host or a parameter of that name, without showing it."""
    if re.match("s3://|file:", url):  # a key or a path may look like that
        return
    parameters = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    if re.search(r"/[^@]*:[^@]*@", url) or any("password" in name for name, _ in parameters):
        raise AcctError(where, "contains a password", "remove it, and set PGPASSWORD or use ~/.pgpass")


def _known(where: str, table: Mapping[str, object], keys: tuple[str, ...]) -> None:
    unknown = sorted(table.keys() - set(keys))
    if unknown:
        raise AcctError(where, f"the key {unknown[0]!r} is unknown", f"use only the keys {', '.join(keys)}")
