"""The servers and the credentials that the tests of collectors share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collectors import servers


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the test servers, and nothing of who runs the tests."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.SECRET_KEY)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server with an empty bucket `blobs`."""
    with servers.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as endpoint:
        servers.client_of(endpoint).create_bucket(Bucket="blobs")
        yield endpoint


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """An empty folder to lay a registry out in."""
    return tmp_path / "registry"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses the S3 server is marked so, wherever it stands."""
    for item in items:
        if "endpoint" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
