"""A full disk is said to be one, in one sentence, whoever meets it first, and the ledger is as it was."""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import run, surroundings


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry of three hundred images, its configuration, and a file of their references."""
    folder = tmp_path_factory.mktemp("registry")
    stored = StoredRegistry(folder / "stored")
    for number in range(300):
        stored.push(f"team/image-{number}", stored.image(b"layer %d" % number), ["1.0"])
    (folder / "acct.toml").write_text('[[source]]\nname = "images"\nlayout = "distribution"\nurl = "file:stored"\n')
    rows = (f"team,container,image-{n},1.0,sha256:{n:064x},{n},\n" for n in range(20_000))
    (folder / "many.csv").write_text("workspace,format,package,version,digest,size,uploaded_at\n" + "".join(rows))
    return folder


COLLECT = ("collect",)
IMPORT = ("import", "snapshot", "many.csv", "--source", "files", "--taken-at", "2026-10-01T00:00:00Z")


def acct(*arguments: str, folder: Path, before: Callable[[], None] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "accounting", *arguments]
    return subprocess.run(
        command, cwd=folder, env=surroundings(), capture_output=True, text=True, check=False, preexec_fn=before
    )


def refused(ended: "subprocess.CompletedProcess[str]", why: str, folder: Path) -> None:
    """One sentence that names the ledger and says why; nothing but its lock is left, or what could be read."""
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert f"{folder}/acct.duckdb" in ended.stderr
    assert f"cannot be written: {why}" in ended.stderr
    assert "give another --ledger" in ended.stderr
    left = {file.name for file in folder.rglob("*") if file.is_file()}
    assert all(name == "acct.duckdb.lock" or name.endswith(".parquet") for name in left), left


@pytest.mark.parametrize("command", [COLLECT, IMPORT], ids=["collect", "import"])
@pytest.mark.parametrize("limit_bytes", [100, 9_000, 40_000])
def test_files_that_may_not_grow(registry: Path, tmp_path: Path, command: tuple[str, ...], limit_bytes: int) -> None:
    """As a quota has it, from the first byte on."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    ended = acct("--ledger", f"{tmp_path}/acct.duckdb", *command, folder=registry, before=limit)
    refused(ended, "File too large", tmp_path)


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system of its own is for root to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("command", [COLLECT, IMPORT], ids=["collect", "import"])
@pytest.mark.parametrize("size_bytes", [8_192, 32_768, 262_144])
def test_a_disk_that_is_full(registry: Path, tmp_path: Path, command: tuple[str, ...], size_bytes: int) -> None:
    with small_disk(tmp_path, size_bytes):
        ended = acct("--ledger", f"{tmp_path}/acct.duckdb", *command, folder=registry)
        refused(ended, "No space left on device", tmp_path)


def test_a_later_collection_finds_it_full(registry: Path, tmp_path: Path) -> None:
    """There is room for the ledger, and none for a copy of it."""
    with small_disk(tmp_path, 16_000_000):
        ledger = tmp_path / "acct.duckdb"
        assert run("--ledger", ledger, *IMPORT, cwd=registry).exit_code == 0
        before = ledger.read_bytes()
        (tmp_path / "filling").write_bytes(bytes(16_000_000 - len(before) - 200_000))
        ended = acct("--ledger", str(ledger), *COLLECT, folder=registry)
        assert "cannot be written or copied: No space left on device" in ended.stderr
        assert ledger.read_bytes() == before
