"""npm packages in the storage layout of Verdaccio, in a bucket or in its local storage folder.

A package is a folder, `name` or `@scope/name`, with its packument `package.json` and its tarballs
`name-version.tgz`; the npm registry's own documentation names tarballs so. Verdaccio serves whatever else was published
into that folder, too. What stands in the packument and not in the folder is not stored: of a package that is proxied
from elsewhere only the tarballs that were fetched.

Such folders lie at the top or, where the registry's `packages:` give a group of packages a `storage:`, in a folder of
that group, at any depth. One package may lie in several of them: each file stored is a blob of it.

Packuments are read once, to see whether the registry can read them. One that it cannot is reported as broken; the
tarballs beside it are served all the same, so that all is billed. The database file holds the secret that the registry
signs tokens with: it is known by its name, and never read. It may be kept elsewhere, so a package marks a registry as
well.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import polars as pl

from accounting.collectors.collected import (
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
from accounting.collectors.store import GONE, GoneError, Progress, Store
from accounting.collectors.stored_files import files_of, references_of
from accounting.model import Source

PACKUMENT_FILE = "package.json"
PACKUMENT_BYTES = 64 * 2**20  # a larger one is taken for whole
READERS = 8
# As verdaccio-aws-s3-storage, local-storage, and local-storage of the days of sinopia name it.
DATABASES = ("verdaccio-s3-db.json", ".verdaccio-db.json", ".sinopia-db.json")
# Tokens and users, where the registry is set up to keep them beside the packages.
KEPT_FOR_ITSELF = (*DATABASES, ".token-db.json", "htpasswd")

# npm's validate-npm-package-name, old names included: what encodeURIComponent leaves as it is; and what Verdaccio's
# validateName refuses.
NAME = r"^[A-Za-z0-9_!~*'()-][A-Za-z0-9_.!~*'()-]*$"
NO_NAMES = ("node_modules", "__proto__", "favicon.ico")
# Folders of which no group of packages is kept in any.
NO_GROUPS = ("", ".", "..", "node_modules")
VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+([+-][0-9A-Za-z.+-]+)?$"  # semver.org, 2.0.0
# local-storage writes `<file>.tmp-<digits>` for a tarball and `<file>.tmp<digits>` for a packument, then renames it.
TEMPORARY = r"\.tmp-?[0-9]+$"


def collect(store: Store, source: Source, earlier: Manifests, progress: Progress) -> Collected:
    """List a registry. Raises AcctError for a listing that cannot be trusted."""
    listing = store.listing(progress)
    files = _placed(files_of(listing.objects, source))
    packuments = files.filter((pl.col("file") == PACKUMENT_FILE) & (pl.col("part") == REACHABLE))
    held = files.filter(pl.col("part") == REACHABLE)
    # The workspaces of one registry may stand beside its database.
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
    """What is wrong with a packument, as JSON.parse of JavaScript would have it. Nothing of it is kept."""
    try:
        value = json.loads(
            body.decode(errors="replace"),
            object_pairs_hook=lambda members: {},
            parse_int=len,
            parse_constant=_refuse_constant,
        )
    except RecursionError:  # which is Python's limit, and none of the registry
        return None
    except ValueError:
        return "is no JSON that the registry can read"
    return None if isinstance(value, dict | list) else "is no JSON object"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _placed(files: pl.DataFrame) -> pl.DataFrame:
    """With the columns package and version (null where a file is of no package), part and is_database."""
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
    """What a file is. A tarball that was left when its package was removed is served by nothing."""
    file = pl.col("file")
    inside = pl.col("package").is_not_null()
    return (
        pl.when(FOLDER_MARKER)
        .then(pl.lit(METADATA))
        .when(~pl.col("served") & file.is_in(KEPT_FOR_ITSELF))
        .then(pl.lit(METADATA))
        .when(inside & (file == f"{PACKUMENT_FILE}.lock"))  # local-storage holds it while it rewrites the packument
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
    """That of a tarball by its name; empty for what belongs to the package, a tarball of another name included."""
    version = pl.col("file").str.strip_prefix(pl.concat_str("name", pl.lit("-"))).str.strip_suffix(".tgz")
    named = pl.col("file") == pl.concat_str("name", pl.lit("-"), version, pl.lit(".tgz"))
    return pl.when(named & version.str.contains(VERSION)).then(version).otherwise(pl.lit(""))
