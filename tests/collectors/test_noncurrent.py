"""Noncurrent versions: stored, and in no listing. On a real server, and on a stand-in for what that does not do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from accounting.collectors.places.opening import open_store
from accounting.collectors.places.store import Noncurrent
from accounting.errors import AcctError
from accounting.model import Source
from tests.collectors.servers import client_of
from tests.collectors.stand_in import Answer, error, listing, serving
from tests.support.cli_runner import run_today

VERSIONED = Answer(b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>")
UNVERSIONED = Answer(b"<VersioningConfiguration/>")
UPLOADS = Answer(
    b"<ListMultipartUploadsResult><Bucket>images</Bucket><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
)
DENIED = error("AccessDenied", 403)


def noncurrent(endpoint: str, url: str = "s3://images") -> Noncurrent | None:
    store = open_store(Source("images", "distribution", url, endpoint_url=endpoint), Path())
    return store.noncurrent_versions(lambda line: None)


def page(*members: str, **others: str) -> Answer:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in ({"Name": "images"} | others).items())
    return Answer(f"<ListVersionsResult>{inside}{''.join(members)}</ListVersionsResult>".encode())


def version(key: str, size: int | str, is_latest: str = "false") -> str:
    return f"<Version><Key>{key}</Key><Size>{size}</Size><IsLatest>{is_latest}</IsLatest></Version>"


def answering(versions: Callable[[str], Answer], versioning: Answer = VERSIONED) -> Callable[[dict[str, str]], Answer]:
    """A server that answers by the key marker that it is given, and whose bucket is empty."""

    def answer(query: dict[str, str]) -> Answer:
        if "versioning" in query:
            return versioning
        if "versions" in query:
            return versions(query.get("key-marker", ""))
        return UPLOADS if "uploads" in query else listing()

    return answer


def found(versions: Callable[[str], Answer], versioning: Answer = VERSIONED, url: str = "s3://images"
          ) -> Noncurrent | None:  # fmt: skip
    with serving(answering(versions, versioning)) as endpoint:
        return noncurrent(endpoint, url)


def test_of_a_real_server(endpoint: str, tmp_path: Path) -> None:
    client = client_of(endpoint)
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="npm/web/before.txt", Body=b"never overwritten")
    assert noncurrent(endpoint, "s3://kept/npm") == (0, 0)
    client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"22", b"333"):
        client.put_object(Bucket="kept", Key="npm/web/package.json", Body=content)
    for key in ("npm/web/web-1.0.0.tgz", "npm-old/other.tgz", "npm/odd é+%2F/x"):
        client.put_object(Bucket="kept", Key=key, Body=b"deleted later")
        client.delete_object(Bucket="kept", Key=key)
    # Two packuments that were overwritten; of each key that was deleted its version and the marker.
    assert noncurrent(endpoint, "s3://kept/npm") == (2 + 2 * 2, 1 + 2 + 2 * 13)
    lines = ["[[source]]", 'name = "npm"', 'layout = "verdaccio"', 'url = "s3://kept/npm"', 'workspace = "acme"']
    (tmp_path / "acct.toml").write_text("\n".join([*lines, f'endpoint_url = "{endpoint}"']))
    ended = run_today("reconcile", "--format", "json", cwd=tmp_path)
    assert (ended.exit_code, ended.stderr) == (0, "")
    (source,) = json.loads(ended.stdout)["sources"]
    assert source["parts"]["noncurrent"] == {"objects": 6, "bytes": 29}
    assert source["listed"]["bytes"] == sum(part["bytes"] for part in source["parts"].values()) == 29 + 17 + 3
    assert "noncurrent" in run_today("reconcile", cwd=tmp_path).stdout


def test_versions_come_in_pages() -> None:
    marker = "<DeleteMarker><Key>b</Key><IsLatest>true</IsLatest></DeleteMarker>"
    pages = {
        "": page(version("a", 5, "true"), version("a", 7), IsTruncated="true", NextKeyMarker="a"),
        "a": page(marker, version("b", 11), IsTruncated="false"),
    }
    assert found(pages.__getitem__) == (3, 18)


@pytest.mark.parametrize("denied", [DENIED, error("NotImplemented", 501), Answer(b"", 405)])
def test_who_may_not_list_them_gets_a_note(denied: Answer, tmp_path: Path) -> None:
    lines = ["[[source]]", 'name = "images"', 'layout = "distribution"', 'url = "s3://images"']
    with serving(answering(lambda _: denied, DENIED)) as endpoint:
        assert noncurrent(endpoint) is None
        (tmp_path / "acct.toml").write_text("\n".join([*lines, f'endpoint_url = "{endpoint}"']))
        ended = run_today("reconcile", "--format", "json", cwd=tmp_path)
    assert ended.exit_code == 0
    assert "images: the noncurrent versions of its objects are not included," in ended.stderr
    assert "Grant s3:ListBucketVersions" in ended.stderr
    (source,) = json.loads(ended.stdout)["sources"]
    assert "noncurrent" not in source["parts"]


def test_a_bucket_without_versioning_is_not_listed_again() -> None:
    assert found(lambda _: page(version("a", 5), IsTruncated="false"), UNVERSIONED) == (0, 0)
    # Who may not ask for that is given the list.
    assert found(lambda _: page(version("a", 5), IsTruncated="false"), DENIED) == (1, 5)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(), "versions, page 1: is not a list of this bucket's versions"),
        (Answer(b"<html>sign in</html>"), "versions, page 1: is not a list of this bucket's versions"),
        (page(version("a", 1)), "versions, page 1: is not a list of this bucket's versions"),
        (page(IsTruncated="false", Name="other"), "versions, page 1: is not a list of this bucket's versions"),
        (Answer(b"<!DOCTYPE a>" + page(IsTruncated="false").body), "versions, page 1: is not a list of this bucket's"),
        (page(IsTruncated="true"), "versions, page 1: says that more pages follow"),
        (page(IsTruncated="true", NextKeyMarker="b"), "versions, page 2: says that more pages follow"),
        (page(version("a", -1), IsTruncated="false"), "versions, page 1: has a version without a valid size"),
        (page("<Version><Key>a</Key></Version>", IsTruncated="false"), "has a version without a valid size"),
        (page(version("a", "many"), IsTruncated="false"), "the answer cannot be read"),
        (error("NoSuchBucket", 404), "there is no such bucket"),
    ],
)
def test_refuses_what_is_no_whole_list(answer: Answer, message: str) -> None:
    with pytest.raises(AcctError, match=message):
        found(lambda _: answer)


def test_a_version_of_another_prefix_is_refused() -> None:
    with pytest.raises(AcctError, match="key a: does not start with docker/"):
        found(lambda _: page(version("a", 1), IsTruncated="false"), url="s3://images/docker")
