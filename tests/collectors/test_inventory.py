"""Inventories: the same as a bucket's own listing, in both formats, and every way in which one may not be whole."""

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.collectors.places import inventory, inventory_rows
from accounting.collectors.places.folder import Folder
from accounting.collectors.places.inventory import folder_of
from accounting.collectors.places.inventory_rows import decoded
from accounting.collectors.places.opening import open_store
from accounting.collectors.places.store import Listing, Progress
from accounting.errors import AcctError
from accounting.model import Source
from tests.collectors.inventories import (
    ALL_VERSIONS,
    CURRENT,
    Inventory,
    Row,
    csv_line,
    entry,
    of_versions,
    part_of,
    reread,
)
from tests.support.clock import clock_at

FORMATS = pytest.mark.parametrize("file_format", ["CSV", "Parquet"])
ODD = [
    "a b",
    "a+b",
    "a%2Fb",
    "a%20b",
    "a\nb",
    'say "hi"',
    "a,b",
    "x&y<z",
    "é/ü/ß",
    "日本語",
    "🙂+",
    "%",
    "a\r\nb",
    "'",
    " ",
]
TAKEN_AT = 1_790_812_800


def listed(
    base: Path, place: str = "file:reports", prefix: str = "", progress: Progress = lambda line: None
) -> Listing:
    """The listing of an inventory in a folder; the bucket itself is asked nothing for it."""
    source = Source("images", "distribution", "s3://images", inventory=place)
    reports = open_store(replace(source, url=folder_of(place), inventory=None), base)
    nothing = Folder("images", base / "nowhere")
    return inventory.Inventory(source, "images", prefix, nothing, reports).listing(progress)


def keys_of(found: Listing) -> list[str]:
    return sorted(found.objects["key"])


@FORMATS
def test_rows_become_objects(tmp_path: Path, file_format: str) -> None:
    rows = [entry("b", 7, 1_700_000_000.9, ETag=None), entry("a", 2**63 - 1), entry("old", 0, -0.5)]
    Inventory(rows, file_format).write(tmp_path / "reports")
    found = listed(tmp_path)
    assert (found.taken_at, found.historic) == (TAKEN_AT, True)
    assert found.objects.rows() == [
        ("b", 7, 1_700_000_000, ""),
        ("a", 2**63 - 1, 1_700_000_000, "tag of a"),
        ("old", 0, -1, "tag of old"),
    ]
    assert found.objects.dtypes == [pl.String, pl.Int64, pl.Int64, pl.String]


def test_a_clock_may_be_five_minutes_slow(tmp_path: Path) -> None:
    Inventory([entry("a")]).write(tmp_path / "reports")
    for file in (tmp_path / "reports").rglob("*"):
        os.utime(file, (0, 0))
    with clock_at(TAKEN_AT - 300):
        assert keys_of(listed(tmp_path)) == ["a"]
    with clock_at(TAKEN_AT - 301), pytest.raises(AcctError, match="which is in the future"):
        listed(tmp_path)


@FORMATS
def test_keys_are_what_they_are_in_the_bucket(tmp_path: Path, file_format: str) -> None:
    Inventory([entry(key) for key in ODD], file_format).write(tmp_path / "reports")
    assert keys_of(listed(tmp_path)) == sorted(ODD)


@pytest.mark.parametrize("encode", [quote, quote_plus])
@given(keys=st.lists(st.text(min_size=1)))
def test_url_encoded_keys_are_decoded_once(encode: Callable[[str], str], keys: list[str]) -> None:
    written = pl.Series("key", [encode(key) for key in keys], dtype=pl.String)
    lower = [key.replace("%C3", "%c3").replace("%2F", "%2f") for key in written]
    assert decoded(written).to_list() == keys
    assert decoded(pl.Series("key", lower, dtype=pl.String)).to_list() == keys


@FORMATS
@pytest.mark.parametrize("columns", [CURRENT[::-1], ("LastModifiedDate", "Size", "Bucket", "Key"), CURRENT[1:4]])
def test_columns_stand_in_any_order(tmp_path: Path, file_format: str, columns: tuple[str, ...]) -> None:
    Inventory([entry("a", 5)], file_format, columns=columns).write(tmp_path / "reports")
    assert listed(tmp_path).objects.rows() == [("a", 5, 1_700_000_000, "tag of a" if "ETag" in columns else "")]


@FORMATS
def test_an_object_is_the_latest_version_unless_that_is_a_delete_marker(tmp_path: Path, file_format: str) -> None:
    rows = [
        entry("changed", 1, VersionId="v1", IsLatest=False),
        entry("changed", 2, VersionId="v2"),
        entry("deleted", 4, IsLatest=False),
        entry("deleted", None, ETag=None, VersionId="v2", IsDeleteMarker=True),
        entry("restored", None, ETag=None, VersionId="v2", IsDeleteMarker=True, IsLatest=False),
        entry("restored", 8, VersionId="v3"),
        entry("from before versions", 16, VersionId=None),
    ]
    of_versions(rows, file_format=file_format).write(tmp_path / "reports")
    sizes = dict(listed(tmp_path).objects.select("key", "size_bytes").iter_rows())
    assert sizes == {"changed": 2, "restored": 8, "from before versions": 16}


@FORMATS
def test_an_inventory_of_several_files(tmp_path: Path, file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_rows, "ROWS", 7)
    monkeypatch.setattr(inventory_rows, "BLOCK_BYTES", 1_000)
    rows = [entry(f"many/{number}", number) for number in range(100)]
    dated = Inventory(rows, file_format, files=3).write(tmp_path / "reports")
    manifest = json.loads((dated / "manifest.json").read_text())
    reread(dated, files=manifest["files"][::-1])
    found = listed(tmp_path)
    assert sorted(found.objects.select("key", "size_bytes").iter_rows()) == sorted(
        (row["Key"], row["Size"]) for row in rows
    )


@FORMATS
def test_an_inventory_of_an_empty_bucket(tmp_path: Path, file_format: str) -> None:
    Inventory([], file_format, files=0).write(tmp_path / "reports")
    Inventory([], file_format, created_at=TAKEN_AT + 60).write(tmp_path / "reports")
    for named in ("/2026-10-01T00-00Z/manifest.json", ""):
        assert listed(tmp_path, f"file:reports{named}").objects.is_empty()


def test_what_was_modified_after_the_inventory_was_begun_is_left_out(tmp_path: Path) -> None:
    Inventory([entry("in time", 1, TAKEN_AT), entry("late", 1, TAKEN_AT + 1)]).write(tmp_path / "reports")
    assert keys_of(listed(tmp_path)) == ["in time"]


def test_keys_are_those_below_the_prefix(tmp_path: Path) -> None:
    Inventory([entry("team/registry/a"), entry("team/registry-2/b"), entry("team")]).write(tmp_path / "reports")
    assert keys_of(listed(tmp_path, prefix="team/registry")) == ["a"]
    assert keys_of(listed(tmp_path, prefix="team/")) == ["registry-2/b", "registry/a"]


def test_the_newest_inventory_is_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    for number in range(3):
        Inventory([entry(f"of day {number}")], created_at=TAKEN_AT + number * 86_400).write(tmp_path / "reports")
    (tmp_path / "reports/hive/dt=2026-11-01-00-00").mkdir(parents=True)
    (tmp_path / "reports/hive/dt=2026-11-01-00-00/symlink.txt").write_text("s3://reports/…")
    (tmp_path / "reports/2027-01-01T00-00Z").mkdir()
    assert keys_of(listed(tmp_path)) == ["of day 2"]
    assert keys_of(listed(tmp_path, "file:reports/2026-10-02T00-00Z/manifest.json")) == ["of day 1"]


def test_a_copy_may_lie_in_another_folder(tmp_path: Path) -> None:
    dated = Inventory([entry("a")]).write(tmp_path / "copy/of/bucket/images/daily")
    assert keys_of(listed(tmp_path, "file:copy/of/bucket/images/daily")) == ["a"]
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in (dated / "manifest.json", part_of(dated)):
        (flat / file.name).write_bytes(file.read_bytes())
    assert keys_of(listed(tmp_path, "file:flat/manifest.json")) == ["a"]


def test_progress_is_told(tmp_path: Path) -> None:
    Inventory([entry(f"{number}") for number in range(1_001)], files=2).write(tmp_path / "reports")
    lines: list[str] = []
    listed(tmp_path, progress=lines.append)
    assert lines == [
        "images: looking for the newest inventory",
        "images: 501 keys listed",
        "images: 1,001 keys listed",
    ]


def refused(base: Path, *words: str, place: str = "file:reports") -> None:
    with pytest.raises(AcctError) as refusal:
        listed(base, place)
    for word in ("source images, inventory", *words):
        assert word in str(refusal.value)


@FORMATS
@pytest.mark.parametrize(
    ("row", "said"),
    [
        (entry("a/b", -1), "key a/b: has no valid size"),
        (entry("a/b", None), "key a/b: has no valid size"),
        (entry("a/b", 1, None), "key a/b: has no valid LastModifiedDate"),
        (entry("a/b", Bucket="other"), "key a/b: is of another bucket"),
        (entry(""), "key : has no key"),
        (entry("good"), "key good: is listed twice"),
        (entry("a/b", IsLatest=None), "key a/b: has an IsLatest or IsDeleteMarker that is neither"),
        (entry("a/b", IsDeleteMarker=None), "key a/b: has an IsLatest or IsDeleteMarker that is neither"),
    ],
)
def test_a_malformed_row_is_refused(tmp_path: Path, file_format: str, row: Row, said: str) -> None:
    of_versions([entry("good"), row], file_format=file_format).write(tmp_path / "reports")
    refused(tmp_path, said)


@pytest.mark.parametrize("size", ["1.0", "1e3", "0x10", "+5", " 5", "9223372036854775808", "five", "-0"])
def test_a_size_in_csv_is_a_whole_number(tmp_path: Path, size: str) -> None:
    Inventory([entry("good"), entry("a/b", size)]).write(tmp_path / "reports")
    refused(tmp_path, ".csv.gz, key a/b: has no valid size")


@pytest.mark.parametrize(
    "date",
    ["yesterday", "2026-13-01T00:00:00.000Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", "2026-1-1T0:0:0Z",
     " 2026-01-01T00:00:00Z", "2026-01-01", "1700000000000", "-infinity", "infinity", "0000-01-01T00:00:00Z",
     "10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z", ""],
)  # fmt: skip
def test_a_date_in_csv_is_an_instant_in_utc(tmp_path: Path, date: str) -> None:
    Inventory([entry("good"), entry("a/b", 1, date)]).write(tmp_path / "reports")
    refused(tmp_path, ".csv.gz, key a/b: has no valid LastModifiedDate")


@pytest.mark.parametrize("seconds", [-62_135_596_801, 253_402_300_800])
def test_a_date_in_parquet_is_in_the_years_1_to_9999(tmp_path: Path, seconds: int) -> None:
    Inventory([entry("a/b", 1, seconds)], "Parquet").write(tmp_path / "reports")
    refused(tmp_path, ".parquet, key a/b: has no valid LastModifiedDate")


@pytest.mark.parametrize(
    "header",
    [
        '"Bucket","Key","Size","LastModifiedDate","ETag"',
        "bucket,key,size,last_modified_date,e_tag",
        "Key,Size,LastModifiedDate,ETag,Bucket",  # in another order than the manifest says
    ],
)
@pytest.mark.parametrize("rows", [0, 1])
def test_a_header_line_is_called_so(tmp_path: Path, header: str, rows: int) -> None:
    columns = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag")
    dated = Inventory([entry("good")] * rows, columns=columns).write(tmp_path / "reports")
    part = part_of(dated)
    part.write_bytes(gzip.compress(f"{header}\n".encode() + gzip.decompress(part.read_bytes())))
    reread(dated)
    refused(tmp_path, ".csv.gz: begins with a header line, which an S3 inventory does not have. Write it without")


def test_an_object_may_be_named_as_a_column(tmp_path: Path) -> None:
    Inventory([entry("Size"), entry("Key")]).write(tmp_path / "reports")
    assert keys_of(listed(tmp_path)) == ["Key", "Size"]


@pytest.mark.parametrize("key", ["a%", "a%2", "a%zz", "%%41", "a%C3", "a%FF"])
def test_a_key_in_csv_is_url_encoded(tmp_path: Path, key: str) -> None:
    dated = Inventory([entry("good"), entry("bad")]).write(tmp_path / "reports")
    part = part_of(dated)
    part.write_bytes(gzip.compress(gzip.decompress(part.read_bytes()).replace(b'"bad"', f'"{key}"'.encode())))
    reread(dated)
    refused(tmp_path, part.name, "has a key that is not URL-encoded")


@pytest.mark.parametrize("values", [CURRENT[1:], (*CURRENT, "more"), ("",)])
def test_a_row_of_another_number_of_columns_is_refused(tmp_path: Path, values: tuple[str, ...]) -> None:
    dated = Inventory([entry("good")]).write(tmp_path / "reports")
    part = part_of(dated)
    part.write_bytes(gzip.compress(gzip.decompress(part.read_bytes()) + csv_line(values).encode()))
    reread(dated)
    refused(tmp_path, part.name, f"Expected 6 columns, got {len(values)}")


def test_a_csv_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    dated = Inventory([entry("good")]).write(tmp_path / "reports")
    part = part_of(dated)
    part.write_bytes(gzip.compress(gzip.decompress(part.read_bytes()).replace(b'"good"', b'"\xff"')))
    reread(dated)
    refused(tmp_path, part.name, "cannot be read", "UTF8")


@FORMATS
@pytest.mark.parametrize("cut", [5, 60])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, file_format: str, cut: int) -> None:
    dated = Inventory([entry("good"), entry("also good")], file_format).write(tmp_path / "reports")
    part = part_of(dated)
    size_bytes = part.stat().st_size
    part.write_bytes(part.read_bytes()[:-cut])
    refused(tmp_path, part.name, f"has {size_bytes - cut:,} bytes, but its manifest says {size_bytes:,}")
    reread(dated)
    refused(tmp_path, part.name, "cannot be read")


@FORMATS
def test_a_file_of_other_content_is_refused(tmp_path: Path, file_format: str) -> None:
    dated = Inventory([entry("good")], file_format).write(tmp_path / "reports")
    part = part_of(dated)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    refused(tmp_path, part.name, "does not have the MD5 that its manifest says")
    part.write_bytes(b"<html>Sign in</html>")
    reread(dated)
    refused(tmp_path, part.name, "cannot be read")


def test_a_file_that_is_missing_is_refused_though_an_older_inventory_is_whole(tmp_path: Path) -> None:
    Inventory([entry("a")], created_at=TAKEN_AT - 86_400).write(tmp_path / "reports")
    dated = Inventory([entry("a"), entry("b")], files=2).write(tmp_path / "reports")
    part_of(dated, 1).unlink()
    refused(tmp_path, f"images/daily/data/{part_of(dated, 1).name}: is missing")


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["size"]),
        lambda table: table.set_column(2, "size", [pa.array([1.5])]),
        lambda table: table.set_column(2, "size", [pa.array([2**64 - 1], pa.uint64())]),
        lambda table: table.set_column(2, "size", [pa.array(["1"])]),
        lambda table: table.set_column(3, "last_modified_date", [pa.array([1_700_000_000_000])]),
        lambda table: table.set_column(1, "key", [pa.array([b"\xff"])]),
    ],
)
def test_parquet_of_other_columns_is_refused(tmp_path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    dated = Inventory([entry("a")], "Parquet").write(tmp_path / "reports")
    part = part_of(dated)
    pq.write_table(change(pq.read_table(part)), part)
    reread(dated)
    refused(tmp_path, part.name, "cannot be read")


def test_parquet_may_have_bytes_for_text_and_other_units(tmp_path: Path) -> None:
    dated = Inventory([entry("é", 3)], "Parquet").write(tmp_path / "reports")
    part = part_of(dated)
    table = pq.read_table(part)
    seconds = pa.array([1_700_000_000_999_999], pa.timestamp("us"))
    table = table.set_column(1, "key", table["key"].cast(pa.binary())).set_column(3, "last_modified_date", [seconds])
    pq.write_table(table, part, use_deprecated_int96_timestamps=True)
    reread(dated)
    assert listed(tmp_path).objects.rows() == [("é", 3, 1_700_000_000, "tag of é")]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"sourceBucket": "other"}, "is an inventory of the bucket other, not of images"),
        ({"sourceBucket": None}, "it has no string sourceBucket"),
        ({"destinationBucket": None}, "it has no string destinationBucket"),
        ({"version": None}, "it has no string version"),
        ({"creationTimestamp": None}, "it has no string creationTimestamp"),
        ({"creationTimestamp": 1_790_812_800_000}, "it has no string creationTimestamp"),
        ({"creationTimestamp": "2026-11-01T00:00:00Z"}, "has a creationTimestamp that is not a number of milliseconds"),
        ({"creationTimestamp": "99999999999999"}, "is of 5138-11-16T09:46:39Z, which is in the future"),
        ({"fileFormat": "ORC"}, "has the format ORC, which is not supported"),
        ({"fileFormat": "XML"}, "has the unknown format 'XML'"),
        ({"fileSchema": None}, "it has no string fileSchema"),
        ({"fileSchema": ""}, "does not list the Key of objects"),
        ({"fileSchema": "Bucket, Size, LastModifiedDate"}, "does not list the Key of objects"),
        ({"fileSchema": "Bucket, Key, LastModifiedDate"}, "does not list the Size of objects"),
        ({"fileSchema": "Bucket, Key, Size"}, "does not list the LastModifiedDate of objects"),
        ({"fileSchema": "Key, Size, LastModifiedDate, IsLatest"}, "does not list the VersionId of objects"),
        ({"fileSchema": "Key, Size, LastModifiedDate, VersionId"}, "does not list the IsLatest of objects"),
        ({"fileSchema": "Key, Size, LastModifiedDate, Key"}, "lists the column Key twice"),
        ({"files": None}, "it has no list of files"),
        ({"files": ["a"]}, "names a file that is not a JSON object"),
        ({"files": [{"size": 1, "MD5checksum": "0" * 32}]}, "names a file without a key"),
        ({"files": [{"key": "a", "size": True, "MD5checksum": "0" * 32}]}, "names the file a without a valid size"),
        ({"files": [{"key": "a", "size": -1, "MD5checksum": "0" * 32}]}, "names the file a without a valid size"),
        ({"files": [{"key": "a", "size": 1}]}, "names the file a without a valid MD5checksum"),
    ],
)
def test_a_manifest_that_is_not_right_is_refused(tmp_path: Path, members: dict[str, object], said: str) -> None:
    Inventory([entry("a")], members=members).write(tmp_path / "reports")
    refused(tmp_path, "inventory file 2", "Z/manifest.json: ", said)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<html>Sign in</html>", b"\xff", b"[" * 200_000, b"null"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, body: bytes) -> None:
    dated = Inventory([entry("a")]).write(tmp_path / "reports")
    (dated / "manifest.json").write_bytes(body)
    refused(tmp_path, "does not have the MD5 in 2026-10-01T00-00Z/manifest.checksum")
    (dated / "manifest.checksum").unlink()
    refused(tmp_path, "manifest.json: is not ")


def test_a_place_without_an_inventory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports/daily").mkdir(parents=True)
    refused(tmp_path, "inventory file:reports: has no manifest.json in a folder with a name such as 2026-11-01T00-00Z")
    Inventory([entry("a")]).write(tmp_path / "reports/daily")
    refused(tmp_path, "inventory file:reports: has no manifest.json")
    refused(tmp_path, "has no manifest.json", place="file:reports/daily/2026-10-02T00-00Z/manifest.json")


def test_every_column_of_versions_is_known() -> None:
    assert set(inventory_rows.COLUMNS) == set(ALL_VERSIONS) - {"StorageClass"}


def test_a_csv_of_two_compressed_members(tmp_path: Path) -> None:
    dated = Inventory([entry("a")]).write(tmp_path / "reports")
    part = part_of(dated)
    part.write_bytes(part.read_bytes() + Inventory([]).content([entry("b")]))
    reread(dated)
    assert keys_of(listed(tmp_path)) == ["a", "b"]
