"""What Verdaccio's layout holds, by rule, of storages that the tests lay out."""

import os
from pathlib import Path

import polars as pl
import pytest

from accounting.collectors.layouts.collected import Manifests
from accounting.collectors.layouts.verdaccio import collect
from accounting.collectors.places.folder import Folder
from accounting.collectors.places.store import OBJECTS, Listing, Progress
from accounting.model import Source
from tests.collectors.laid_out import NOTHING, UPLOADED_AT, broken, collected, held, lay_out, parts

SECRET = "the-secret-that-signs-every-token"


@pytest.fixture
def source(stored: Path) -> Source:
    return Source("npm", "verdaccio", f"file:{stored}", "acme")


def test_packages_are_folders_and_versions_are_in_the_names_of_tarballs(source: Source, stored: Path) -> None:
    files = {
        "web/package.json": ("web", ""),
        "web/web-1.0.0.tgz": ("web", "1.0.0"),
        "web/web-1.0.0-rc.1+build.5.tgz": ("web", "1.0.0-rc.1+build.5"),
        "web-2.0.0/package.json": ("web-2.0.0", ""),
        "web-2.0.0/web-2.0.0-2.0.0.tgz": ("web-2.0.0", "2.0.0"),
        "@acme/ui/package.json": ("@acme/ui", ""),
        "@acme/ui/ui-3.1.4.tgz": ("@acme/ui", "3.1.4"),
        "Old_Name.js/package.json": ("Old_Name.js", ""),
        # Stored with the package, and of no version that the name tells.
        "@acme/ui/@acme-ui-3.1.4.tgz": ("@acme/ui", ""),
        "web/web@1.0.0.tgz": ("web", ""),
        "web/web-tools-1.0.0.tgz": ("web", ""),
        "web/web-latest.tgz": ("web", ""),
        "web/web-1.0.0.tgz.tgz": ("web", ""),
        "web/README.md": ("web", ""),
        "web/verdaccio-s3-db.json": ("web", ""),
    }
    lay_out(stored, dict.fromkeys(files, b"five!") | {".verdaccio-db.json": b"{}"})
    found = collected(source)
    assert held(found, source) == {path: {("acme", *named)} for path, named in files.items()}
    assert found.references.select("format", "size_bytes", "uploaded_at").unique().rows() == [("npm", 5, UPLOADED_AT)]
    assert found.references.rows() == sorted(set(found.references.rows()))
    assert (found.garbage.is_empty(), found.missing_blobs, found.has_marker) == (True, 0, True)


def test_what_each_file_is(source: Source, stored: Path) -> None:
    files = {
        "web/package.json": "reachable",
        "web/web-1.0.0.tgz": "reachable",
        "gone/gone-1.0.0.tgz": "garbage",
        "@acme/gone/gone-1.0.0.tgz": "garbage",
        "web/web-1.1.0.tgz.tmp-8239482394": "upload",
        "web/package.json.tmp5839282": "upload",
        "new/new-1.0.0.tgz.tmp-1": "upload",
        "web/package.json.lock": "metadata",
        ".verdaccio-db.json": "metadata",
        ".sinopia-db.json": "metadata",
        ".token-db.json": "metadata",
        "htpasswd": "metadata",
        "verdaccio-s3-db.json": "metadata",
        "storage/.verdaccio-db.json": "metadata",
        "gone/README.md": "unknown",
        "@acme/package.json": "unknown",
        "@acme/ui/deeper/ui-1.0.0.tgz": "garbage",
        "web/node_modules/left/package.json": "unknown",
        "@/ui/package.json": "unknown",
        "package.json": "unknown",
        "web-1.0.0.tgz": "unknown",
        ".hidden/package.json": "unknown",
        "node_modules/package.json": "unknown",
        "__proto__/package.json": "unknown",
    }
    lay_out(stored, dict.fromkeys(files, b"content"))
    assert parts(collected(source)) == files


def test_keys_that_are_no_names_of_packages_are_of_none(source: Source, stored: Path) -> None:
    lay_out(stored, {"web/package.json": b"", "web/web-1.0.0.tgz": b"four"})
    odd = [
        "../package.json", "../..-1.0.0.tgz", "./package.json", "web/../package.json", "@../x/package.json",
        "@acme/../package.json", "@acme%2Fui/package.json", "@acme%2Fui/ui-1.0.0.tgz", "we b/package.json",
        "we+b/package.json", "web\n/package.json", "\nweb/package.json", "wéb/package.json", "@acme/wéb/package.json",
        "\u202eweb/package.json", "//package.json", "/web/package.json", "web//package.json", "web/", "@acme/", "/", "",
        "web", "@acme", "web/package.json/", "@@acme/ui/package.json", "$(web)/package.json", "a:b/package.json",
        "./web/package.json", "public/../web/package.json", "public//web/package.json", "/public/web/package.json",
    ]  # fmt: skip

    class WithOddKeys(Folder):
        def listing(self, progress: Progress) -> Listing:
            found = super().listing(progress)
            rows = pl.DataFrame([(key, 3, UPLOADED_AT, "") for key in odd], schema=OBJECTS, orient="row")
            return Listing(found.taken_at, pl.concat([rows, found.objects]))

    found = collect(WithOddKeys("npm", stored), source, NOTHING, lambda line: None)
    assert found.references.equals(collected(source).references)
    assert {key: part for key, part in parts(found).items() if part != "unknown"} == {
        "web/package.json": "reachable",
        "web/web-1.0.0.tgz": "reachable",
    }
    assert found.parts.height == len(odd) + 2


@pytest.mark.parametrize("group", ["private", "private/deep", "@acme", "web"])
def test_groups_of_packages_have_folders_of_their_own(source: Source, stored: Path, group: str) -> None:
    files = {
        f"{group}/@acme/ui/package.json": ("@acme/ui", ""),
        f"{group}/@acme/ui/ui-1.0.0.tgz": ("@acme/ui", "1.0.0"),
        f"{group}/@acme/only-proxied/package.json": ("@acme/only-proxied", ""),
        "public/left/package.json": ("left", ""),
        "public/left/left-1.0.0.tgz": ("left", "1.0.0"),
        "web/package.json": ("web", ""),
    }
    # Bytes that are no packument: what is stored beside them is stored all the same.
    lay_out(stored, dict.fromkeys(files, bytes(500)))
    found = collected(source)
    assert held(found, source) == {path: {("acme", *named)} for path, named in files.items()}
    assert (set(parts(found).values()), found.has_marker) == ({"reachable"}, True)
    # A source may be such a folder itself.
    below = Source("npm", "verdaccio", f"file:{stored}/{group}", "acme")
    ours = {path: named for path, named in held(found, source).items() if path.startswith(f"{group}/@acme/")}
    assert held(collected(below), below) == {path.removeprefix(f"{group}/"): named for path, named in ours.items()}
    assert collected(below).has_marker


def test_a_package_in_two_folders_of_groups_is_stored_twice(source: Source, stored: Path) -> None:
    lay_out(stored, {
        "old/web/package.json": b"", "old/web/web-1.0.0.tgz": b"same", "old/web/web-0.9.0.tgz": b"older",
        "new/web/package.json": b"", "new/web/web-1.0.0.tgz": b"same", "left/web/web-0.8.0.tgz": b"served by nothing",
    })  # fmt: skip
    found = collected(source)
    assert held(found, source) == {
        f"{group}/web/{file}": {("acme", "web", version)}
        for group, file, version in [
            ("old", "package.json", ""), ("old", "web-1.0.0.tgz", "1.0.0"), ("old", "web-0.9.0.tgz", "0.9.0"),
            ("new", "package.json", ""), ("new", "web-1.0.0.tgz", "1.0.0"),
        ]
    }  # fmt: skip
    assert found.references["digest"].n_unique() == 5
    assert found.garbage["key"].to_list() == ["left/web/web-0.8.0.tgz"]


def test_a_group_of_packages_may_be_a_workspaces(stored: Path) -> None:
    lay_out(stored, {
        ".verdaccio-db.json": b"{}", "acme/@acme/ui/package.json": b"", "acme/@acme/ui/ui-1.0.0.tgz": b"ui",
        "other/deep/left/package.json": b"", "other/deep/left/left-1.0.0.tgz": b"left",
    })  # fmt: skip
    source = Source("npm", "verdaccio", f"file:{stored}/{{workspace}}")
    assert set().union(*held(collected(source), source).values()) == {
        ("acme", "@acme/ui", ""), ("acme", "@acme/ui", "1.0.0"), ("other", "left", ""), ("other", "left", "1.0.0"),
    }  # fmt: skip


def test_a_folder_marker_is_the_registrys_own(source: Source, stored: Path) -> None:
    class WithMarkers(Folder):
        def listing(self, progress: Progress) -> Listing:
            markers = {"": 0, "web/": 0, "public/": 0, "@acme_$folder$": 0, "full/": 1}
            rows = [(key, size_bytes, UPLOADED_AT, "") for key, size_bytes in markers.items()]
            return Listing(UPLOADED_AT, pl.DataFrame(rows, schema=OBJECTS, orient="row"))

    found = collect(WithMarkers("npm", stored), source, NOTHING, lambda line: None)
    own = dict.fromkeys(["", "web/", "public/", "@acme_$folder$"], "metadata")
    assert (parts(found), found.has_marker) == ({**own, "full/": "unknown"}, False)


def test_a_file_is_another_blob_where_its_size_is_another(source: Source, stored: Path) -> None:
    class Listed(Folder):
        """A listing as a restored backup, an upload in parts or another encryption would make it."""

        def __init__(self, size_bytes: int, modified_at: int, content_tag: str) -> None:
            self.row = ("web/package.json", size_bytes, modified_at, content_tag)

        def listing(self, progress: Progress) -> Listing:
            return Listing(UPLOADED_AT, pl.DataFrame([self.row], schema=OBJECTS, orient="row"))

        def read(self, key: str, limit_bytes: int) -> bytes:
            return b"{}"

    def digest_of(size_bytes: int, modified_at: int, content_tag: str) -> str:
        found = collect(Listed(size_bytes, modified_at, content_tag), source, NOTHING, lambda line: None)
        ((digest, tag),) = found.references.select("digest", "content_tag").rows()
        assert tag == content_tag
        return str(digest)

    before = digest_of(7, UPLOADED_AT, "0" * 32)
    assert before == f"{source.url}/web/package.json#7"
    assert digest_of(7, UPLOADED_AT + 9, f"{'1' * 32}-2") == digest_of(7, UPLOADED_AT, "") == before
    assert digest_of(8, UPLOADED_AT, "0" * 32) == f"{source.url}/web/package.json#8"


def test_no_file_with_a_secret_is_read(source: Source, stored: Path) -> None:
    class Unreadable(Folder):
        def read(self, key: str, limit_bytes: int) -> bytes:
            raise AssertionError(key)

    lay_out(stored, {".verdaccio-db.json": SECRET.encode(), "web/package.json": b"", "htpasswd": SECRET.encode()})
    found = collect(Unreadable("npm", stored), source, NOTHING, lambda line: None)
    assert SECRET not in repr(found.references.rows()) + repr(found.parts.rows())


@pytest.mark.parametrize("database", ["verdaccio-s3-db.json", ".verdaccio-db.json", ".sinopia-db.json"])
def test_the_database_file_marks_a_registry(source: Source, stored: Path, database: str) -> None:
    lay_out(stored, {"some/other.txt": b"", "left/left-1.0.0.tgz": b""})
    assert not collected(source).has_marker
    lay_out(stored, {database: b"{}"})
    found = collected(source)
    assert (found.has_marker, found.references.is_empty()) == (True, True)


@pytest.mark.parametrize(
    ("behind", "database"),
    [("", "verdaccio-s3-db.json"), ("", "acme/.verdaccio-db.json"), ("/npm", "acme/npm/verdaccio-s3-db.json")],
)
def test_a_segment_of_the_url_is_the_workspace(stored: Path, behind: str, database: str) -> None:
    below = behind.removeprefix("/") + "/" if behind else ""
    lay_out(stored, {
        f"acme/{below}web/package.json": b"", f"acme/{below}web/web-1.0.0.tgz": b"of acme",
        f"other/{below}web/web-1.0.0.tgz": b"left", f"other/{below}@other/ui/package.json": b"",
        database: b"",
    })  # fmt: skip
    source = Source("npm", "verdaccio", f"file:{stored}/{{workspace}}{behind}/")
    found = collected(source)
    # The packument of one workspace serves no tarball of another.
    assert held(found, source) == {
        "web/package.json": {("acme", "web", "")},
        "web/web-1.0.0.tgz": {("acme", "web", "1.0.0")},
        "@other/ui/package.json": {("other", "@other/ui", "")},
    }
    assert parts(found)[f"other/{below}web/web-1.0.0.tgz"] == "garbage"
    assert found.has_marker
    named = Source("npm", "verdaccio", f"file:{stored}/acme{behind}", "acme")
    assert set(collected(named).references["digest"]) <= set(found.references["digest"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b'{"name": "web", "versions": {"1.0.0"', "is not JSON that the registry can read"),
        (b"<html>502</html>", "is not JSON that the registry can read"),
        (b'\xef\xbb\xbf{"name": "web"}', "is not JSON that the registry can read"),
        (b'{"name": "web", "x": NaN}', "is not JSON that the registry can read"),
        (b"null", "is not a JSON object"),
        (b'"web"', "is not a JSON object"),
        (b"7", "is not a JSON object"),
        (b'{"name": "w\xe9b", "size": ' + b"9" * 5_000 + b"}", None),
        (b"[" * 100_000 + b"]" * 100_000, None),
    ],
)
def test_a_packument_that_cannot_be_read_is_told_and_all_is_billed(
    source: Source, stored: Path, content: bytes, problem: str | None
) -> None:
    lay_out(stored, {"web/package.json": content, "web/web-1.0.0.tgz": b"four", "ui/package.json": b"{}"})
    found = collected(source)
    assert broken(found) == ([("packument", "web/package.json", "acme", "web", problem)] if problem else [])
    assert held(found, source).keys() == {"web/package.json", "web/web-1.0.0.tgz", "ui/package.json"}


def test_packuments_are_read_once_but_for_those_that_were_written_since_or_broken(source: Source, stored: Path) -> None:
    lay_out(stored, {f"{name}/package.json": b"" for name in ("old", "new", "broken")})
    os.utime(stored / "new/package.json", (UPLOADED_AT + 60, UPLOADED_AT + 60))
    earlier = Manifests(since=UPLOADED_AT + 60, broken=frozenset({"broken/package.json"}))
    found = collect(Folder("npm", stored), source, earlier, lambda line: None)
    assert found.broken["package"].to_list() == ["broken", "new"]
