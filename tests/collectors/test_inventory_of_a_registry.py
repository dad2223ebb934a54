"""A registry in a real bucket, collected by its inventory: what is billed is what the bucket's own listing says."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mypy_boto3_s3.client import S3Client

from accounting.collectors.layouts.collected import Manifests
from accounting.collectors.layouts.distribution import collect
from accounting.collectors.places.opening import open_store
from accounting.model import Source
from tests.collectors import servers
from tests.collectors.inventories import Inventory, Row, entries_of, of_versions, part_of, upload
from tests.collectors.layouts import StoredRegistry
from tests.support.cli_runner import Result, run_today

pytestmark = pytest.mark.servers

BASE, WEB, API = b"base" * 10_000, b"web" * 1_000, b"api" * 2_000
FORMATS = pytest.mark.parametrize("file_format", ["CSV", "Parquet"])


@pytest.fixture
def client(endpoint: str) -> S3Client:
    """Of the real server, with a bucket for inventories."""
    client = servers.client_of(endpoint)
    if "reports" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket="reports")
    return client


@pytest.fixture
def registry(stored: Path) -> StoredRegistry:
    """Two images that share a base layer, one in two versions, and a blob that nothing reaches."""
    registry = StoredRegistry(stored)
    registry.push("web", registry.image(BASE, b"old" + WEB), ["1.0", "latest"])
    registry.push("web", registry.image(BASE, WEB), ["1.1", "latest"])
    registry.push("team/api", registry.image(BASE, API), ["2.0"])
    registry.blob(b"garbage")
    return registry


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Where the registry of a test lies in the bucket, and its inventories below `reports`."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


@pytest.fixture
def source(registry: StoredRegistry, stored: Path, client: S3Client, endpoint: str, prefix: str) -> Source:
    """The registry in the bucket, with its inventory in another."""
    upload(stored, client, "blobs", prefix)
    inventory = f"s3://reports/{prefix}/daily"
    return Source("images", "distribution", f"s3://blobs/{prefix}", "acme", endpoint, inventory)


def publish(client: S3Client, folder: Path, source: Source, inventory: Inventory) -> None:
    """Write an inventory where the source has them."""
    place = (source.inventory or "").removeprefix("s3://reports/")
    replace(inventory, bucket="blobs", prefix=place).write(folder)
    upload(folder, client, "reports", place)


def rows_of(client: S3Client, prefix: str) -> list[Row]:
    """The whole bucket, and with it what is not of the source's prefix; the last key first."""
    rows = entries_of(client, "blobs", "")[::-1]
    assert sum(row["Key"].startswith(f"{prefix}/") for row in rows) > 0
    return rows


def configure(folder: Path, source: Source) -> None:
    lines = ["[[source]]"]
    for key in ("name", "layout", "url", "workspace", "endpoint_url", "inventory"):
        lines.append(f"{key} = {json.dumps(getattr(source, key))}")
    (folder / "acct.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def acct(folder: Path, source: Source) -> Result:
    configure(folder, source)
    return run_today("collect", cwd=folder)


def holdings(source: Source, base: Path = Path()) -> list[tuple[object, ...]]:
    return collect(open_store(source, base), source, Manifests(), lambda line: None).references.rows()


@FORMATS
def test_what_is_collected_is_what_the_bucket_lists(
    source: Source, client: S3Client, prefix: str, tmp_path: Path, file_format: str
) -> None:
    inventory = Inventory(rows_of(client, prefix), file_format, int(time.time()), files=3)
    publish(client, tmp_path / "written", source, inventory)
    live = holdings(replace(source, inventory=None))
    assert len(live) == 4 * 4
    assert holdings(source) == live
    first = acct(tmp_path, source)
    assert first.exit_code == 0, first.stderr
    assert "images: 16 references, 16 new, 0 gone; blobs that nothing references: 1 (7 B, not billed)" in first.stderr
    before = (tmp_path / "acct.duckdb").read_bytes()
    again = acct(tmp_path, source)
    assert "images: this snapshot or a later one is already in the ledger; nothing changed" in again.stderr
    assert (tmp_path / "acct.duckdb").read_bytes() == before


def test_the_next_inventory_is_the_next_snapshot(
    registry: StoredRegistry, stored: Path, source: Source, client: S3Client, prefix: str, tmp_path: Path
) -> None:
    rows, now = entries_of(client, "blobs", prefix), int(time.time())
    publish(client, tmp_path / "1", source, Inventory(rows, "Parquet", now))
    assert "images: 16 references, 16 new, 0 gone" in acct(tmp_path, source).stderr
    registry.push("web", registry.image(BASE, b"next"), ["1.2"])
    upload(stored, client, "blobs", prefix)
    keys = {row["Key"] for row in rows}
    rows += [row for row in entries_of(client, "blobs", prefix) if row["Key"] not in keys]
    publish(client, tmp_path / "2", source, Inventory(rows, "CSV", now + 90))
    assert "images: 20 references, 4 new, 0 gone" in acct(tmp_path, source).stderr


@FORMATS
def test_versions_that_are_not_current_count_for_nothing(
    registry: StoredRegistry, source: Source, client: S3Client, prefix: str, tmp_path: Path, file_format: str
) -> None:
    rows = rows_of(client, prefix)
    before = [row | {"VersionId": "v0", "IsLatest": False, "Size": row["Size"] + 1} for row in rows]
    gone = registry.data(servers.digest_of(b"garbage"))
    deleted = [
        row | {"VersionId": "v2", "IsDeleteMarker": True, "Size": None, "ETag": None}
        for row in rows
        if row["Key"].endswith(gone)
    ]
    assert deleted
    current = [row | {"IsLatest": not row["Key"].endswith(gone)} for row in rows]
    inventory = of_versions([*before, *deleted, *current], file_format=file_format, created_at=int(time.time()))
    publish(client, tmp_path / "written", source, inventory)
    assert holdings(source) == holdings(replace(source, inventory=None))
    assert "images: 16 references, 16 new, 0 gone\n" in acct(tmp_path, source).stderr


def test_an_inventory_in_a_folder(source: Source, client: S3Client, prefix: str, tmp_path: Path) -> None:
    dated = Inventory(rows_of(client, prefix), created_at=int(time.time()), bucket="blobs").write(tmp_path / "copy")
    live = holdings(replace(source, inventory=None))
    for place in ("file:copy", f"file:copy/{dated.name}/manifest.json"):
        assert holdings(replace(source, inventory=place), tmp_path) == live
        ended = acct(tmp_path, replace(source, inventory=place))
        assert ended.exit_code == 0, ended.stderr


def test_a_tag_points_where_it_pointed_then(
    registry: StoredRegistry, stored: Path, source: Source, client: S3Client, prefix: str, tmp_path: Path
) -> None:
    then = holdings(replace(source, inventory=None))
    publish(client, tmp_path / "written", source, Inventory(rows_of(client, prefix), created_at=int(time.time())))
    registry.push("web", registry.image(BASE, b"old" + WEB), ["latest"])
    upload(stored, client, "blobs", prefix)
    assert tagged_latest(holdings(replace(source, inventory=None))) != tagged_latest(then)
    assert holdings(source) == then


def tagged_latest(rows: list[tuple[object, ...]]) -> set[object]:
    """The digests of what the tag `latest` points at."""
    return {digest for _, _, _, version, digest, *_ in rows if version == "latest"}


def test_a_manifest_that_is_gone_since_is_refused(
    registry: StoredRegistry, source: Source, client: S3Client, prefix: str, tmp_path: Path
) -> None:
    publish(client, tmp_path / "written", source, Inventory(rows_of(client, prefix), created_at=int(time.time())))
    manifest = registry.data(registry.push("team/api", registry.image(BASE, API)))
    key = f"{prefix}/docker/registry/v2/{manifest}"
    client.delete_object(Bucket="blobs", Key=key)
    ended = acct(tmp_path, source)
    assert ended.exit_code == 1
    where = f"source images, bucket blobs at {source.endpoint_url}, key {key}"
    assert f"{where}: the object was deleted after it was listed" in ended.stderr
    assert "if it was deleted after the inventory was taken, collect again with the next inventory" in ended.stderr
    assert not (tmp_path / "acct.duckdb").exists()


def test_unfinished_uploads_are_those_of_the_bucket(source: Source, client: S3Client, prefix: str) -> None:
    begun = client.create_multipart_upload(Bucket="blobs", Key=f"{prefix}/begun")
    client.upload_part(Bucket="blobs", Key=f"{prefix}/begun", UploadId=begun["UploadId"], PartNumber=1, Body=b"four")
    found = open_store(source, Path()).unfinished_uploads(lambda line: None)
    assert found.select("key", "size_bytes").rows() == [("begun", 4)]
    client.abort_multipart_upload(Bucket="blobs", Key=f"{prefix}/begun", UploadId=begun["UploadId"])


def test_an_inventory_that_is_not_whole_leaves_no_snapshot(
    source: Source, client: S3Client, prefix: str, tmp_path: Path
) -> None:
    rows = rows_of(client, prefix)
    publish(client, tmp_path / "written", source, Inventory(rows, created_at=int(time.time()), files=2))
    part = part_of(next((tmp_path / "written").glob("*Z")), 1).name
    client.delete_object(Bucket="reports", Key=f"{prefix}/daily/data/{part}")
    ended = acct(tmp_path, source)
    assert ended.exit_code == 1
    assert f"source images, inventory file {prefix}/daily/data/{part}: is missing" in ended.stderr
    assert not (tmp_path / "acct.duckdb").exists()


def test_the_place_is_in_the_bucket_that_the_inventory_is_written_to(
    source: Source, client: S3Client, prefix: str, tmp_path: Path
) -> None:
    inventory = Inventory([], created_at=int(time.time()), destination="elsewhere")
    publish(client, tmp_path / "written", source, inventory)
    assert "was written to the bucket elsewhere. Name that bucket" in acct(tmp_path, source).stderr


@pytest.mark.parametrize(
    ("url", "inventory", "said"),
    [
        ("file:registry", "s3://reports/daily", "inventory: is only for a bucket, but the url names a folder"),
        ("s3://blobs", "reports/daily", "inventory: the url 'reports/daily' names neither"),
        ("s3://blobs", "s3://", "inventory: the url 's3://' names neither"),
    ],
)
def test_the_key_in_the_configuration(tmp_path: Path, url: str, inventory: str, said: str) -> None:
    ended = acct(tmp_path, Source("images", "distribution", url, "acme", "http://127.0.0.1:9", inventory))
    assert ended.exit_code == 1
    assert said in ended.stderr
