"""npm packages in the storage layout of Verdaccio, in a bucket or in its local storage folder.

A package is a folder, `name` or `@scope/name`, with its packument `package.json` and its tarballs
`name-version.tgz`; the npm registry's own documentation names tarballs so. What stands in the packument and not in the
folder is not stored: of a package that is proxied from elsewhere only the tarballs that were fetched.

Packuments are read once, to see whether the registry can read them. One that it cannot is told as broken; the tarballs
beside it are served all the same, so that all is billed. The database file holds the secret that the registry signs
tokens with: it is known by its name, and never read.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import polars as pl

from accounting.collectors.collected import (
    BROKEN,
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
VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+([+-][0-9A-Za-z.+-]+)?$"  # semver.org, 2.0.0
# local-storage writes `<file>.tmp-<digits>` for a tarball and `<file>.tmp<digits>` for a packument, then renames it.
TEMPORARY = r"\.tmp-?[0-9]+$"


def collect(store: Store, source: Source, earlier: Manifests, progress: Progress) -> Collected:
    """List a registry. Raises AcctError for a listing that cannot be trusted."""
    listing = store.listing(progress)
    files = _placed(files_of(listing.objects, source))
    packuments = files.filter((pl.col("file") == PACKUMENT_FILE) & (pl.col("part") == REACHABLE))
    held = files.filter(pl.col("part") == REACHABLE)
    databases = pl.concat([files["path"], listing.objects["key"]])  # the workspaces of one registry stand beside it
    return Collected(
        taken_at=listing.taken_at,
        references=references_of(held, "npm"),
        parts=files.select("key", "size_bytes", "part"),
        has_marker=databases.is_in(DATABASES).any(),
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
    """With the columns package and version (null where a file is of no package) and part."""
    segments = pl.col("path").str.split_exact("/", 3).struct.rename_fields(["first", "second", "third", "more"])
    scoped = pl.col("first").str.starts_with("@")
    named = files.with_columns(segments.alias("segments")).unnest("segments")
    named = named.with_columns(
        name=pl.when(scoped).then("second").otherwise("first"),
        file=pl.when(scoped).then("third").otherwise("second"),
        fits=pl.when(scoped)
        .then(pl.col("more").is_null() & _is_name(pl.col("first").str.strip_prefix("@")) & _is_name(pl.col("second")))
        .otherwise(pl.col("third").is_null() & _is_name(pl.col("first"))),
        package=pl.when(scoped).then(pl.concat_str("first", "second", separator="/")).otherwise("first"),
    )
    packuments = named.filter(pl.col("fits") & (pl.col("file") == PACKUMENT_FILE)).select("workspace", "package")
    packuments = packuments.with_columns(served=pl.lit(True))
    return (
        named.with_columns(package=pl.when("fits").then("package"))
        .join(packuments, on=["workspace", "package"], how="left", maintain_order="left")
        .with_columns(part=_part(), version=_version())
    )


def _is_name(segment: pl.Expr) -> pl.Expr:
    return (segment.str.contains(NAME) & ~segment.str.to_lowercase().is_in(NO_NAMES)).fill_null(False)


def _part() -> pl.Expr:
    """What a file is. A tarball that was left when its package was removed is served by nothing."""
    file = pl.col("file")
    inside = pl.col("package").is_not_null()
    return (
        pl.when(pl.col("path").is_in(KEPT_FOR_ITSELF))
        .then(pl.lit(METADATA))
        .when(inside & (file == PACKUMENT_FILE))
        .then(pl.lit(REACHABLE))
        .when(inside & file.str.ends_with(".tgz"))
        .then(pl.when("served").then(pl.lit(REACHABLE)).otherwise(pl.lit(GARBAGE)))
        .when(inside & (file == f"{PACKUMENT_FILE}.lock"))  # local-storage holds it while it rewrites the packument
        .then(pl.lit(METADATA))
        .when(inside & file.str.contains(TEMPORARY))
        .then(pl.lit(UPLOAD))
        .otherwise(pl.lit(UNKNOWN))
    )


def _version() -> pl.Expr:
    """That of a tarball by its name; empty for what belongs to the package, a tarball of another name included."""
    version = pl.col("file").str.strip_prefix(pl.concat_str("name", pl.lit("-"))).str.strip_suffix(".tgz")
    named = pl.col("file") == pl.concat_str("name", pl.lit("-"), version, pl.lit(".tgz"))
    return pl.when(named & version.str.contains(VERSION)).then(version).otherwise(pl.lit(""))
