"""What tags pointed at when a registry was listed, told by the listing and not by links that may have moved since."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from accounting.collectors.layouts.collected import Manifests
from accounting.collectors.layouts.distribution import collect
from accounting.collectors.places.folder import Folder
from accounting.collectors.places.store import Listing, Progress
from accounting.model import Source
from tests.collectors.layouts import UPLOADED_AT, StoredRegistry


class Earlier(Folder):
    """A folder as it was when this was made, though it is read as it is; `etags` tells whether contents are told."""

    def __init__(self, path: Path, etags: bool) -> None:
        super().__init__("images", path)
        found = super().listing(lambda line: None)
        tags = [hashlib.md5((path / key).read_bytes()).hexdigest() if etags else "" for key in found.objects["key"]]
        objects = found.objects.with_columns(content_tag=pl.Series(tags, dtype=pl.String))
        self._found = replace(found, objects=objects, historic=True)
        self.read_tags: list[str] = []

    def listing(self, progress: Progress) -> Listing:
        return self._found

    def read(self, key: str, limit_bytes: int) -> bytes:
        if "/_manifests/tags/" in key:
            self.read_tags.append(key)
        return super().read(key, limit_bytes)


@pytest.fixture
def registry(stored: Path) -> StoredRegistry:
    return StoredRegistry(stored)


def move(registry: StoredRegistry, digest: str, at: int, tag: str = "latest") -> None:
    """Move a tag, as the registry does: the link in its index, then the current one."""
    current = registry.tag("acme/web", tag, digest)
    for file in (current, current.parents[1] / f"index/{digest.replace(':', '/')}/link"):
        os.utime(file, (UPLOADED_AT + at, UPLOADED_AT + at))


def tags_of(store: Earlier) -> dict[str, str]:
    """The digest of each tag's manifest, by tag."""
    found = collect(store, Source("images", "distribution", "file:"), Manifests(), lambda line: None)
    manifests = set(found.manifests["digest"])
    rows = found.references.select("version", "digest").iter_rows()
    return {version: digest for version, digest in rows if digest in manifests and ":" not in version}


@pytest.fixture
def digests(registry: StoredRegistry) -> list[str]:
    """Three images, untagged."""
    return [registry.push("acme/web", registry.image(name)) for name in (b"one", b"two", b"three")]


@pytest.mark.parametrize("etags", [True, False])
def test_a_tag_that_was_moved_since(registry: StoredRegistry, stored: Path, digests: list[str], etags: bool) -> None:
    one, two, three = digests
    move(registry, one, 10)
    move(registry, two, 20)
    store = Earlier(stored, etags)
    move(registry, three, 30)
    assert tags_of(store) == {"latest": two}
    assert store.read_tags == []


@pytest.mark.parametrize("etags", [True, False])
def test_a_tag_that_had_been_moved_back(
    registry: StoredRegistry, stored: Path, digests: list[str], etags: bool
) -> None:
    one, two, _ = digests
    for at, digest in ((10, one), (20, two), (30, one)):
        move(registry, digest, at)
    store = Earlier(stored, etags)
    move(registry, two, 40)
    assert tags_of(store) == {"latest": one}


def test_the_content_tells_where_a_bucket_was_copied_and_times_are_those_of_copying(
    registry: StoredRegistry, stored: Path, digests: list[str]
) -> None:
    one, two, three = digests
    move(registry, three, 10)
    move(registry, two, 30)
    move(registry, one, 20)
    store = Earlier(stored, etags=True)
    move(registry, three, 40)
    assert tags_of(store) == {"latest": one}


def test_of_two_links_of_one_second_the_current_one_is_read(
    registry: StoredRegistry, stored: Path, digests: list[str]
) -> None:
    one, two, three = digests
    for digest in (one, two):
        move(registry, digest, 10)
    move(registry, three, 5)
    move(registry, two, 10)
    move(registry, one, 20, tag="1.0")
    store = Earlier(stored, etags=False)
    assert tags_of(store) == {"latest": two, "1.0": one}
    assert [key.split("/tags/")[1] for key in store.read_tags] == ["latest/current/link"]


def test_a_tag_without_an_index_is_read(registry: StoredRegistry, stored: Path, digests: list[str]) -> None:
    registry.write("repositories/acme/web/_manifests/tags/1.0/current/link", digests[0].encode())
    registry.write("repositories/acme/web/_manifests/tags/1.0/index/sha256/short/link", digests[1].encode())
    store = Earlier(stored, etags=True)
    assert tags_of(store) == {"1.0": digests[0]}
    assert len(store.read_tags) == 1


def test_a_tag_that_was_not_listed_is_none(registry: StoredRegistry, stored: Path, digests: list[str]) -> None:
    current = registry.tag("acme/web", "gone", digests[0])
    current.unlink()
    store = Earlier(stored, etags=True)
    registry.tag("acme/web", "gone", digests[0])
    registry.tag("acme/web", "later", digests[0])
    assert tags_of(store) == {}


def test_tags_named_as_the_layout_names_its_folders(registry: StoredRegistry, stored: Path, digests: list[str]) -> None:
    names = ["index", "current", "link", "_manifests", "tags"]
    for name in names:
        move(registry, digests[1], 10, tag=name)
    store = Earlier(stored, etags=False)
    assert tags_of(store) == dict.fromkeys(names, digests[1])
    assert store.read_tags == []
