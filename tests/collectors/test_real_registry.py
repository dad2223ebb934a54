"""Docker-registry itself, on a bucket and on a folder: what was collected is what its API says, blob by blob.

The API names no untagged manifest, so the test keeps every digest that was ever pushed.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from accounting.analysis.advising import advise
from accounting.collectors.layouts.collected import Collected, Manifests
from accounting.collectors.layouts.distribution import collect
from accounting.collectors.places.opening import open_store
from accounting.facts.collecting import collect as take_snapshot
from accounting.model import Source
from tests.collectors import servers
from tests.collectors.oci import OCI, Layout
from tests.support.clock import PATIENCE_SECONDS

pytestmark = pytest.mark.servers

KINDS = (
    f"{OCI}.manifest.v1+json",
    f"{OCI}.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
NOTHING = Manifests()
DAY = 86_400


@dataclass
class Api:
    """A registry by its HTTP API, with every manifest that was ever seen in it, by image."""

    server: servers.Registry
    source: Source
    seen: dict[str, set[str]] = field(default_factory=dict)

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "*/*"
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers, by lower-case name. Raises HTTPError."""
        url = path if path.startswith("http") else f"http://{self.server.address}/v2/{path}"
        headers = {"Accept": ", ".join(KINDS), "Content-Type": kind}
        with urlopen(Request(url, body, headers, method=method), timeout=PATIENCE_SECONDS) as answer:
            return answer.read(), {name.lower(): value for name, value in answer.headers.items()}

    def push(self, layout: Layout, name: str, image: str, tag: str, *options: str) -> str:
        """Push with skopeo; gives the digest of what the tag points at then."""
        servers.push(layout.folder, name, self.server, f"{image}:{tag}", *options)
        body, headers = self.call("GET", f"{image}/manifests/{tag}")
        digests = {
            headers["docker-content-digest"],
            *(child["digest"] for child in json.loads(body).get("manifests", [])),
        }
        self.seen.setdefault(image, set()).update(digests)
        return headers["docker-content-digest"]

    def put_blob(self, image: str, content: bytes) -> dict[str, Any]:
        """Upload a blob as the distribution-spec says; gives its descriptor."""
        descriptor = {"digest": servers.digest_of(content), "size": len(content)}
        _, headers = self.call("POST", f"{image}/blobs/uploads/", b"")
        joint = "&" if "?" in headers["location"] else "?"
        upload = f"{headers['location']}{joint}digest={descriptor['digest']}"
        self.call("PUT", upload, content, "application/octet-stream")
        return descriptor

    def put_artifact(self, image: str, content: bytes, subject: str, tag: str | None = None) -> str:
        """An OCI artifact that hangs on another manifest by its subject, untagged, or else by its tag alone; gives its
        digest."""
        body, headers = self.call("GET", f"{image}/manifests/{subject}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": KINDS[0],
            "artifactType": "application/vnd.example.sbom",
            "config": self.put_blob(image, b"{}") | {"mediaType": "application/vnd.oci.empty.v1+json"},
            "layers": [self.put_blob(image, content) | {"mediaType": "application/vnd.example.sbom"}],
        }
        if tag is None:
            manifest["subject"] = {"mediaType": headers["content-type"], "digest": subject, "size": len(body)}
        content = json.dumps(manifest).encode()
        digest = servers.digest_of(content)
        self.call("PUT", f"{image}/manifests/{tag or digest}", content, KINDS[0])
        self.seen.setdefault(image, set()).add(digest)
        return digest

    def versions(self) -> dict[tuple[str, str], set[tuple[str, int]]]:
        """Each version that is served, with the digest and size of everything that pulling it can fetch."""
        versions = {}
        for image, digests in self.seen.items():
            served = {digest: closure for digest in digests if (closure := self._closure(image, digest))}
            listed = {child for digest in served for child in self._children(image, digest)}
            tagged = {}
            for tag in json.loads(self.call("GET", f"{image}/tags/list")[0])["tags"] or []:
                try:
                    tagged[tag] = self.call("GET", f"{image}/manifests/{tag}")[1]["docker-content-digest"]
                except HTTPError as error:  # a bucket may list a deleted tag for a while
                    assert error.code == 404  # noqa: PT017
            named = tagged | {digest: digest for digest in served.keys() - listed - set(tagged.values())}
            versions.update({(image, name): served[digest] for name, digest in named.items()})
        return versions

    def collected(self, known: Manifests = NOTHING) -> tuple[Collected, list[str]]:
        """What is collected, and the keys that were read for it."""
        store = open_store(self.source, Path())
        with patch.object(store, "read", wraps=store.read) as read:
            found = collect(store, self.source, known, lambda line: None)
        return found, [call.args[0] for call in read.call_args_list]

    def _closure(self, image: str, digest: str) -> set[tuple[str, int]]:
        """Digest and size of a manifest and all below it; empty where it is not served."""
        try:
            body = self.call("GET", f"{image}/manifests/{digest}")[0]
        except HTTPError as error:
            assert error.code == 404  # noqa: PT017
            return set()
        manifest = json.loads(body)
        blobs = [entry["digest"] for entry in [*manifest.get("layers", []), manifest.get("config")] if entry]
        sizes = {(blob, int(self.call("HEAD", f"{image}/blobs/{blob}")[1]["content-length"])) for blob in blobs}
        children = (self._closure(image, child["digest"]) for child in manifest.get("manifests", []))
        return {(digest, len(body))} | sizes | {entry for closure in children for entry in closure}

    def _children(self, image: str, digest: str) -> list[str]:
        manifest = json.loads(self.call("GET", f"{image}/manifests/{digest}")[0])
        return [child["digest"] for child in manifest.get("manifests", [])]


@pytest.fixture(params=["bucket", "folder"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """An empty registry that keeps its blobs in a bucket, below a prefix, or in a folder."""
    (tmp_path / "server").mkdir()
    if request.param == "folder":
        storage: dict[str, object] = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
        source = Source("images", "distribution", f"file:{tmp_path}/registry")
    else:
        endpoint: str = request.getfixturevalue("endpoint")
        prefix = f"{request.node.originalname}/registry"
        storage = servers.on_s3(endpoint, "blobs", f"/{prefix}")
        source = Source("images", "distribution", f"s3://blobs/{prefix}", endpoint_url=endpoint)
    with servers.registry(tmp_path / "server", storage) as server:
        yield Api(server, source)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Images that share a base layer, and one for two platforms."""
    layout = Layout(tmp_path / "oci")
    base = os.urandom(200_000)
    for name in ("web", "web-again", "api"):
        layout.image(name, base, os.urandom(10_000))
    platforms = [layout.image(None, os.urandom(5_000), architecture=name) for name in ("amd64", "arm64")]
    layout.index("tools", *platforms)
    return layout


def billed(found: Collected) -> dict[tuple[str, str], set[tuple[str, int]]]:
    """What was collected, in the form of `Api.versions`."""
    versions: dict[tuple[str, str], set[tuple[str, int]]] = {}
    columns = ("workspace", "package", "version", "digest", "size_bytes")
    for workspace, package, version, digest, size_bytes in found.references.select(columns).iter_rows():
        versions.setdefault((f"{workspace}/{package}", version), set()).add((digest, size_bytes))
    return versions


def test_what_is_collected_is_what_the_api_says(api: Api, layout: Layout) -> None:
    replaced = api.push(layout, "web", "team-a/web", "1.0")
    web = api.push(layout, "web-again", "team-a/web", "1.0")
    api.push(layout, "api", "team-a/nested/api", "1.0")
    api.push(layout, "api", "team-b/api", "2.0", "--format", "v2s2")
    tools = api.push(layout, "tools", "team-a/tools", "latest", "--all")
    artifact = api.put_artifact("team-a/web", b"bill of materials", web)

    found, read_keys = api.collected()
    assert billed(found) == api.versions()
    assert billed(found).keys() == {
        ("team-a/web", "1.0"),
        ("team-a/web", replaced),
        ("team-a/web", artifact),
        ("team-a/nested/api", "1.0"),
        ("team-b/api", "2.0"),
        ("team-a/tools", "latest"),
    }
    assert len(billed(found)["team-a/tools", "latest"]) == 1 + 2 * 3
    assert (found.garbage.height, found.missing_blobs, found.has_marker) == (0, 0, True)
    assert found.references["uploaded_at"].is_between(found.taken_at - DAY, found.taken_at).all()
    layers = {digest for digest, _ in billed(found)["team-a/web", "1.0"] & billed(found)["team-a/web", replaced]}
    assert layers <= {digest for digest, _ in billed(found)["team-a/nested/api", "1.0"]}
    assert layers

    assert found.broken.is_empty()
    again, read_again = api.collected(Manifests(found.manifests, since=found.taken_at + 1))
    assert again.references.equals(found.references)
    assert again.manifests.is_empty()
    links = [key for key in read_keys if "/_manifests/revisions/" in key]
    assert len(read_keys) - len(links) == 4 + found.manifests.height
    assert len(links) == (
        0 if api.source.url.startswith("s3:") else found.manifests.height
    )  # content tags tell what links hold
    assert all(key.endswith("/current/link") for key in read_again)
    assert len(read_again) == 4
    assert tools in found.manifests["digest"]


def test_what_is_deleted_is_unreachable_until_the_garbage_is_collected(api: Api, layout: Layout) -> None:
    web = api.push(layout, "web", "team-a/web", "1.0")
    api.push(layout, "web-again", "team-a/web", "2.0")
    api.push(layout, "tools", "team-a/tools", "latest", "--all")
    before, _ = api.collected()
    alone = billed(before)["team-a/web", "1.0"] - billed(before)["team-a/web", "2.0"]
    assert len(alone) == 3

    api.call("DELETE", f"team-a/web/manifests/{web}")
    deleted, _ = api.collected(Manifests(before.manifests))
    assert billed(deleted) == api.versions()
    assert billed(deleted).keys() == {("team-a/web", "2.0"), ("team-a/tools", "latest")}
    assert deleted.garbage.height == len(alone)
    assert deleted.garbage["size_bytes"].sum() == sum(size_bytes for _, size_bytes in alone)

    servers.collect_garbage(api.server)
    after, _ = api.collected(Manifests(before.manifests))
    assert billed(after) == api.versions()
    assert after.references.equals(deleted.references)
    assert (after.garbage.height, after.garbage["size_bytes"].sum(), after.missing_blobs) == (0, 0, 0)


def test_of_a_child_that_was_deleted_the_garbage_collection_keeps_the_manifest(api: Api, layout: Layout) -> None:
    index = api.push(layout, "tools", "team-a/tools", "latest", "--all")
    child = min(api.seen["team-a/tools"] - {index})
    api.call("DELETE", f"team-a/tools/manifests/{child}")
    deleted, _ = api.collected()
    assert deleted.garbage.height == 2
    assert len(billed(deleted)["team-a/tools", "latest"]) == 1 + 1 + 3
    assert child in deleted.references["digest"]

    servers.collect_garbage(api.server)
    after, _ = api.collected(Manifests(deleted.manifests))
    assert after.references.equals(deleted.references)
    assert (after.garbage.height, after.missing_blobs) == (0, 0)


def test_what_hangs_on_an_image_is_advised_with_it(
    api: Api, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither the platforms of an image, which have no tag either, nor what hangs on an image that stays."""
    monkeypatch.setattr("accounting.analysis.advising.UNTAGGED_DAYS", 0)
    ledger = tmp_path / "acct.duckdb"

    def advised() -> dict[tuple[str, str], dict[str, bool]]:
        take_snapshot(ledger, api.source, Path(), lambda line: None)
        found = advise(ledger, "team-a", 1, lambda line: None)
        return {(each.kind, each.subject): {v.name: v.goes_along for v in each.versions} for each in found.advice}

    web = api.push(layout, "web", "team-a/web", "1.0")
    index = api.push(layout, "tools", "team-a/tools", "latest", "--all")
    platform = min(api.seen["team-a/tools"] - {index})
    artifact = api.put_artifact("team-a/web", b"bill of materials", web)
    above = api.put_artifact("team-a/web", b"signature of it", artifact)
    of_tag = f"{web.replace(':', '-')}.sig"
    api.put_artifact("team-a/web", b"signature", web, of_tag)
    api.put_artifact("team-a/tools", b"bill of materials of a platform", platform)
    assert advised() == {}
    time.sleep(1.1)  # a snapshot and an upload are of a second
    again = api.push(layout, "web-again", "team-a/web", "2.0")
    attached = api.put_artifact("team-a/web", b"bill of materials of 2.0", again)
    assert advised() == {("old_versions", "container/web"): {"1.0": False, artifact: True, above: True, of_tag: True}}
    api.call("DELETE", f"team-a/web/manifests/{again}")
    time.sleep(1.1)
    assert advised() == {("untagged", "container/web"): {attached: False}}


def test_a_tag_whose_revision_is_gone_is_answered_with_404(api: Api, layout: Layout) -> None:
    web = api.push(layout, "web", "team-a/web", "1.0")
    key = f"docker/registry/v2/repositories/team-a/web/_manifests/revisions/{web.replace(':', '/')}/link"
    if api.source.endpoint_url:
        prefix = api.source.url.removeprefix("s3://blobs/")
        servers.client_of(api.source.endpoint_url).delete_object(Bucket="blobs", Key=f"{prefix}/{key}")
    else:
        (Path(api.source.url.removeprefix("file:")) / key).unlink()
    with pytest.raises(HTTPError, match="404"):
        api.call("GET", "team-a/web/manifests/1.0")
    assert json.loads(api.call("GET", "team-a/web/tags/list")[0])["tags"] == ["1.0"]
    found, _ = api.collected()
    assert billed(found) == api.versions() == {}
    assert found.garbage.height == 4


def test_an_empty_registry_has_no_marker(api: Api) -> None:
    if not api.source.endpoint_url:
        (Path(api.source.url.removeprefix("file:"))).mkdir(exist_ok=True)
    found, _ = api.collected()
    assert (found.has_marker, found.references.is_empty()) == (False, True)
