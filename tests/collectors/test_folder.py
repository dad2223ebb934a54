"""Folders as places of objects."""

import os
from pathlib import Path

import pytest

from accounting.collectors.places import folder
from accounting.collectors.places.opening import open_store
from accounting.collectors.places.store import GoneError, Store
from accounting.errors import AcctError
from accounting.model import Source
from tests.support.clock import NOW, clock_at


def store_of(base: Path, url: str = "file:registry") -> Store:
    return open_store(Source("images", "distribution", url), base)


def write(file: Path, content: bytes, modified_at: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (modified_at, modified_at))


def test_lists_files_below_the_configuration_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "PROGRESS_KEYS", 2)
    write(tmp_path / "registry/a/b", b"four", 1_700_000_000.9)
    write(tmp_path / "registry/c", b"", 1_700_000_001)
    write(tmp_path / "registry" / os.fsdecode(b"not\xffutf-8"), b"", 1_700_000_002)
    write(tmp_path / "registry/later", b"new", NOW + 1)
    write(tmp_path / "elsewhere", b"other", 1_700_000_000)
    lines: list[str] = []
    for url in ("file:registry", "file:./registry/", f"file:{tmp_path}/registry"):
        with clock_at(NOW):
            found = store_of(tmp_path, url).listing(lines.append)
        assert sorted(found.objects.drop("content_tag").rows()) == [
            ("a/b", 4, 1_700_000_000),
            ("c", 0, 1_700_000_001),
            ("not\ufffdutf-8", 0, 1_700_000_002),
        ]
        assert found.taken_at == NOW
    assert lines[:2] == ["images: 2 keys listed", "images: 4 keys listed"]


def test_an_empty_folder_is_empty(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    assert store_of(tmp_path).listing(lambda line: None).objects.is_empty()


def test_links_and_pipes_are_no_objects(tmp_path: Path) -> None:
    write(tmp_path / "outside/secret", b"outside", 1_700_000_000)
    write(tmp_path / "registry/a", b"inside", 1_700_000_000)
    (tmp_path / "registry/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "registry/file").symlink_to(tmp_path / "outside/secret")
    (tmp_path / "registry/loop").symlink_to(tmp_path / "registry")
    os.mkfifo(tmp_path / "registry/pipe")
    assert store_of(tmp_path).listing(lambda line: None).objects["key"].to_list() == ["a"]


def test_a_linked_folder_can_be_the_source(tmp_path: Path) -> None:
    write(tmp_path / "real/a", b"inside", 1_700_000_000)
    (tmp_path / "registry").symlink_to(tmp_path / "real")
    assert store_of(tmp_path).listing(lambda line: None).objects["key"].to_list() == ["a"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AcctError, match=r"registry: cannot be read: No such file or directory\. Correct the url"):
        store_of(tmp_path).listing(lambda line: None)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path / "registry", b"", 1_700_000_000)
    with pytest.raises(AcctError, match="registry: cannot be read: Not a directory"):
        store_of(tmp_path).listing(lambda line: None)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "registry/closed/a", b"", 1_700_000_000)
    scandir = os.scandir

    def refusing(path: str) -> object:  # rights do not stop the superuser, as whom tests may run
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(AcctError, match="registry/closed: cannot be read: Permission denied"):
        store_of(tmp_path).listing(lambda line: None)


def test_reads_up_to_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "registry/a", b"four", 1_700_000_000)
    assert store_of(tmp_path).read("a", 4) == b"four"
    with pytest.raises(AcctError, match="source images, key a: is larger than 3 bytes"):
        store_of(tmp_path).read("a", 3)
    with pytest.raises(GoneError, match="source images, key b: was deleted after it was listed"):
        store_of(tmp_path).read("b", 3)
