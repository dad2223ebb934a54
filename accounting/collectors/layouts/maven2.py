"""Maven artifacts in the Maven 2 repository layout, in a bucket or in a folder.

Maven Repository Layout: `<group as folders>/<artifact>/<version>/<artifact>-<version>[-classifier].<extension>`, with
checksums and signatures beside each file; the `maven-metadata.xml` of an artifact is in its folder, that of a snapshot
in the version's folder. Maven Repository Metadata: a group's folder has one too, which lists the plugins of that group;
if a group and an artifact have the same path, both share one file.

Every stored file is served by its path: a file in a version's folder belongs to that version whatever its name, and a
build of a snapshot that its metadata no longer lists is still a version.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

import polars as pl
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from accounting.collectors.layouts.collected import (
    BROKEN,
    FOLDER_MARKER,
    METADATA,
    METADATA_FILE,
    REACHABLE,
    UNKNOWN,
    UPLOAD,
    Collected,
    Manifests,
)
from accounting.collectors.layouts.stored_files import files_of, references_of
from accounting.collectors.places.store import GONE, GoneError, Progress, Store
from accounting.model import Source

METADATA_BYTES = 4 * 2**20
READERS = 8

# Maven's model validator: the characters of group and artifact ids, and those that no version may have. A dot in a
# group id is a slash in its path, so a folder with a dot does not belong to a group.
GROUP = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"
ARTIFACT = r"^\.*[A-Za-z0-9_-][A-Za-z0-9_.-]*$"
FOLDER = r"^([A-Za-z0-9_-]+/)*\.*[A-Za-z0-9_-][A-Za-z0-9_.-]*$"
VERSION = r'^\.*[^\\/:"<>|?*\[\](){},\s\p{C}.][^\\/:"<>|?*\[\](){},\s\p{C}]*$'
SNAPSHOT = "SNAPSHOT"
NUMBERED = r"^[vV]?[0-9]+\.[0-9]"
# What follows `<artifact>-<version>` in a file's name; for a snapshot, what replaces SNAPSHOT in it.
BEHIND = r"^[.-]"
BUILD = r"^(SNAPSHOT|[0-9]{8}\.[0-9]{6}-[0-9]+)[.-]"
METADATA_NAME = "maven-metadata.xml"
METADATA_FILES = r"^maven-metadata\.xml(\.asc)?(\.(md5|sha1|sha256|sha512))?$"
# Files of the whole registry: the catalog of archetypes, the index of Nexus and its folders. In any folder except a
# version's: files that Maven keeps about the repositories that it reads from, in a developer's local repository.
OF_THE_REGISTRY = r"^(archetype-catalog\.xml(\.|$)|nexus-maven-repository-index\.|\.(index|meta|nexus)/)"
OF_A_FOLDER = r"^(maven-metadata\.xml\.lock|maven-metadata-.+\.xml(\.\w+)?|resolver-status\.properties)$"
TEMPORARY = r"\.(tmp|part)$"  # written beside the file, then renamed

HERE = ["workspace", "folder"]
OWNED = [*HERE, "package"]
SAID = {"group_id": pl.String(), "artifact_id": pl.String(), "plugins": pl.List(pl.String()), "problem": pl.String()}
NOTHING: tuple[str, str, list[str]] = ("", "", [])
EMPTY = "is empty"


class _Registry(NamedTuple):
    """What the paths of a registry's files show.

    `versions` are the folders of versions: workspace, folder, group (as a path), artifact, version, stem (the version,
    for a snapshot without SNAPSHOT). `artifacts` are the folders above: workspace, folder, group, artifact, package.
    `groups` are the folders above those: workspace, folder.
    """

    versions: pl.DataFrame
    artifacts: pl.DataFrame
    groups: pl.DataFrame


def collect(store: Store, source: Source, _: Manifests, progress: Progress) -> Collected:
    """List a registry, and read the metadata files whose paths do not show which package they belong to.

    Raises AcctError if a listing or an answer cannot be trusted. A metadata file that cannot be read is broken and
    treated as empty.
    """
    listing = store.listing(progress)
    files = _split(files_of(listing.objects, source))
    plain = files.filter(pl.col("may_be_held"))
    registry = _registry(plain)
    read = _read(_unclear(_package_metadata(plain, registry), registry), store)
    owners = _owners(read, registry)
    registry = _with_versions_beside(plain, registry, owners)
    metadata = _package_metadata(plain, registry)
    of_packages = metadata.join(owners, on=HERE).with_columns(version=pl.lit(""))
    of_versions = _version_files(plain.join(metadata, on="key", how="anti"), registry)
    columns = ["key", "package", "version", "workspace", "digest", "size_bytes", "modified_at", "content_tag"]
    held = pl.concat([of_packages.select(columns), of_versions.select(columns)])
    parts = _parts(files, held)
    return Collected(
        taken_at=listing.taken_at,
        references=references_of(held, "maven"),
        parts=parts,
        has_marker=parts.filter(~FOLDER_MARKER)["part"].is_in([REACHABLE, METADATA]).any(),
        broken=_broken(plain, read, held),
        examined={METADATA_FILE: plain.filter(pl.col("file") == METADATA_NAME).height},
    )


def parse_metadata(body: bytes) -> tuple[str, str, list[str]]:
    """The group and artifact id in a metadata file (empty if it has none), and its plugins' artifact ids.

    Raises ValueError, which says what is wrong, if it is not XML, and for XML with a document type, which could define
    entities.
    """
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError("has a document type, which Maven metadata never has") from error
    except (ParseError, ValueError, LookupError) as error:
        raise ValueError("is not valid XML") from error
    if root.tag.rpartition("}")[2] != "metadata":
        raise ValueError("is not Maven metadata")
    plugins = root.iterfind("{*}plugins/{*}plugin")
    group, artifact = _text(root, "groupId"), _text(root, "artifactId")
    return group, artifact, [_text(plugin, "artifactId") for plugin in plugins]


def _text(element: Element, child: str) -> str:
    return (element.findtext(f"{{*}}{child}") or "").strip()


def _split(files: pl.DataFrame) -> pl.DataFrame:
    """The files with the columns folder and file; may_be_held, whether a package may hold the file; and of_itself, what
    an unheld file is if its name shows that the registry or a client has it for its own use, else null.
    """
    file = pl.col("path").str.split("/").list.last()
    folder = pl.col("path").str.strip_suffix(pl.concat_str(pl.lit("/"), "file"))
    of_the_registry = FOLDER_MARKER | pl.col("path").str.contains(OF_THE_REGISTRY)
    of_itself = (
        pl.when(of_the_registry | pl.col("file").str.contains(OF_A_FOLDER))
        .then(pl.lit(METADATA))
        .when(pl.col("file").str.contains(TEMPORARY))
        .then(pl.lit(UPLOAD))
    )
    return files.with_columns(file=file).with_columns(
        folder=pl.when(pl.col("path") == pl.col("file")).then(pl.lit("")).otherwise(folder),
        may_be_held=~of_the_registry & (pl.col("file") != ""),
        of_itself=of_itself,
    )


def _folders(files: pl.DataFrame) -> pl.DataFrame:
    """The folders that may be a version's, as `versions` of _Registry: Maven accepts all three ids."""
    segments = pl.col("folder").str.split("/")
    return (
        files.select(HERE)
        .unique()
        .with_columns(depth=segments.list.len().cast(pl.Int64))
        .filter(pl.col("depth") >= 3)
        .with_columns(
            group=segments.list.head(pl.col("depth") - 2).list.join("/"),
            artifact=segments.list.get(-2),
            version=segments.list.get(-1),
        )
        .filter(
            pl.col("group").str.contains(GROUP)
            & pl.col("artifact").str.contains(ARTIFACT)
            & pl.col("version").str.contains(VERSION)
        )
        .with_columns(stem=pl.col("version").str.strip_suffix(SNAPSHOT))
        .drop("depth")
    )


def _registry(files: pl.DataFrame) -> _Registry:
    """What the paths show: a folder is a version's if one of its files is named as the layout says, or if the folder's
    own name looks like a version number.
    """
    folders = _folders(files)
    named = _named(files.join(folders, on=HERE))
    versions = folders.join(named.filter("fits"), on=HERE, how="semi")
    above = _above(*_artifacts(versions))
    # All builds of a snapshot may have been deleted. An artifact may have such a name too; then its versions show that.
    emptied = named.filter(
        ((pl.col("stem") == "") | pl.col("stem").str.ends_with("-"))
        & (pl.col("stem") != pl.col("version"))
        & _is_metadata()
    )
    taken = pl.concat([versions.select(HERE), above])
    numbered = named.filter(pl.col("of_itself").is_null() & ~_is_metadata() & pl.col("version").str.contains(NUMBERED))
    lone = folders.join(pl.concat([emptied, numbered]), on=HERE, how="semi").join(taken, on=HERE, how="anti")
    versions = pl.concat([versions, lone])
    return _Registry(versions, *_artifacts(versions))


def _with_versions_beside(files: pl.DataFrame, registry: _Registry, owners: pl.DataFrame) -> _Registry:
    """The registry with its artifacts' other folders that contain files: they are versions, too."""
    taken = pl.concat([registry.versions.select(HERE), _above(registry.artifacts, registry.groups)])
    others = _folders(files.filter(pl.col("of_itself").is_null() & ~_is_metadata())).join(taken, on=HERE, how="anti")
    artifact = pl.concat_str("group", "artifact", separator="/")
    beside = others.with_columns(artifact_folder=artifact, package=_package()).join(
        owners, left_on=["workspace", "artifact_folder", "package"], right_on=OWNED, how="semi"
    )
    versions = pl.concat([registry.versions, beside.select(registry.versions.columns)])
    return _Registry(versions, *_artifacts(versions))


def _is_metadata() -> pl.Expr:
    return pl.col("file").str.contains(METADATA_FILES)


def _artifacts(versions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The artifacts of these versions and their groups, as in _Registry."""
    artifacts = versions.select(
        "workspace",
        "group",
        "artifact",
        folder=pl.concat_str("group", "artifact", separator="/"),
        package=_package(),
    ).unique()
    return artifacts, artifacts.select("workspace", folder="group").unique()


def _above(artifacts: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """The folders of artifacts and groups: workspace, folder."""
    return pl.concat([artifacts.select(HERE), groups])


def _named(files: pl.DataFrame) -> pl.DataFrame:
    """The files with the columns build (what replaces SNAPSHOT in the name, else null) and fits, whether the name is as
    the layout says."""
    before = pl.concat_str("artifact", pl.lit("-"), "stem")
    starts = pl.col("file").str.starts_with(before)
    rest = pl.when(starts).then(pl.col("file").str.strip_prefix(before))
    snapshot = pl.col("stem") != pl.col("version")
    build = pl.when(snapshot).then(rest.str.extract(BUILD))
    fits = pl.when(snapshot).then(build.is_not_null()).otherwise(rest.str.contains(BEHIND).fill_null(False))
    return files.with_columns(build=build, fits=fits)


def _version_files(files: pl.DataFrame, registry: _Registry) -> pl.DataFrame:
    """The files in the folders of versions, with package and version; each build of a snapshot is a version."""
    named = _named(files.join(registry.versions, on=HERE))
    return named.with_columns(
        package=_package(),
        version=pl.coalesce(pl.concat_str("stem", "build"), "version"),
    )


def _package_metadata(files: pl.DataFrame, registry: _Registry) -> pl.DataFrame:
    """The metadata files, and their checksums, whose path is not in a version's folder."""
    above = _above(registry.artifacts, registry.groups)
    versions = registry.versions.join(above, on=HERE, how="anti")
    return files.filter(_is_metadata()).join(versions, on=HERE, how="anti")


def _unclear(metadata: pl.DataFrame, registry: _Registry) -> pl.DataFrame:
    """The metadata files that have to be read, because the path does not show which package they belong to."""
    only_artifacts = registry.artifacts.join(registry.groups, on=HERE, how="anti")
    return (
        metadata.filter((pl.col("file") == METADATA_NAME) & pl.col("folder").str.contains(FOLDER))
        .join(only_artifacts, on=HERE, how="anti")
        .sort("key")
    )


def _owners(read: pl.DataFrame, registry: _Registry) -> pl.DataFrame:
    """The packages that a folder's metadata belongs to, by path and by content: workspace, folder, package."""
    by_path = registry.artifacts.select(OWNED)
    # Compared with the folder, because an id with a slash could otherwise name a package at another path.
    artifact = pl.col("folder").str.split("/").list.last()
    group = _dotted(pl.col("folder").str.strip_suffix(pl.concat_str(pl.lit("/"), "artifact")))
    own = (
        read.with_columns(artifact=artifact)
        .with_columns(group=group)
        .filter((pl.col("group") == pl.col("group_id")) & (pl.col("artifact") == pl.col("artifact_id")))
        .select("workspace", "folder", package=pl.concat_str("group", "artifact", separator=":"))
    )
    plugins = (
        read.select("workspace", group="folder", artifact="plugins")
        .explode("artifact")
        .join(registry.artifacts.drop("folder"), on=["workspace", "group", "artifact"])
        .select("workspace", "package", folder="group")
    )
    return pl.concat([by_path, own, plugins.select(OWNED)]).unique()


def _package() -> pl.Expr:
    return pl.concat_str(_dotted(pl.col("group")), "artifact", separator=":")


def _dotted(path: pl.Expr) -> pl.Expr:
    """A group's path as its id."""
    return path.str.replace_all("/", ".", literal=True)


def _read(unclear: pl.DataFrame, store: Store) -> pl.DataFrame:
    """The content of metadata files: key, workspace, folder, group_id, artifact_id, plugins; problem, null if there is
    none.

    A file that cannot be read is treated as empty.
    """

    def parsed(listed: tuple[str, int]) -> tuple[str, str, list[str], str | None]:
        key, size_bytes = listed
        if not 0 < size_bytes <= METADATA_BYTES:
            return *NOTHING, f"has {size_bytes:,} bytes, too many for Maven metadata" if size_bytes else EMPTY
        try:
            body = store.read(key, METADATA_BYTES)
            return *parse_metadata(body), None
        except GoneError:
            return *NOTHING, GONE
        except ValueError as error:
            problem = str(error)
        try:  # Maven reads invalid UTF-8 with replacement characters
            return *parse_metadata(body.decode(errors="replace").encode()), "is not UTF-8, although it says so"
        except ValueError:
            return *NOTHING, problem

    with ThreadPoolExecutor(READERS) as pool:
        said = list(pool.map(parsed, unclear.select("key", "size_bytes").iter_rows()))
    return unclear.select("key", *HERE).hstack(pl.DataFrame(said, schema=SAID, orient="row"))


def _broken(files: pl.DataFrame, read: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """The metadata files that are empty or cannot be read, as BROKEN, with the packages that they belong to."""
    empty = files.filter((pl.col("file") == METADATA_NAME) & (pl.col("size_bytes") == 0))
    found = pl.concat(
        [
            read.select("key", "workspace", "problem").drop_nulls("problem"),
            empty.select("key", "workspace", problem=pl.lit(EMPTY)),
        ]
    ).unique()
    owned = found.join(held.select("key", "package").unique(), on="key", how="left")
    return owned.with_columns(kind=pl.lit(METADATA_FILE)).select(list(BROKEN)).sort(list(BROKEN))


def _parts(files: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """What each object is, as PARTS."""
    part = (
        pl.when(pl.col("key").is_in(held["key"].implode()))
        .then(pl.lit(REACHABLE))
        .when(pl.col("of_itself").is_not_null())
        .then("of_itself")
        .when(_is_metadata() & ((pl.col("folder") == "") | pl.col("folder").str.contains(FOLDER)))
        .then(pl.lit(METADATA))
        .otherwise(pl.lit(UNKNOWN))
    )
    return files.select("key", "size_bytes", part.alias("part"))
