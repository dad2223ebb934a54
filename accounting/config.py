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
_SOURCE_KEYS = ("name", "layout", "url", "workspace", "top_level_workspace", "endpoint_url", "profile", "region",
                "inventory", "query")  # fmt: skip


@dataclass(frozen=True)
class Config:
    """What acct.toml says, and its `file`, None where there is none.

    `folder` is what its relative paths are relative to: that of the file, or the current one where the file is a pipe.
    """

    folder: Path
    ledger: Path | None = None
    sources: tuple[Source, ...] = ()
    file: Path | None = None


def find_ledger(ledger: Path | None, config: Path | None) -> tuple[Path, Config]:
    """The ledger and the configuration that are meant by what was named, or by acct.toml and acct.duckdb here."""
    default = Path("acct.toml")
    if config is None and default.exists():
        config = default
    read = read_config(config) if config else Config(Path.cwd())
    return ledger or read.ledger or Path("acct.duckdb"), read


def read_config(file: Path) -> Config:
    """Raises AcctError, naming the file and the key, for what cannot be read or is not understood."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", "name another --config") from error
    except UnicodeDecodeError as error:
        raise AcctError(str(file), "is not written in UTF-8", "save it as UTF-8") from error
    content = parse_toml(text, str(file), "correct it")
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
    folder = Path.cwd() if file.is_fifo() else file.resolve().parent
    return Config(folder, folder / ledger if ledger else None, sources, file)


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
    _no_password(f"{where}, url", entry["url"])
    if entry["layout"] == "database":
        return _database(where, entry)
    if "query" in entry:
        raise AcctError(f"{where}, query", "belongs to the layout database alone", "remove it")
    if not re.match(r"(s3://|file:).", entry["url"]):
        raise AcctError(where, f"the url {entry['url']!r} is unknown", "write s3://bucket/prefix or file:folder")
    for key in ("profile", "region"):
        if key in entry and not entry["url"].startswith("s3://"):
            raise AcctError(f"{where}, {key}", "belongs to a bucket, and the url is of a folder", "remove it")
    if "inventory" in entry:
        _check_inventory(f"{where}, inventory", entry["inventory"], entry["url"])
    _check_workspace(where, entry)
    return Source(**entry)


def _check_inventory(where: str, inventory: str, url: str) -> None:
    if not re.match(r"(s3://|file:).", inventory):
        raise AcctError(where, f"the url {inventory!r} is unknown", "write s3://bucket/prefix or file:folder")
    if not url.startswith("s3://"):
        raise AcctError(where, "is of a folder, and only a bucket has an inventory", "take it out")


def _check_workspace(where: str, entry: Mapping[str, str]) -> None:
    """Raises AcctError unless it is said in one way whose the packages are; image names tell it themselves."""
    url = entry["url"]
    if "top_level_workspace" in entry and (entry["layout"] != "distribution" or "workspace" in entry):
        what = "is for the layout distribution without `workspace`: it takes the images whose name has no slash"
        raise AcctError(f"{where}, top_level_workspace", what, "remove it")
    in_url = WORKSPACE in url
    if entry["layout"] == "distribution":
        if in_url:
            hint = "leave it out: without `workspace` it is the first segment of the image name"
            raise AcctError(f"{where}, url", f"has {WORKSPACE}, which distribution does not know", hint)
        return
    path = re.sub(r"^(s3://[^/]*/?|file:)", "", url)
    if in_url and (url.count(WORKSPACE) > 1 or WORKSPACE not in path.split("/")):
        hint = f"write it once, between slashes, such as s3://bucket/{WORKSPACE}/releases"
        raise AcctError(f"{where}, url", f"has {WORKSPACE} elsewhere than as one segment of its path", hint)
    if in_url and "workspace" in entry:
        raise AcctError(f"{where}, workspace", f"is given, and {WORKSPACE} in the url too", "leave one of them out")
    if not in_url and "workspace" not in entry:
        hint = f"add it, or write {WORKSPACE} for one segment of the url's path"
        raise AcctError(f"{where}, workspace", f"is missing, and {entry['layout']} has none in its package names", hint)


def _database(where: str, entry: dict[str, str]) -> Source:
    for key in ("workspace", "top_level_workspace", "endpoint_url", "profile", "region", "inventory"):
        if key in entry:
            raise AcctError(f"{where}, {key}", "does not belong to the layout database", "remove it")
    if "query" not in entry:
        raise AcctError(where, "the key query is missing", "add the SQL query that lists repositories and packages")
    if not re.match(r"postgres(ql)?://", entry["url"]):
        raise AcctError(f"{where}, url", "is none of a PostgreSQL database", "write postgresql://host/database")
    return Source(**entry)


def _no_password(where: str, url: str) -> None:
    """Refuse a password in a database's url, and do not show it: user:password@host, or a parameter named so."""
    if re.match("s3://|file:", url):  # any key or path may look like that
        return
    parameters = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    if re.search(r"/[^@]*:[^@]*@", url) or any("password" in name for name, _ in parameters):
        raise AcctError(where, "holds a password", "remove it and set PGPASSWORD, or use ~/.pgpass")


def _known(where: str, table: Mapping[str, object], keys: tuple[str, ...]) -> None:
    unknown = sorted(table.keys() - set(keys))
    if unknown:
        raise AcctError(where, f"the key {unknown[0]!r} is unknown", f"the keys here are {', '.join(keys)}")
