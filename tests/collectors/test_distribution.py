"""What the distribution layout holds: by rule, by fault, and against real registries."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from accounting.collectors.layouts.collected import Collected, Manifests
from accounting.collectors.layouts.distribution import collect
from accounting.collectors.places.folder import Folder
from accounting.collectors.places.store import OBJECTS, Listing, Progress
from accounting.errors import AcctError
from accounting.model import Source
from tests.collectors.layouts import UPLOADED_AT, StoredRegistry

NOTHING = Manifests()
Versions = dict[tuple[str, str], dict[str, int]]


class Watched(Folder):
    """A folder whose reads are counted, and whose listing comes in another order."""

    def __init__(self, path: Path) -> None:
        super().__init__("images", path)
        self.read_keys: list[str] = []

    def listing(self, progress: Progress) -> Listing:
        found = super().listing(progress)
        return Listing(found.taken_at, found.objects.sample(fraction=1, shuffle=True, seed=len(found.objects)))

    def read(self, key: str, limit_bytes: int) -> bytes:
        self.read_keys.append(key)
        return super().read(key, limit_bytes)


def collected(folder: Path, known: Manifests = NOTHING, workspace: str | None = None) -> Collected:
    source = Source("images", "distribution", f"file:{folder}", workspace)
    return collect(Folder("images", folder), source, known, lambda line: None)


def versions_of(found: Collected) -> Versions:
    """The size of each digest by package (with its workspace) and version."""
    versions: Versions = {}
    for workspace, package, version, digest, size_bytes in found.references.select(
        "workspace", "package", "version", "digest", "size_bytes"
    ).iter_rows():
        versions.setdefault((f"{workspace}/{package}", version), {})[digest] = size_bytes
    return versions


@pytest.fixture
def registry(stored: Path) -> StoredRegistry:
    return StoredRegistry(stored)


TAG_KEY = "docker/registry/v2/repositories/acme/web/_manifests/tags/1.0/current/link"


def problems(found: Collected) -> set[tuple[str, str]]:
    """Key and problem of what is broken in acme/web."""
    assert set(found.broken.select("workspace", "package").rows()) <= {("acme", "web")}
    return set(found.broken.select("key", "problem").rows())


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_version_is_its_manifest_its_config_and_its_layers(registry: StoredRegistry, stored: Path) -> None:
    web = registry.push("acme/web", registry.image(b"base", b"top"), ["1.0", "latest"], uploaded_at=UPLOADED_AT + 5)
    found = collected(stored)
    size_bytes = (registry.top / registry.data(web)).stat().st_size
    config = digest_of(b"config of base, top")
    blobs = {web: size_bytes, config: 19, digest_of(b"base"): 4, digest_of(b"top"): 3}
    assert versions_of(found) == {("acme/web", "1.0"): blobs, ("acme/web", "latest"): blobs}
    assert found.references.columns == [
        "workspace", "format", "package", "version", "digest", "size_bytes", "uploaded_at",
    ]  # fmt: skip
    assert found.references.dtypes == [pl.String] * 5 + [pl.Int64] * 2
    assert found.references["format"].unique().to_list() == ["container"]
    assert found.references["uploaded_at"].unique().to_list() == [UPLOADED_AT + 5]
    assert found.references.rows() == sorted(set(found.references.rows()))
    blobs_named, no_sizes = [config, digest_of(b"base"), digest_of(b"top")], [None, None, None]
    assert found.manifests.rows() == [(web, size_bytes, blobs_named, no_sizes, [], [], None, None)]
    assert (found.garbage.height, found.missing_blobs, found.has_marker) == (0, 0, True)
    assert found.broken.is_empty()


def test_an_untagged_manifest_is_a_version_of_its_own(registry: StoredRegistry, stored: Path) -> None:
    before = registry.push("acme/web", registry.image(b"before"), ["1.0"])
    after = registry.push("acme/web", registry.image(b"after"), ["1.0"])
    versions = versions_of(collected(stored))
    assert versions.keys() == {("acme/web", "1.0"), ("acme/web", before)}
    assert after in versions["acme/web", "1.0"]


def test_an_index_holds_what_its_children_hold(registry: StoredRegistry, stored: Path) -> None:
    images = [registry.push("acme/web", registry.image(layer, b"base")) for layer in (b"arm", b"amd")]
    inner = registry.push("acme/web", {"manifests": [{"digest": image} for image in images]})
    outer = registry.push("acme/web", {"manifests": [{"digest": inner}, {"digest": images[0]}]}, ["1.0"])
    versions = versions_of(collected(stored))
    layers = {digest_of(b"config of %s, base" % layer) for layer in (b"arm", b"amd")}
    layers |= {digest_of(layer) for layer in (b"arm", b"amd", b"base")}
    assert versions.keys() == {("acme/web", "1.0")}
    assert versions["acme/web", "1.0"].keys() == {outer, inner, *images} | layers
    assert collected(stored).references.height == 4 + 5


def test_of_a_child_that_is_no_revision_only_the_manifest_is_kept(registry: StoredRegistry, stored: Path) -> None:
    image = registry.push("acme/other", registry.image(b"elsewhere"))
    inner = registry.push("acme/other", {"manifests": [{"digest": image}]}, ["1.0"])
    gone = digest_of(b"a platform that was never copied")
    children = [{"digest": digest} for digest in (inner, gone)]
    index = registry.push("acme/web", {"manifests": children}, ["1.0"])
    found = collected(stored)
    assert versions_of(found)["acme/web", "1.0"].keys() == {index, inner}
    assert found.missing_blobs == 1


def test_a_manifest_of_two_images_is_read_once(registry: StoredRegistry, stored: Path) -> None:
    for image in ("acme/web", "acme/copy"):
        web = registry.push(image, registry.image(b"base"), ["1.0"])
    found = collected(stored)
    assert found.manifests["digest"].to_list() == [web]
    assert found.references.height == 2 * 3


def test_an_artifact_does_not_hold_its_subject(registry: StoredRegistry, stored: Path) -> None:
    web = registry.push("acme/web", registry.image(b"base"), ["1.0"])
    signature = registry.push("acme/web", registry.image(b"signature") | {"subject": {"digest": web}})
    blobs = {"blobs": [{"digest": registry.blob(b"bill of materials")}], "subject": {"digest": web}}
    artifact = registry.push("acme/web", blobs)
    odd = registry.push("acme/web", registry.image(b"odd") | {"subject": "none"}, ["odd"])
    found = collected(stored)
    assert dict(found.manifests.select("digest", "subject").rows()) == {
        web: None,
        signature: web,
        artifact: web,
        odd: None,
    }
    versions = versions_of(found)
    assert versions.keys() == {("acme/web", name) for name in ("1.0", "odd", signature, artifact)}
    assert web not in versions["acme/web", signature]
    assert versions["acme/web", artifact].keys() == {artifact, digest_of(b"bill of materials")}


def test_a_tag_whose_manifest_is_no_revision_is_not_served(registry: StoredRegistry, stored: Path) -> None:
    web = registry.push("acme/web", registry.image(b"base"), ["1.0"])
    registry.link("acme/web", web).unlink()
    found = collected(stored)
    assert found.references.is_empty()
    assert (found.garbage.height, found.has_marker) == (3, True)
    assert problems(found) == {(TAG_KEY, f"points to {web}, which the image does not have")}


def test_stored_sizes_count_and_not_those_that_a_manifest_claims(registry: StoredRegistry, stored: Path) -> None:
    base = {"digest": registry.blob(b"base"), "size": 9_000_000_000}
    foreign = {"digest": digest_of(b"foreign"), "size": 5, "urls": ["https://example.com/layer"]}
    web = registry.push("acme/web", {"config": base, "layers": [base, base, foreign]}, ["1.0"])
    for _ in range(2):  # the second time the manifest is known
        found = collected(stored, Manifests(collected(stored).manifests))
        blobs = versions_of(found)["acme/web", "1.0"]
        assert found.references.height == 2
        assert blobs.keys() == {web, digest_of(b"base")}
        assert blobs[digest_of(b"base")] == 4
        assert found.missing_blobs == 1
        problem = f"has 4 bytes, but the manifest {web} says 9,000,000,000; the stored size is billed"
        key = f"docker/registry/v2/{registry.data(digest_of(b'base'))}"
        assert found.broken.rows() == [("size", key, "acme", "web", problem)]


def test_what_nothing_served_reaches_is_counted_and_not_billed(registry: StoredRegistry, stored: Path) -> None:
    registry.push("acme/web", registry.image(b"base"), ["1.0"])
    lost = registry.blob(b"lost")
    registry.write(f"repositories/acme/web/_layers/{lost.replace(':', '/')}/link", lost.encode())
    registry.write("repositories/acme/web/_uploads/0f/startedat", b"2026-01-02T03:04:05Z")
    found = collected(stored)
    assert (found.garbage.height, found.garbage["size_bytes"].sum()) == (1, 4)
    assert lost not in found.references["digest"]


def test_keys_that_do_not_fit_the_layout_are_ignored(registry: StoredRegistry, stored: Path) -> None:
    web = registry.push("acme/web", registry.image(b"base"), ["_manifests"]).removeprefix("sha256:")
    odd = [
        "blobs/sha256/zz/zz-is-no-hex/data",
        f"blobs/sha256/00/{web}/data",
        f"blobs/sha256//{web}/data",
        f"blobs/sha256/{web[:2]}/{web}/data/more",
        f"blobs/md5/{web[:2]}/{web}/data",
        "repositories/acme/web/_manifests/revisions/sha256/short/link",
        f"repositories/acme/web/_manifests/revisions/sha256/{web}/more/link",
        f"repositories/acme/web/_manifests/revisions/sha256/{web}/link/link",
        f"repositories/acme/_web/_manifests/revisions/sha256/{web}/link",
        f"repositories/Acme/web/_manifests/revisions/sha256/{web}/link",
        f"repositories/_manifests/revisions/sha256/{web}/link",
        "repositories/acme/web/_manifests/tags/1.0/link",
        "repositories/acme/web/_manifests/tags/no tag/current/link",
        "repositories/acme/web/_manifests/link",
        "elsewhere/link",
        "",
    ]

    class WithOddKeys(Folder):
        def listing(self, progress: Progress) -> Listing:
            found = super().listing(progress)
            rows = [("docker/registry/v2/" + key, 3, UPLOADED_AT, "") for key in odd]
            return Listing(found.taken_at, pl.concat([found.objects, pl.DataFrame(rows, schema=OBJECTS, orient="row")]))

    source = Source("images", "distribution", "file:registry")
    found = collect(WithOddKeys("images", stored), source, NOTHING, lambda line: None)
    assert found.references["version"].unique().to_list() == ["_manifests"]
    assert found.references.equals(collected(stored).references)
    assert found.garbage.height == 0


def test_digests_may_be_sha512(registry: StoredRegistry, stored: Path) -> None:
    layer = registry.blob(b"base", "sha512")
    body = json.dumps({"layers": [{"digest": layer}], "config": None, "blobs": None, "manifests": None}).encode()
    web = registry.blob(body, "sha512")
    registry.link("acme/web", web)
    registry.tag("acme/web", "1.0", web)
    assert versions_of(collected(stored))["acme/web", "1.0"].keys() == {web, layer}


def test_the_workspace_is_the_sources_or_the_first_segment_of_the_name(registry: StoredRegistry, stored: Path) -> None:
    registry.push("acme/team/web", registry.image(b"base"), ["1.0"])
    assert versions_of(collected(stored)).keys() == {("acme/team/web", "1.0")}
    assert collected(stored).references["package"].unique().to_list() == ["team/web"]
    assert versions_of(collected(stored, workspace="big")).keys() == {("big/acme/team/web", "1.0")}
    registry.push("alpine", registry.image(b"base"), ["1.0"])
    assert collected(stored, workspace="big").references["package"].n_unique() == 2


def test_an_image_whose_name_tells_no_workspace_is_left_out_or_of_the_one_that_is_set(
    registry: StoredRegistry, stored: Path
) -> None:
    for image in ("acme/web", "alpine"):
        registry.push(image, registry.image(b"base"), ["1.0"])
    found = collected(stored)
    assert versions_of(found).keys() == {("acme/web", "1.0")}
    problem = "has no workspace in its name, so it is not billed"
    assert found.broken.rows() == [("name", "docker/registry/v2/repositories/alpine", None, "alpine", problem)]
    source = Source("images", "distribution", f"file:{stored}", top_level_workspace="library")
    found = collect(Folder("images", stored), source, NOTHING, lambda line: None)
    assert versions_of(found).keys() == {("acme/web", "1.0"), ("library/alpine", "1.0")}
    assert found.broken.is_empty()


def test_known_manifests_are_not_read_again(registry: StoredRegistry, stored: Path) -> None:
    image = registry.push("acme/web", registry.image(b"base"))
    index = registry.push("acme/web", {"manifests": [{"digest": image}]}, ["1.0"])
    store, source = Watched(stored), Source("images", "distribution", "file:registry")
    first = collect(store, source, NOTHING, lambda line: None)
    assert set(first.manifests["digest"]) == {image, index}
    store.read_keys.clear()
    known = Manifests(first.manifests, since=UPLOADED_AT + 61)
    again = collect(store, source, known, lambda line: None)
    assert [key.rsplit("/", 2)[1] for key in store.read_keys] == ["current"]
    assert again.manifests.is_empty()
    assert again.references.equals(first.references)
    new = registry.push("acme/other", registry.image(b"other"), ["1.0"])
    assert collect(store, source, known, lambda line: None).manifests["digest"].to_list() == [new]


def test_the_order_of_keys_changes_nothing(registry: StoredRegistry, stored: Path) -> None:
    for number in range(20):
        registry.push(f"acme/web{number % 3}", registry.image(b"base", b"%d" % number), [f"{number % 4}"])
    source = Source("images", "distribution", "file:registry")
    shuffled = collect(Watched(stored), source, NOTHING, lambda line: None)
    assert shuffled.references.equals(collected(stored).references)


def test_progress_says_how_much_was_read(
    registry: StoredRegistry, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounting.collectors.layouts.manifest_reader.PROGRESS_READS", 1)
    registry.push("acme/web", registry.image(b"base"), ["1.0"])
    lines: list[str] = []
    collect(Folder("images", stored), Source("images", "distribution", ""), NOTHING, lines.append)
    assert [re.sub(r"[\d,]+/s", "N/s", line) for line in lines] == [
        "images: 1 tags read, N/s",
        "images: 1 manifests read, N/s",
        "images: 1 links read, N/s",
    ]


def test_a_place_without_a_registry_is_marked(registry: StoredRegistry, stored: Path) -> None:
    stored.mkdir()
    (stored / "docker").write_bytes(b"")
    found = collected(stored)
    assert (found.has_marker, found.references.is_empty(), found.garbage["size_bytes"].sum()) == (False, True, 0)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def changed(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"!")


OTHER_CONTENT = "does not have the content that its digest says"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [(Path.unlink, "is missing"), (emptied, "is empty"), (cut, OTHER_CONTENT), (changed, OTHER_CONTENT)],
)
@pytest.mark.parametrize("known", [False, True])
def test_a_damaged_manifest_is_no_version_and_keeps_nothing_back(
    registry: StoredRegistry, stored: Path, damage: Callable[[Path], None], problem: str, known: bool
) -> None:
    registry.push("acme/good", registry.image(b"good"), ["1.0"])
    web = registry.push("acme/web", registry.image(b"base"), ["1.0", "latest"])
    earlier = Manifests(collected(stored).manifests, since=UPLOADED_AT + 60) if known else NOTHING
    data = registry.top / registry.data(web)
    whole = data.read_bytes()
    damage(data)
    found = collected(stored, earlier)
    key = f"docker/registry/v2/{registry.data(web)}"
    assert found.broken.rows() == [("manifest", key, "acme", "web", problem)]
    assert versions_of(found).keys() == {("acme/good", "1.0")}
    assert web not in found.manifests["digest"]
    assert found.examined == {"manifest": 2, "tag": 3}
    registry.write(registry.data(web), whole)
    again = replace(earlier, broken=frozenset({key}))
    assert versions_of(collected(stored, again)).keys() == {("acme/good", "1.0"), *web_versions()}


def web_versions() -> set[tuple[str, str]]:
    return {("acme/web", "1.0"), ("acme/web", "latest")}


def test_a_damaged_manifest_of_two_workspaces_concerns_both(registry: StoredRegistry, stored: Path) -> None:
    for image in ("acme/web", "beta/team/web"):
        web = registry.push(image, registry.image(b"base"), ["1.0"])
    emptied(registry.top / registry.data(web))
    found = collected(stored)
    assert found.broken.select("workspace", "package").rows() == [("acme", "web"), ("beta", "team/web")]


def test_of_a_damaged_child_only_the_manifest_is_kept(registry: StoredRegistry, stored: Path) -> None:
    image = registry.push("acme/web", registry.image(b"arm"))
    index = registry.push("acme/web", {"manifests": [{"digest": image}]}, ["1.0"])
    cut(registry.top / registry.data(image))
    found = collected(stored)
    assert versions_of(found)["acme/web", "1.0"].keys() == {index, image}
    assert problems(found) == {(f"docker/registry/v2/{registry.data(image)}", OTHER_CONTENT)}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"sha256:" + b"0" * 63, "does not contain a digest"),
        (b"\xff" * 71, "does not contain a digest"),
        (b"0" * 200, "does not contain a digest"),
        (b"sha256:" + b"0" * 64, "contains a digest other than its own"),
    ],
)
def test_a_revision_whose_link_is_broken_is_not_served(
    registry: StoredRegistry, stored: Path, content: bytes, problem: str
) -> None:
    registry.push("acme/web", registry.image(b"base"), ["1.0"])
    web = registry.push("acme/web", registry.image(b"other"), ["2.0"])
    link = registry.link("acme/web", web)
    link.write_bytes(content)
    found = collected(stored)
    assert versions_of(found).keys() == {("acme/web", "1.0")}
    assert problems(found) == {(str(link.relative_to(stored)), problem)}


def test_links_are_read_where_nothing_else_tells(registry: StoredRegistry, stored: Path) -> None:
    digests = [registry.push("acme/web", registry.image(b"%d" % number)) for number in range(3)]
    broken = registry.link("acme/web", digests[0])
    broken.write_bytes(digests[1].encode())
    os.utime(broken, (UPLOADED_AT, UPLOADED_AT))

    class Tagged(Watched):
        """With content tags as most buckets have them."""

        def listing(self, progress: Progress) -> Listing:
            found = super().listing(progress)
            tags = [hashlib.md5((stored / key).read_bytes()).hexdigest() for key in found.objects["key"]]
            return replace(found, objects=found.objects.with_columns(content_tag=pl.Series(tags)))

    key = str(broken.relative_to(stored))
    source = Source("images", "distribution", "file:registry")
    for store, earlier, read in (
        (Watched(stored), NOTHING, 3),
        (Tagged(stored), NOTHING, 1),
        (Watched(stored), Manifests(since=UPLOADED_AT + 1), 0),
        (Watched(stored), Manifests(since=UPLOADED_AT + 1, broken=frozenset({key})), 1),
    ):
        found = collect(store, source, earlier, lambda line: None)
        assert sum(each.endswith("/link") for each in store.read_keys) == read
        assert found.broken.height == min(read, 1)


def test_a_manifest_that_is_not_of_its_listed_size_is_refused(registry: StoredRegistry, stored: Path) -> None:
    web = registry.push("acme/web", registry.image(b"base"), ["1.0"])

    class Shorter(Folder):
        def read(self, key: str, limit_bytes: int) -> bytes:
            return super().read(key, limit_bytes)[: None if key.endswith("link") else -1]

    with pytest.raises(AcctError, match=rf"{web[7:]}/data: has \d+ bytes, but is listed with \d+"):
        collect(Shorter("images", stored), Source("images", "distribution", ""), NOTHING, lambda line: None)


def test_what_is_gone_when_it_is_read_is_broken(registry: StoredRegistry, stored: Path) -> None:
    registry.push("acme/good", registry.image(b"good"), ["1.0"])
    web = registry.push("acme/web", registry.image(b"base"), ["1.0"])
    gone = [
        f"docker/registry/v2/{registry.data(web)}",
        TAG_KEY,
        str(registry.link("acme/web", web).relative_to(stored)),
    ]

    class Deleted(Folder):
        def listing(self, progress: Progress) -> Listing:
            found = super().listing(progress)
            (stored / gone[number]).unlink()
            return found

    for number, kind in enumerate(("manifest", "tag", "manifest")):
        source = Source("images", "distribution", "file:registry")
        found = collect(Deleted("images", stored), source, NOTHING, lambda line: None)
        assert found.broken.rows() == [(kind, gone[number], "acme", "web", "was listed but does not exist")]
        assert ("acme/good", "1.0") in versions_of(found)
        assert ("acme/web", "1.0") not in versions_of(found)
        registry.push("acme/web", registry.image(b"base"), ["1.0"])


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "has a member whose type is not that of a manifest"),
        (b"{", "is not JSON that the registry can read"),
        (
            b'{"layers": []}' + b" " * 4 * 2**20,
            "has 4,194,318 bytes, but a registry reads at most 4,194,304",
        ),
    ],
)
def test_what_is_no_manifest_is_no_version(registry: StoredRegistry, stored: Path, body: bytes, problem: str) -> None:
    digest = registry.push("acme/web", body, ["1.0"])
    found = collected(stored)
    assert problems(found) == {(f"docker/registry/v2/{registry.data(digest)}", problem)}
    assert found.references.is_empty()


def test_a_manifest_may_be_as_large_as_a_registry_has_to_take(registry: StoredRegistry, stored: Path) -> None:
    body = json.dumps(registry.image(b"base")).encode()
    registry.push("acme/web", body + b" " * (4 * 2**20 - len(body)), ["1.0"])
    assert ("acme/web", "1.0") in versions_of(collected(stored))


def test_a_manifest_of_an_unknown_kind_is_billed_and_told(registry: StoredRegistry, stored: Path) -> None:
    body = {"schemaVersion": 2, "mediaType": "application/x", "layers": [{"digest": registry.blob(b"layer")}]}
    web = registry.push("acme/web", body, ["1.0"])
    for _ in range(2):  # the second time the manifest is known
        found = collected(stored, Manifests(collected(stored).manifests))
        assert versions_of(found)["acme/web", "1.0"].keys() == {web}
        problem = "has the unknown media type application/x, so the content that it names is not billed"
        key = f"docker/registry/v2/{registry.data(web)}"
        assert found.broken.rows() == [("content", key, "acme", "web", problem)]


def test_a_manifest_of_schema_1_holds_its_layers(registry: StoredRegistry, stored: Path) -> None:
    layers = [{"blobSum": registry.blob(layer)} for layer in (b"one", b"two")]
    web = registry.push("acme/web", {"schemaVersion": 1, "fsLayers": [*layers, layers[0]]}, ["1.0"])
    found = collected(stored)
    assert versions_of(found)["acme/web", "1.0"].keys() == {web, digest_of(b"one"), digest_of(b"two")}
    assert found.broken.is_empty()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"sha256:" + b"0" * 63, "does not contain a digest"),
        (b"sha256:" + b"0" * 64 + b"\n", "does not contain a digest"),
        (b"\xff" * 71, "does not contain a digest"),
        (b"0" * 200, "does not contain a digest"),
    ],
)
def test_a_tag_that_holds_no_digest_is_no_version(
    registry: StoredRegistry, stored: Path, content: bytes, problem: str
) -> None:
    web = registry.push("acme/web", registry.image(b"base"), ["1.0"])
    registry.write("repositories/acme/web/_manifests/tags/1.0/current/link", content)
    found = collected(stored)
    assert found.broken.rows() == [("tag", TAG_KEY, "acme", "web", problem)]
    assert versions_of(found).keys() == {("acme/web", web)}
