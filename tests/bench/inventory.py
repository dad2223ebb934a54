"""What listing a bucket by its inventory takes for a key: `python -m tests.bench.inventory [KEYS]`.

Keys as a container registry has them and as a package registry has them, where a scope is URL-encoded; in CSV and in
Parquet, in ten files. Everything counts: reading the files from a folder, their digests, the rows, no key twice. The
most memory is that of the process, which wrote nothing.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from accounting.collectors.places.folder import Folder
from accounting.collectors.places.inventory import Inventory
from accounting.model import Source
from tests.collectors import inventories

FILES = 10
KINDS = ("blobs", "scopes", "accents")


def key(kind: str, number: int) -> str:
    name = hashlib.sha256(f"{kind} {number}".encode()).hexdigest()
    if kind == "blobs":
        return f"docker/registry/v2/blobs/sha256/{name[:2]}/{name}/data"
    scope = "@acme" if kind == "scopes" else "äcme"
    return f"packages/{scope}/{name[:20]}/{name[:20]}-1.{number}.0.tgz"


def write(folder: Path, kind: str, file_format: str, keys: int) -> None:
    rows = [
        inventories.entry(key(kind, number), number, 1_700_000_000 + number * 1.237, ETag=f"{number:032x}")
        for number in range(keys)
    ]
    inventories.Inventory(rows, file_format, files=FILES).write(folder)


def read(folder: Path) -> None:
    """List the inventory in a folder; prints CPU and wall seconds, keys, and the most memory in bytes."""
    source = Source("images", "distribution", "s3://images", inventory=f"file:{folder}")
    nothing = Folder("images", folder / "nowhere")
    cpu, wall = time.process_time(), time.perf_counter()
    found = Inventory(source, "images", "", nothing, Folder("images", folder)).listing(lambda line: None)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(cpu, wall, found.objects.height, int(peak[1]) * 1024 if peak else 0)


def main(keys: int) -> None:
    print(f"{keys:,} keys: µs of CPU and of wall time a key, the most memory")
    for kind in KINDS:
        for file_format in ("CSV", "Parquet"):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), kind, file_format, keys)
                command = [sys.executable, "-m", "tests.bench.inventory", "read", folder]
                ended = subprocess.run(command, check=True, capture_output=True, text=True)
                cpu, wall, listed, peak = (float(word) for word in ended.stdout.split())
                assert listed == keys
                cost = f"{cpu / keys * 1e6:6.2f} {wall / keys * 1e6:6.2f}"
                print(f"{kind:8} {file_format:8} {cost} {peak / 2**20:8,.0f} MiB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
