"""Registries that store files by path, laid out in a folder by the tests themselves."""

import os
from collections.abc import Mapping
from pathlib import Path

from accounting.collectors.layouts.collected import Collected, Manifests
from accounting.collectors.places.opening import open_store
from accounting.facts.collecting import COLLECTORS
from accounting.model import Source

UPLOADED_AT = 1_700_000_000
NOTHING = Manifests()


def lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by their paths below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (UPLOADED_AT, UPLOADED_AT))


def collected(source: Source) -> Collected:
    """What the collector of the source's layout finds."""
    return COLLECTORS[source.layout](open_store(source, Path.cwd()), source, NOTHING, lambda line: None)


def held(found: Collected, source: Source) -> dict[str, set[tuple[str, str, str]]]:
    """Workspace, package and version of each reference, by the path of its file below the source's url."""
    by_path: dict[str, set[tuple[str, str, str]]] = {}
    for workspace, package, version, digest in found.references.select(
        "workspace", "package", "version", "digest"
    ).iter_rows():
        top = source.url.replace("{workspace}", workspace).rstrip("/") + "/"
        path = digest.removeprefix(top).rpartition("#")[0]
        by_path.setdefault(path, set()).add((workspace, package, version))
    return by_path


def parts(found: Collected) -> dict[str, str]:
    """What each object is, by its key."""
    return dict(found.parts.select("key", "part").iter_rows())


def broken(found: Collected) -> list[tuple[object, ...]]:
    """Kind, key, workspace, package and problem of each broken object."""
    return found.broken.rows()
