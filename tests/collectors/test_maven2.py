"""What the Maven 2 layout holds, by rule, of repositories that the tests lay out."""

import random
from pathlib import Path

import polars as pl
import pytest

from accounting.collectors.layouts import maven2
from accounting.collectors.places.folder import Folder
from accounting.collectors.places.store import OBJECTS, Listing, Progress
from accounting.model import Source
from tests.collectors.laid_out import NOTHING, UPLOADED_AT, broken, collected, held, lay_out, parts

BUILD = "20261124.101112-1"


@pytest.fixture
def source(stored: Path) -> Source:
    return Source("jars", "maven2", f"file:{stored}", "acme")


class Watched(Folder):
    """A folder whose reads are kept, with keys that no folder could hold, in another order."""

    def __init__(self, path: Path, *odd: str) -> None:
        super().__init__("jars", path)
        self.read_keys: list[str] = []
        self._odd = odd

    def listing(self, progress: Progress) -> Listing:
        found = super().listing(progress)
        rows = pl.DataFrame([(key, 3, UPLOADED_AT, "") for key in self._odd], schema=OBJECTS, orient="row")
        return Listing(found.taken_at, pl.concat([rows, found.objects]).sample(fraction=1, shuffle=True, seed=1))

    def read(self, key: str, limit_bytes: int) -> bytes:
        self.read_keys.append(key)
        return super().read(key, limit_bytes)


def metadata(group: str = "", artifact: str = "", plugins: tuple[str, ...] = (), namespace: str = "") -> bytes:
    """A metadata file as Maven writes it."""
    own = (f"<groupId>{group}</groupId>" if group else "") + (
        f"<artifactId>{artifact}</artifactId>" if artifact else ""
    )
    listed = "".join(
        f"<plugin>\n<name>x</name><prefix>x</prefix><artifactId> {plugin} </artifactId></plugin>" for plugin in plugins
    )
    named = f' xmlns="{namespace}"' if namespace else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata{named}>{own}<plugins>{listed}</plugins></metadata>'.encode()
    )


def test_package_and_version_are_in_the_path(source: Source, stored: Path) -> None:
    folder = "com/acme/tools/core"
    files = {
        f"{folder}/1.0/core-1.0.jar": "1.0",
        f"{folder}/1.0/core-1.0.pom": "1.0",
        f"{folder}/1.0/core-1.0-sources.jar": "1.0",
        f"{folder}/1.0/core-1.0.jar.asc": "1.0",
        f"{folder}/1.0/core-1.0.jar.asc.md5": "1.0",
        f"{folder}/1.0/core-1.0.jar.sha512": "1.0",
        f"{folder}/1.0/LICENSE.txt": "1.0",
        f"{folder}/1.0/oldname-1.0.jar": "1.0",
        f"{folder}/1.0/_remote.repositories": "1.0",
        f"{folder}/1.0.1+b~2/core-1.0.1+b~2.tar.gz": "1.0.1+b~2",
        f"{folder}/maven-metadata.xml": "",
        f"{folder}/maven-metadata.xml.sha256": "",
        f"{folder}/maven-metadata.xml.asc": "",
        f"{folder}/maven-metadata.xml.asc.sha1": "",
        # Builds of a snapshot, of which its metadata lists the last alone.
        f"{folder}/2.0-SNAPSHOT/core-2.0-{BUILD}.jar": f"2.0-{BUILD}",
        f"{folder}/2.0-SNAPSHOT/core-2.0-{BUILD}-sources.jar.md5": f"2.0-{BUILD}",
        f"{folder}/2.0-SNAPSHOT/core-2.0-20261125.000000-12.pom": "2.0-20261125.000000-12",
        f"{folder}/2.0-SNAPSHOT/core-2.0-SNAPSHOT.jar": "2.0-SNAPSHOT",
        f"{folder}/2.0-SNAPSHOT/core-2.0-2026.jar": "2.0-SNAPSHOT",
        f"{folder}/2.0-SNAPSHOT/maven-metadata.xml": "2.0-SNAPSHOT",
        f"{folder}/2.0-SNAPSHOT/maven-metadata.xml.sha1": "2.0-SNAPSHOT",
        f"{folder}/SNAPSHOT/core-{BUILD}.jar": BUILD,
        f"{folder}/3.0-SNAPSHOT/maven-metadata.xml": "3.0-SNAPSHOT",
        # Whatever a file in a version's folder is called.
        f"{folder}/1.0/core-1.0.jar.tmp": "1.0",
        f"{folder}/1.0/core-1.0.jar.7812.part": "1.0",
        f"{folder}/1.0/resolver-status.properties": "1.0",
        f"{folder}/1.0/maven-metadata.xml": "1.0",
        f"{folder}/1.1/other-1.1.jar": "1.1",
        f"{folder}/1.1/maven-metadata.xml": "1.1",
        f"{folder}/1.2/core-1.20.jar": "1.2",
        f"{folder}/r09/core.jar": "r09",
        f"{folder}/4.0-SNAPSHOT/core-4.0.jar": "4.0-SNAPSHOT",
        f"{folder}/2.0-SNAPSHOT/maven-metadata-central.xml": "2.0-SNAPSHOT",
    }
    lay_out(stored, dict.fromkeys(files, b"five!"))
    found = collected(source)
    assert held(found, source) == {path: {("acme", "com.acme.tools:core", v)} for path, v in files.items()}
    assert found.references.select("format", "size_bytes", "uploaded_at").unique().rows() == [("maven", 5, UPLOADED_AT)]
    assert found.references.rows() == sorted(set(found.references.rows()))
    assert (set(parts(found).values()), found.missing_blobs, found.has_marker) == ({"reachable"}, 0, True)


def test_what_each_file_is(source: Source, stored: Path) -> None:
    files = {
        "com/acme/my.lib/1.0/my.lib-1.0.jar": "reachable",
        "com/acme/my.lib/1.0/my.lib-1.0.jar.tmp": "reachable",
        "com/acme/my.lib/2.0/other-2.0.jar": "reachable",
        "com/acme/lone/1.0/lib.jar": "reachable",
        "com/acme/my.lib/new.jar.tmp": "upload",
        "com/acme/my.lib/maven-metadata.xml.7812.part": "upload",
        "com/acme/my.lib/maven-metadata.xml.lock": "metadata",
        "com/acme/my.lib/maven-metadata-central.xml": "metadata",
        "com/acme/my.lib/maven-metadata-central.xml.sha1": "metadata",
        "com/acme/my.lib/resolver-status.properties": "metadata",
        "com/acme/resolver-status.properties": "metadata",
        "com/acme/gone/maven-metadata-my-mirror.xml": "metadata",
        "com/acme/my.lib/maven-metadata.xml.sha1": "reachable",
        "com/acme/empty/maven-metadata.xml.sha1": "metadata",
        "maven-metadata.xml": "metadata",
        "archetype-catalog.xml": "metadata",
        "archetype-catalog.xml.sha1": "metadata",
        "nexus-maven-repository-index.gz": "metadata",
        ".index/nexus-maven-repository-index.properties": "metadata",
        ".meta/prefixes.txt": "metadata",
        "com/acme/my.lib/README": "unknown",
        "com/acme/lone/r09/lib.jar": "reachable",
        "com/acme/alone/r09/alone.jar": "unknown",
        "lib/1.0/lib-1.0.jar": "unknown",
        "com.acme/lib/1.0/lib-1.0.jar": "unknown",
        "com/acme/lib-1.0.jar": "unknown",
        "robots.txt": "unknown",
    }
    lay_out(stored, dict.fromkeys(files, metadata()))
    assert parts(collected(source)) == files


def test_keys_that_do_not_fit_are_of_no_package(source: Source, stored: Path) -> None:
    lay_out(stored, {"com/acme/lib/1.0/lib-1.0.jar": b"four"})
    odd = [
        "com/../lib/1.0/lib-1.0.jar", "../acme/lib/1.0/lib-1.0.jar", "com/acme/../1.0/..-1.0.jar",
        "com/acme/lib/../lib-...jar", "com//lib/1.0/lib-1.0.jar", "/com/lib/1.0/lib-1.0.jar",
        "com%2Facme/lib/1.0/lib-1.0.jar", "com/ac me/lib/1.0/lib-1.0.jar", "com/ac+me/lib/1.0/lib-1.0.jar",
        "com/acmé/lib/1.0/lib-1.0.jar", "com/acme\n/lib/1.0/lib-1.0.jar", "com/acme/lib\n/1.0/lib\n-1.0.jar",
        "com/acme/lib/1.0\n/lib-1.0\n.jar", "com/acme/lib/1 0/lib-1 0.jar", "com/acme/lib/\u202e1/lib-\u202e1.jar",
        "com/acme/li:b/1.0/li:b-1.0.jar", "com/acme/lib/1.0/", "com/acme/lib/", "com/", "/", "//", "", "x",
        "com/../maven-metadata.xml", "a b/maven-metadata.xml", "com//maven-metadata.xml", "/maven-metadata.xml\n",
    ]  # fmt: skip
    watched = Watched(stored, *odd)
    found = maven2.collect(watched, source, NOTHING, lambda line: None)
    assert found.references.equals(collected(source).references)
    assert parts(found) == dict.fromkeys(odd, "unknown") | {"com/acme/lib/1.0/lib-1.0.jar": "reachable"}
    assert watched.read_keys == []


def test_metadata_of_a_group_and_an_artifact_is_shared(source: Source, stored: Path) -> None:
    both = metadata(
        "com", "acme", ("web-plugin", "db-plugin", "gone-plugin", "lib"), "http://maven.apache.org/METADATA/1.1.0"
    )
    lay_out(stored, {
        "com/acme/1.0/acme-1.0.jar": b"", "com/acme/maven-metadata.xml": both, "com/acme/maven-metadata.xml.md5": b"",
        "com/acme/web-plugin/1.0/web-plugin-1.0.jar": b"", "com/acme/db-plugin/1.0/db-plugin-1.0.jar": b"",
        "com/acme/lib/maven-metadata.xml": metadata("com.acme", "lib"),
        "com/acme/other/1.0/other-1.0.jar": b"", "com/acme/other/maven-metadata.xml": b"not read",
        "org/acme/gone-plugin/1.0/gone-plugin-1.0.jar": b"",
    })  # fmt: skip
    watched = Watched(stored)
    found = maven2.collect(watched, source, NOTHING, lambda line: None)
    shared = {("acme", package, "") for package in ("com:acme", "com.acme:web-plugin", "com.acme:db-plugin")}
    files = held(found, source)
    assert files["com/acme/maven-metadata.xml"] == files["com/acme/maven-metadata.xml.md5"] == shared
    assert files["com/acme/other/maven-metadata.xml"] == {("acme", "com.acme:other", "")}
    # No version of it is left, and only its content tells that it is an artifact's.
    assert files["com/acme/lib/maven-metadata.xml"] == {("acme", "com.acme:lib", "")}
    assert sorted(watched.read_keys) == ["com/acme/lib/maven-metadata.xml", "com/acme/maven-metadata.xml"]
    assert (
        found.references.filter(pl.col("digest").str.contains("com/acme/maven-metadata.xml#"))["digest"].n_unique() == 1
    )


def test_metadata_tells_of_versions_whose_files_have_other_names(source: Source, stored: Path) -> None:
    lay_out(stored, {
        "com/acme/lib/maven-metadata.xml": metadata("com.acme", "lib"), "com/acme/lib/r09/anything.zip": b"",
        "com/acme/maven-metadata.xml": metadata("com.acme", "other"), "com/acme/notes/README": b"",
    })  # fmt: skip
    assert held(collected(source), source) == {
        "com/acme/lib/maven-metadata.xml": {("acme", "com.acme:lib", "")},
        "com/acme/lib/r09/anything.zip": {("acme", "com.acme:lib", "r09")},
    }


def test_an_artifact_that_is_called_like_a_snapshot_is_one(source: Source, stored: Path) -> None:
    files = {
        "com/acme/my-SNAPSHOT/maven-metadata.xml": ("com.acme:my-SNAPSHOT", ""),
        "com/acme/my-SNAPSHOT/1.0/my-SNAPSHOT-1.0.jar": ("com.acme:my-SNAPSHOT", "1.0"),
        "com/acme/OURSNAPSHOT/maven-metadata.xml": ("com.acme:OURSNAPSHOT", ""),
        "com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml.md5": ("com.acme:lib", "1.0-SNAPSHOT"),
    }
    lay_out(stored, dict.fromkeys(files, metadata("com.acme", "OURSNAPSHOT")))
    assert held(collected(source), source) == {path: {("acme", *named)} for path, named in files.items()}


@pytest.mark.parametrize(
    ("content", "owners"),
    [
        (metadata(plugins=("web-plugin",)), {"com.acme:web-plugin"}),
        (metadata("com", "acme"), {"com:acme"}),
        (metadata("com", "acme", ("web-plugin",)), {"com:acme", "com.acme:web-plugin"}),
        (metadata(plugins=("gone-plugin", "", "..", "deep/er", "web-plugin/1.0")), set()),
        (metadata("com/acme", "x"), set()),
        (metadata("com", "acme/"), set()),
        (metadata("org", "other"), set()),
        (metadata("", "acme"), set()),
        (b"<html/>", set()),
        (b"<metadata/>", set()),
    ],
)
def test_metadata_of_a_group_is_of_those_that_it_names_and_that_are_stored(
    source: Source, stored: Path, content: bytes, owners: set[str]
) -> None:
    lay_out(stored, {
        "com/acme/web-plugin/1.0/web-plugin-1.0.jar": b"", "com/acme/deep/er/1.0/er-1.0.jar": b"",
        "com/acme/maven-metadata.xml": content, "com/acme/maven-metadata.xml.sha1": b"",
    })  # fmt: skip
    found = collected(source)
    for key in ("com/acme/maven-metadata.xml", "com/acme/maven-metadata.xml.sha1"):
        assert held(found, source).get(key, set()) == {("acme", package, "") for package in owners}
        assert parts(found)[key] == ("reachable" if owners else "metadata")


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE metadata [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<metadata><groupId>&b;</groupId></metadata>"""
PLUGINS = b"<metadata><plugins><plugin><name>\xe9</name><artifactId>web</artifactId></plugin></plugins></metadata>"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (BOMB, "has a document type, which Maven metadata never has"),
        (b'<!DOCTYPE m SYSTEM "file:///etc/passwd"><m/>', "has a document type, which Maven metadata never has"),
        (b"<!DOCTYPE html><html><body>502</body></html>", "has a document type, which Maven metadata never has"),
        (b"<html><body>502</body></html>", "is not Maven metadata"),
        (b"<metadata>&undefined;</metadata>", "is not valid XML"),
        (b"<metadata>", "is not valid XML"),
        (b"", "is empty"),
        (b"\x00\xff", "is not valid XML"),
        (b'<?xml version="1.0" encoding="no-such"?><metadata/>', "is not valid XML"),
        (b'<?xml version="1.0" encoding="utf-7"?><metadata/>', "is not valid XML"),
        (b"<metadata/>" + b" " * maven2.METADATA_BYTES, "has 4,194,315 bytes, too many for Maven metadata"),
    ],
)
def test_metadata_that_cannot_be_read_is_broken(source: Source, stored: Path, content: bytes, problem: str) -> None:
    jar, metadata = "com/acme/web/1.0/web-1.0.jar", "com/acme/maven-metadata.xml"
    lay_out(stored, {jar: b"jar", metadata: content})
    found = collected(source)
    assert broken(found) == [("metadata file", metadata, "acme", None, problem)]
    assert held(found, source).keys() == {jar}
    assert parts(found)[metadata] == "metadata"


def test_metadata_that_is_no_utf_8_is_read_as_maven_reads_it(source: Source, stored: Path) -> None:
    metadata = "com/acme/maven-metadata.xml"
    lay_out(stored, {"com/acme/web/1.0/web-1.0.jar": b"jar", metadata: PLUGINS})
    found = collected(source)
    assert held(found, source)[metadata] == {("acme", "com.acme:web", "")}
    problem = "is not UTF-8, although it says so"
    assert broken(found) == [("metadata file", metadata, "acme", "com.acme:web", problem)]
    lay_out(stored, {metadata: b'<?xml version="1.0" encoding="iso-8859-1"?>' + PLUGINS})
    assert broken(collected(source)) == []


def test_empty_metadata_of_an_artifact_is_broken_and_its_own(source: Source, stored: Path) -> None:
    metadata = "com/acme/web/maven-metadata.xml"
    lay_out(stored, {"com/acme/web/1.0/web-1.0.jar": b"jar", metadata: b""})
    found = collected(source)
    assert broken(found) == [("metadata file", metadata, "acme", "com.acme:web", "is empty")]
    assert held(found, source)[metadata] == {("acme", "com.acme:web", "")}


def test_metadata_that_is_nested_deeply_is_read(source: Source, stored: Path) -> None:
    deep = b"<metadata>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</metadata>"
    lay_out(stored, {"com/acme/web/1.0/web-1.0.jar": b"", "com/acme/maven-metadata.xml": deep})
    assert parts(collected(source))["com/acme/maven-metadata.xml"] == "metadata"


def test_a_segment_of_the_url_is_the_workspace(stored: Path) -> None:
    jar = "com/acme/lib/1.0/lib-1.0.jar"
    lay_out(stored, {
        f"acme/releases/{jar}": b"of acme", f"other/releases/{jar}": b"of other", f"acme/snapshots/{jar}": b"elsewhere",
        f"acme/releases-old/{jar}": b"elsewhere", f"releases/{jar}": b"elsewhere", "top": b"elsewhere",
        f"deeper/acme/releases/{jar}": b"elsewhere", "acme/releases/archetype-catalog.xml": b"",
    })  # fmt: skip
    source = Source("jars", "maven2", f"file:{stored}/{{workspace}}/releases")
    found = collected(source)
    assert held(found, source) == {jar: {(workspace, "com.acme:lib", "1.0") for workspace in ("acme", "other")}}
    assert parts(found) == {
        f"acme/releases/{jar}": "reachable",
        f"other/releases/{jar}": "reachable",
        "acme/releases/archetype-catalog.xml": "metadata",
    }
    named = Source("jars", "maven2", f"file:{stored}/acme/releases/", "acme")
    assert set(collected(named).references["digest"]) < set(found.references["digest"])


def test_plugins_are_those_of_the_same_workspace(stored: Path) -> None:
    lay_out(stored, {
        "acme/com/acme/web/1.0/web-1.0.jar": b"", "acme/com/acme/maven-metadata.xml": metadata(plugins=("web", "db")),
        "other/com/acme/db/1.0/db-1.0.jar": b"", "other/com/acme/maven-metadata.xml": metadata(plugins=("web", "db")),
    })  # fmt: skip
    source = Source("jars", "maven2", f"file:{stored}/{{workspace}}")
    assert held(collected(source), source)["com/acme/maven-metadata.xml"] == {
        ("acme", "com.acme:web", ""),
        ("other", "com.acme:db", ""),
    }


def test_a_place_without_a_repository_is_marked(source: Source, stored: Path) -> None:
    lay_out(stored, {"web/package.json": b"", "docker/registry/v2/blobs/sha256/00/data": b""})
    found = collected(source)
    assert (found.has_marker, found.references.is_empty()) == (False, True)


def test_folder_markers_are_the_registrys_own(source: Source, stored: Path) -> None:
    class WithMarkers(Folder):
        def listing(self, progress: Progress) -> Listing:
            rows = [(key, 0, UPLOADED_AT, "") for key in ("", "com/", "com/acme/lib/1.0/", "com/acme/lib/1.0_$folder$")]
            return Listing(UPLOADED_AT, pl.DataFrame(rows, schema=OBJECTS, orient="row"))

    found = maven2.collect(WithMarkers("jars", stored), source, NOTHING, lambda line: None)
    assert (set(parts(found).values()), found.has_marker) == ({"metadata"}, False)


def test_whatever_the_keys_each_object_is_something_once(source: Source, stored: Path) -> None:
    stored.mkdir()
    chance = random.Random(5)
    words = ["com", "acme", "1.0", "1.0-SNAPSHOT", "acme-1.0.jar", "..", "", ".", "é", "a\nb", "%2F", "x.tmp", ".index",
             f"acme-1.0-{BUILD}.jar", "maven-metadata.xml.md5", "-", "SNAPSHOT", "acme-SNAPSHOT.jar"]  # fmt: skip
    keys = {"/".join(chance.choices(words, k=chance.randint(1, 7))) for _ in range(5_000)}
    found = maven2.collect(Watched(stored, *keys), source, NOTHING, lambda line: None)
    assert parts(found).keys() == keys
    assert found.parts.height == len(keys)
    assert set(parts(found).values()) == {"reachable", "upload", "metadata", "unknown"}
    reachable = {key for key, part in parts(found).items() if part == "reachable"}
    assert reachable == held(found, source).keys()
    packages = set(found.references["package"])
    assert all(package.replace(".", "").replace(":", "").replace("-", "").isalnum() for package in packages), packages
