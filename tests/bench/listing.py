"""Reading a bucket, side by side: `python -m tests.bench.listing [--keys N]`; prints Markdown tables.

A registry in the distribution layout lies in a folder that rclone serves as S3, and is listed by `acct`, by boto3's
paginator, by the AWS command line and by rclone, each in a process of its own. What the same program takes to list an
empty prefix is taken off, so that starting it does not count. Then the same with 50 ms before each answer of a server
that has its pages ready; small objects; and a million keys on their way to typed rows. CPU is the client's alone.
"""

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from accounting.collectors.layouts import distribution
from accounting.collectors.places.bucket import Bucket
from accounting.model import Source
from tests.collectors import servers, stand_in

BUCKET = "images"
PAUSE_SECONDS = 0.05
READS, READERS = 2_000, 8
ROWS = 1_000_000
REPEATS = 2
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": servers.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": servers.SECRET_KEY, "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip


def registry_keys(number: int) -> list[str]:
    """So many keys: of ten, four are blobs, three layer links, and three the links of a tagged manifest."""
    keys = []
    for n in range(number // 10):
        digests = [hashlib.sha256(f"{n} {layer}".encode()).hexdigest() for layer in range(4)]
        image = f"{distribution.TOP}repositories/workspace-{n % 50}/image-{n % 700}"
        tag = f"{image}/_manifests/tags/1.{n}"
        keys += [f"{distribution.TOP}blobs/sha256/{digest[:2]}/{digest}/data" for digest in digests]
        keys += [f"{image}/_layers/sha256/{digest}/link" for digest in digests[1:]]
        keys += [f"{image}/_manifests/revisions/sha256/{digests[0]}/link", f"{tag}/current/link"]
        keys.append(f"{tag}/index/sha256/{digests[0]}/link")
    return keys


def source_at(endpoint: str) -> Source:
    return Source("bench", "distribution", f"s3://{BUCKET}", endpoint_url=endpoint)


def acct(endpoint: str, prefix: str) -> None:
    Bucket(source_at(endpoint), BUCKET, prefix).listing(lambda line: None)


def boto3(endpoint: str, prefix: str) -> None:
    pages = servers.client_of(endpoint).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    for page in pages:
        page.get("Contents")


def commands(endpoint: str, prefix: str) -> dict[str, list[str]]:
    """Each program's command that lists a prefix."""
    here = [sys.executable, "-m", "tests.bench.listing"]
    place = f"{BUCKET}/{prefix}"
    return {
        "acct": [*here, "acct", endpoint, prefix],
        "boto3 paginator": [*here, "boto3", endpoint, prefix],
        "aws s3 ls": [servers.program("aws"), "s3", "ls", "--recursive", "--endpoint-url", endpoint, f"s3://{place}"],
        # Without --fast-list it would ask for each of the folders, as many as there are keys.
        "rclone lsf": [
            servers.program("rclone"),
            "lsf",
            "-R",
            "--fast-list",
            "--files-only",
            f"bench:{place}",
        ],
    }


def spent(command: list[str], endpoint: str) -> tuple[float, float]:
    """CPU seconds, children included, and wall seconds of a command; the least of a few runs, as noise only adds."""
    remote = {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": endpoint, "REGION": "us-east-1", "ENV_AUTH": "true",
        "LIST_VERSION": "2",
    }  # fmt: skip
    environment = {f"RCLONE_CONFIG_BENCH_{name}": value for name, value in remote.items()}
    environment["RCLONE_CONFIG"] = os.devnull
    cpu, wall = [], []
    for _ in range(REPEATS):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        # aws ends with 1 where nothing is below the prefix.
        ended = subprocess.run(
            command, env=os.environ | CREDENTIALS | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            check=False,
        )  # fmt: skip
        if ended.stderr:
            sys.exit(f"{command}: {ended.stderr.decode()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall.append(time.monotonic() - begun)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(cpu), min(wall)


def listings(endpoint: str, keys: int, names: list[str]) -> dict[str, tuple[float, float]]:
    """CPU and wall seconds of each program, without those of an empty prefix."""
    found = {}
    for name in names:
        cpu, wall = spent(commands(endpoint, "")[name], endpoint)
        start_cpu, start_wall = spent(commands(endpoint, "nothing/")[name], endpoint)
        found[name] = (cpu - start_cpu, wall - start_wall)
        print(f"{name}: {found[name][0] / keys * 1e6:.1f} µs CPU a key, {found[name][1]:.2f} s", file=sys.stderr)
    return found


@contextmanager
def rclone_server(folder: Path, keys: list[str]) -> Iterator[str]:
    """rclone serves a folder in which each key is a file."""
    for key in keys:
        file = folder / "served" / BUCKET / key
        file.parent.mkdir(parents=True)
        file.write_bytes(b"sha256:" + b"0" * 64)
    port = servers.free_ports(1)[0]
    command = [
        servers.program("rclone"), "serve", "s3", str(folder / "served"), "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{servers.ACCESS_KEY},{servers.SECRET_KEY}", "--config", os.devnull, "--dir-cache-time", "1h",
    ]  # fmt: skip
    client = servers.client_of(f"http://127.0.0.1:{port}")
    with servers.running(command, folder / "rclone.log", lambda: client.list_buckets() and None):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def distant_server(keys: int) -> Iterator[str]:
    """A server in a process of its own that pauses before each answer."""
    command = [sys.executable, "-m", "tests.bench.listing", "serve", str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def serve(keys: int) -> None:
    answer = stand_in.stored(registry_keys(keys), page_keys=1_000)

    def after_a_pause(query: dict[str, str]) -> stand_in.Answer:
        time.sleep(PAUSE_SECONDS)
        return answer(query)

    with stand_in.serving(after_a_pause) as endpoint:
        print(endpoint, flush=True)
        sys.stdin.read()


def small_reads(endpoint: str, keys: list[str]) -> dict[str, float]:
    """CPU microseconds of a GET of a link, several at a time."""
    os.environ |= CREDENTIALS
    store = Bucket(source_at(endpoint), BUCKET, "")
    ways: dict[str, Callable[[str], bytes]] = {
        "acct": lambda key: store.read(key, 100),
        "boto3": lambda key: store.client.get_object(Bucket=BUCKET, Key=key)["Body"].read(),
    }
    found = {}
    for name, way in ways.items():
        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(way, keys[:READERS]))
            begun = time.process_time()
            list(pool.map(way, keys[:READS]))
            found[name] = (time.process_time() - begun) / READS * 1e6
    return found


def typed_rows() -> dict[str, float]:
    """CPU microseconds a key of each step from keys to typed rows."""
    keys = registry_keys(ROWS)
    objects = (
        pl.DataFrame({"key": keys})
        .with_columns(
            size_bytes=pl.lit(71, dtype=pl.Int64),
            modified_at=pl.lit(1_700_000_000, dtype=pl.Int64),
            content_tag=pl.lit(""),
        )
        .with_row_index("number")
    )
    found: dict[str, float] = {}

    def timed(name: str, step: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        begun = time.process_time()
        frame = step()
        found[name] = (time.process_time() - begun) / ROWS * 1e6
        return frame

    below = timed("paths", lambda: distribution_paths(objects))
    blobs = timed("blobs", lambda: distribution._blobs(below))
    links = timed("links", lambda: distribution._manifest_links(distribution._below_manifests(below)))
    revisions = timed("revisions", lambda: distribution._revisions(links))
    timed("tags", lambda: distribution._tag_keys(links))
    contents = revisions.select("image", "digest", root="digest")
    timed("parts", lambda: distribution._parts(objects, blobs, contents))
    return found


def distribution_paths(objects: pl.DataFrame) -> pl.DataFrame:
    """As distribution.collect begins."""
    keys = objects.filter(pl.col("key").str.starts_with(distribution.TOP))
    return keys.with_columns(path=pl.col("key").str.strip_prefix(distribution.TOP))


def report(number: int) -> None:
    keys = registry_keys(number)
    names = list(commands("", ""))
    with tempfile.TemporaryDirectory(prefix="acct-bench-") as folder, rclone_server(Path(folder), keys) as endpoint:
        near = listings(endpoint, number, names)
        reads = small_reads(endpoint, [key for key in keys if key.endswith("link")])
    with distant_server(number) as endpoint:
        far = listings(endpoint, number, names)
    rows = typed_rows()
    print(f"| {number:,} keys | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    ours_near, ours_far = near["acct"], far["acct"]
    lines = {
        "CPU, µs a key": [f"{near[name][0] / number * 1e6:.1f}" for name in names],
        "CPU / acct": [f"{near[name][0] / ours_near[0]:.1f}" for name in names],
        "50 ms a page, wall / acct": [f"{far[name][1] / ours_far[1]:.1f}" for name in names],
        "50 ms a page, s": [f"{far[name][1]:.1f}" for name in names],
    }
    for name, cells in lines.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(f"\nA small GET: {reads['acct']:.0f} µs CPU; boto3 {reads['boto3'] / reads['acct']:.1f} times that.")
    steps = ", ".join(f"{name} {spent_on:.2f}" for name, spent_on in rows.items())
    print(f"\nKeys to typed rows: {sum(rows.values()):.2f} µs CPU a key ({steps}).")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    report(parser.parse_args().keys)


if __name__ == "__main__":
    steps: dict[str, Callable[[str, str], None]] = {"acct": acct, "boto3": boto3}
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    elif sys.argv[1:2] and sys.argv[1] in steps:
        steps[sys.argv[1]](sys.argv[2], sys.argv[3])
    else:
        main()
