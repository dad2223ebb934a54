"""npm packages in the storage layout of Verdaccio, in a bucket or in its local storage folder.

A package is a folder, `name` or `@scope/name`, with its packument `package.json` and its tarballs `name-version.tgz`,
as in the npm registry's documentation. Verdaccio also serves any other file in that folder. A tarball that is in the
packument but not in the folder is not stored: of a proxied package only the tarballs that were fetched are.

Such folders are at the top or, if `packages:` in the registry's configuration gives a group of packages a `storage:`,
in a folder of that group, at any depth. A package may be in several of them: each stored file is one of its blobs.

Packuments are read once, to see whether the registry can read them. One that it cannot read is reported as broken; the
tarballs beside it are still served, so all are billed. The database file contains the secret with which the registry
signs tokens: it is recognised by its name and never read. It may be kept elsewhere, so a package marks a registry as
well.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import polars as pl

from accounting.collectors.layouts.collected import (
    BROKEN,
    FOLDER_MARKER,
    GARBAGE,
    METADATA,
    PACKUMENT,
    REACHABLE,
    UNKNOWN,
    UPLOAD,
    Collected,
    Manifests,
)
from accounting.collectors.layouts.stored_files import files_of, references_of
from accounting.collectors.places.store import GONE, GoneError, Progress, Store
from accounting.model import Source

PACKUMENT_FILE = "package.json"
PACKUMENT_BYTES = 64 * 2**20  # a larger one is not checked
READERS = 8
# The names in verdaccio-aws-s3-storage, in local-storage, and in local-storage when Verdaccio was called sinopia.
DATABASES = ("verdaccio-s3-db.json", ".verdaccio-db.json", ".sinopia-db.json")
# Tokens and users, if the registry is configured to store them beside the packages.
KEPT_FOR_ITSELF = (*DATABASES, ".token-db.json", "htpasswd")

# npm's validate-npm-package-name, including old names: what encodeURIComponent leaves unchanged; and the names that
# Verdaccio's validateName refuses.
NAME = r"^[A-Za-z0-9_!~*'()-][A-Za-z0-9_.!~*'()-]*$"
NO_NAMES = ("node_modules", "__proto__", "favicon.ico")
# Folders that never contain a group of packages.
NO_GROUPS = ("", ".", "..", "node_modules")
VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+([+-][0-9A-Za-z.+-]+)?$"  # semver.org, 2.0.0
# local-storage writes a tarball as `<file>.tmp-<digits>` and a packument as `<file>.tmp<digits>`, then renames it.
TEMPORARY = r"\.tmp-?[0-9]+$"


def collect(store: Store, source: Source, earlier: Manifests, progress: Progress) -> Collected:
    """List a registry. Raises AcctError if the listing cannot be trusted."""
    listing = store.listing(progress)
    files = _placed(files_of(listing.objects, source))
    packuments = files.filter((pl.col("file") == PACKUMENT_FILE) & (pl.col("part") == REACHABLE))
    held = files.filter(pl.col("part") == REACHABLE)
    # The folders of a registry's workspaces may be beside its database.
    has_database = files["is_database"].any() or listing.objects["key"].is_in(DATABASES).any()
    return Collected(
        taken_at=listing.taken_at,
        references=references_of(held, "npm"),
        parts=files.select("key", "size_bytes", "part"),
        has_marker=has_database or not held.is_empty(),
        broken=_broken(packuments, store, earlier),
    )


def _broken(packuments: pl.DataFrame, store: Store, earlier: Manifests) -> pl.DataFrame:
    """The packuments that the registry cannot read, as BROKEN."""
    unread = packuments.filter(pl.lit(earlier.since is None) | earlier.doubtful()).sort("key")

    def problem(listed: tuple[str, int]) -> str | None:
        key, size_bytes = listed
        if not 0 < size_bytes <= PACKUMENT_BYTES:
            return None if size_bytes else "is empty"
        try:
            return _problem(store.read(key, PACKUMENT_BYTES))
        except GoneError:
            return GONE

    with ThreadPoolExecutor(READERS) as pool:
        problems = list(pool.map(problem, unread.select("key", "size_bytes").iter_rows()))
    read = unread.with_columns(kind=pl.lit(PACKUMENT), problem=pl.Series(problems, dtype=pl.String()))
    return read.select(list(BROKEN)).filter(pl.col("problem").is_not_null())


def _problem(body: bytes) -> str | None:
    """What is wrong with a packument according to JavaScript's JSON.parse; else None. Its content is discarded."""
    try:
        value = json.loads(
            body.decode(errors="replace"),
            object_pairs_hook=lambda members: {},
            parse_int=len,
            parse_constant=_refuse_constant,
        )
    except RecursionError:  # a limit of Python that the registry does not have
        return None
    except ValueError:
        return "is not JSON that the registry can read"
    return None if isinstance(value, dict | list) else "is not a JSON object"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _placed(files: pl.DataFrame) -> pl.DataFrame:
    """The files with the columns package and version (null if the file belongs to no package), part and is_database."""
    segments = pl.col("path").str.split("/")
    above = pl.col("segments").list.get(-3, null_on_oob=True)
    scoped = above.str.starts_with("@").fill_null(False)
    name = pl.col("segments").list.get(-2, null_on_oob=True)
    groups = pl.col("segments").list.head(pl.col("segments").list.len() - pl.when(scoped).then(3).otherwise(2))
    named = files.with_columns(segments=segments).with_columns(
        file=pl.col("segments").list.last(),
        folder=pl.col("segments").list.head(pl.col("segments").list.len() - 1).list.join("/"),
        name=name,
        package=pl.when(
            _is_name(name)
            & (~scoped | _is_name(above.str.strip_prefix("@")))
            & ~pl.any_horizontal(groups.list.contains(folder) for folder in NO_GROUPS)
        ).then(pl.when(scoped).then(pl.concat_str(above, name, separator="/")).otherwise(name)),
    )
    served = named.filter(pl.col("package").is_not_null() & (pl.col("file") == PACKUMENT_FILE))
    served = served.select("workspace", "folder", served=pl.lit(True))
    return (
        named.join(served, on=["workspace", "folder"], how="left", maintain_order="left")
        .with_columns(pl.col("served").fill_null(False))
        .with_columns(is_database=~pl.col("served") & pl.col("file").is_in(DATABASES))
        .with_columns(part=_part(), version=_version())
    )


def _is_name(segment: pl.Expr) -> pl.Expr:
    return (segment.str.contains(NAME) & ~segment.str.to_lowercase().is_in(NO_NAMES)).fill_null(False)


def _part() -> pl.Expr:
    """What a file is. A tarball that was left behind when its package was removed is not served."""
    file = pl.col("file")
    inside = pl.col("package").is_not_null()
    return (
        pl.when(FOLDER_MARKER)
        .then(pl.lit(METADATA))
        .when(~pl.col("served") & file.is_in(KEPT_FOR_ITSELF))
        .then(pl.lit(METADATA))
        .when(inside & (file == f"{PACKUMENT_FILE}.lock"))  # exists while local-storage rewrites the packument
        .then(pl.lit(METADATA))
        .when(inside & file.str.contains(TEMPORARY))
        .then(pl.lit(UPLOAD))
        .when(pl.col("served") & (file != ""))
        .then(pl.lit(REACHABLE))
        .when(inside & file.str.ends_with(".tgz"))
        .then(pl.lit(GARBAGE))
        .otherwise(pl.lit(UNKNOWN))
    )


def _version() -> pl.Expr:
    """A tarball's version, from its name; empty for a file of the package as a whole or with any other name."""
    version = pl.col("file").str.strip_prefix(pl.concat_str("name", pl.lit("-"))).str.strip_suffix(".tgz")
    named = pl.col("file") == pl.concat_str("name", pl.lit("-"), version, pl.lit(".tgz"))
    return pl.when(named & version.str.contains(VERSION)).then(version).otherwise(pl.lit(""))
