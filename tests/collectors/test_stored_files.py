"""What makes another blob of a file that is stored by its path, on a real server, and what is known of its content."""

import json
import time
from pathlib import Path

import pytest
from mypy_boto3_s3.client import S3Client

from tests.collectors.servers import client_of
from tests.support.cli_runner import run, run_today

pytestmark = pytest.mark.servers

BUCKET = "files"
TARBALL, JAR = "npm/@acme/core/core-3.2.0.tgz", "maven/com/acme/core/3.2/core-3.2.jar"


def configure(folder: Path, endpoint: str) -> None:
    lines = []
    for name, layout in (("maven", "maven2"), ("npm", "verdaccio")):
        lines += ["[[source]]", f'name = "{name}"', f'layout = "{layout}"', f'url = "s3://{BUCKET}/{name}"']
        lines += ['workspace = "acme"', f'endpoint_url = "{endpoint}"']
    (folder / "acct.toml").write_text("\n".join(lines))


def collected(folder: Path) -> str:
    """What a collection at a later second says of the npm packages."""
    time.sleep(1.1)
    ended = run_today("collect", cwd=folder)
    assert ended.exit_code == 0, ended.stderr
    return ended.stderr.splitlines()[-1]


def copies(folder: Path) -> list[str]:
    """The packages that are advised to go since another stores the same content."""
    shown = run("advise", "--workspace", "acme", "--format", "json", cwd=folder)
    return [each["subject"] for each in json.loads(shown.stdout)["advice"] if each["kind"] == "copies"]


def upload_in_parts(client: S3Client, key: str, content: bytes) -> None:
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=content)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    client.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload=parts)  # type: ignore[arg-type]


def test_a_file_is_another_blob_only_where_its_size_is_another(endpoint: str, tmp_path: Path) -> None:
    client = client_of(endpoint)
    client.create_bucket(Bucket=BUCKET)
    for key, content in ((JAR, b"equal"), (TARBALL, b"equal"), ("npm/@acme/core/package.json", b"{}")):
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
    configure(tmp_path, endpoint)
    assert collected(tmp_path) == "npm: 2 references, 2 new, 0 gone"
    assert copies(tmp_path) == ["acme/npm/@acme/core"]
    before = client.head_object(Bucket=BUCKET, Key=TARBALL)["ETag"]
    upload_in_parts(client, TARBALL, b"equal")
    assert client.head_object(Bucket=BUCKET, Key=TARBALL)["ETag"] != before
    assert collected(tmp_path) == "npm: 2 references, 0 new, 0 gone"
    client.put_object(Bucket=BUCKET, Key=TARBALL, Body=b"equal")  # as a restored backup
    assert collected(tmp_path) == "npm: 2 references, 0 new, 0 gone"
    assert copies(tmp_path) == ["acme/npm/@acme/core"]
    # Of the same size, it is the same blob; that its content is another, advise knows all the same.
    client.put_object(Bucket=BUCKET, Key=TARBALL, Body=b"other")
    assert collected(tmp_path) == "npm: 2 references, 0 new, 0 gone"
    assert copies(tmp_path) == []
    client.put_object(Bucket=BUCKET, Key=TARBALL, Body=b"longer than before")
    assert collected(tmp_path) == "npm: 2 references, 1 new, 1 gone"
