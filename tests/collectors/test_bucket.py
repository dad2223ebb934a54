"""Buckets: what real servers list, and every way in which a listing may not be what it seems."""

import time
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path

import pytest

from accounting.collectors import bucket
from accounting.collectors.places import open_store
from accounting.collectors.store import Listing, Store
from accounting.errors import AcctError
from accounting.model import Source
from tests.collectors.servers import SECRET_KEY, client_of, free_ports
from tests.collectors.stand_in import Answer, entry, error, listing, serving

LOGIN_PAGE = Answer(b"<html><body><form><p>Sign in</p></form></body></html>")
BROKEN_PAGE = Answer(b"<!doctype html><html><br><p>Sign in</html>")


def store_of(endpoint: str, url: str = "s3://images") -> Store:
    return open_store(Source("images", "distribution", url, endpoint_url=endpoint), Path())


def listed(answers: Sequence[Answer], url: str = "s3://images") -> Listing:
    """The listing of a server that gives these answers by continuation token: the first without, then 1, 2 …"""
    with serving(lambda query: answers[int(query.get("continuation-token", "0"))]) as endpoint:
        return store_of(endpoint, url).listing(lambda line: None)


def more(token: str, *entries: str) -> Answer:
    return listing(*entries, IsTruncated="true", NextContinuationToken=token)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts instead of eight, so that faults that last do not last long."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)


def test_lists_pages_of_a_real_server(endpoint: str) -> None:
    client = client_of(endpoint)
    odd = ["a b", "a%2Fb", "a+b", "x&y<z", "é/ü"]
    for key in odd:
        client.put_object(Bucket="blobs", Key=f"odd/{key}", Body=key.encode())
    for number in range(1_010):
        client.put_object(Bucket="blobs", Key=f"odd/many/{number}", Body=b"")
    client.put_object(Bucket="blobs", Key="odd-one-out", Body=b"")
    lines: list[str] = []
    store = store_of(endpoint, "s3://blobs/odd")
    found = store.listing(lines.append)
    assert abs(found.taken_at - time.time()) < 10
    sizes = dict(found.objects.select("key", "size_bytes").iter_rows())
    assert sizes == {key: len(key.encode()) for key in odd} | {f"many/{number}": 0 for number in range(1_010)}
    assert found.objects["modified_at"].is_between(found.taken_at - 60, found.taken_at).all()
    counts = [int(line.removeprefix("images: ").partition(" keys listed, ")[0].replace(",", "")) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] == 1_015
    assert [store.read(key, 100) for key in odd] == [key.encode() for key in odd]


def test_an_empty_prefix_of_a_real_server_is_empty(endpoint: str) -> None:
    assert store_of(endpoint, "s3://blobs/nothing/here/").listing(lambda line: None).objects.is_empty()


def test_what_was_modified_after_the_first_answer_is_left_for_the_next_snapshot() -> None:
    now = time.time()
    at = [time.strftime("%Y-%m-%dT%H:%M:%S.900Z", time.gmtime(now + offset)) for offset in (-60, 60)]
    found = listed([more("1", entry("before", modified=at[0])), listing(entry("after", modified=at[1]))])
    assert found.objects.rows() == [("before", 1, int(now) - 60, "")]


def test_keys_are_decoded_only_where_the_server_says_that_it_encoded_them() -> None:
    assert listed([listing(entry("a%2Bb+c%252F"))]).objects["key"].to_list() == ["a+b c%2F"]
    assert listed([listing(entry("a%2Bb+c"), EncodingType=None)]).objects["key"].to_list() == ["a%2Bb+c"]


def test_key_count_may_be_missing() -> None:
    assert listed([listing(entry("a"), KeyCount=None)]).objects.height == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([Answer()], "page 1: is no S3 listing"),
        ([LOGIN_PAGE], "page 1: is no S3 listing"),
        ([BROKEN_PAGE], "page 1: the server fails, or what it sends is no XML"),
        ([listing(entry(), IsTruncated=None)], "page 1: is no S3 listing"),
        ([more("1", entry()), Answer()], "page 2: is no S3 listing"),
        ([listing(entry(), IsTruncated="true")], "page 1: says that more follows, without a token"),
        ([listing(entry(), NextContinuationToken="1")], "page 1: has a token, and says that no more follows"),
        ([more("1", entry("a")), more("1", entry("b"))], "page 2: repeats the token of an earlier page"),
        (
            [more("1", entry("a")), more("2", entry("b")), more("1", entry("c"))],
            "page 3: repeats the token of an earlier page",
        ),
        ([listing(entry(), name="other")], "page 1: is a listing of the bucket 'other'"),
        ([listing(entry(), KeyCount="2")], "page 1: has 1 keys and counts 2"),
        ([listing(entry("k", size=None))], "page 1, key k: has no size of 0 bytes or more"),
        ([listing(entry("k", size="-1"))], "page 1, key k: has no size of 0 bytes or more"),
        ([listing(entry("k", size="1e3"))], "page 1: "),
        ([listing(entry("k", size=str(2**63)))], "page 1: has a key without its LastModified, or a size"),
        ([listing(entry("k", modified=None))], "page 1: has a key without its LastModified, or a size"),
        ([listing(entry("k", modified="yesterday"))], "page 1: "),
        ([listing(entry(None))], "page 1: "),
        ([more("1", entry("a")), listing(entry("a"))], "key a: is listed twice"),
        (
            [more("1", entry()), error("InternalError", 500)],
            "page 2: the server answered InternalError;",
        ),
        ([more("1", entry()), Answer(listing().body[:-30])], "page 2: the server fails, or what it sends is no XML"),
        ([more("1", entry()), Answer(listing().body[:-30], length=9_000)], "page 2: "),
        ([Answer(listing().body, clock=None)], "page 1: has no Date header"),
        ([Answer(listing().body, clock=-600)], "page 1: the server's clock and this machine's are 60"),
        ([Answer(listing().body, clock=600)], "page 1: the server's clock and this machine's are"),
        ([error("NoSuchBucket", 404)], "there is no such bucket"),
        ([error("AccessDenied", 403)], "these credentials may not read it; grant them s3:ListBucket"),
        ([Answer(status=403)], "these credentials may not read it"),
        ([error("ExpiredToken", 400)], "the credentials have expired"),
    ],
)
def test_refuses_what_is_no_whole_listing(answers: list[Answer], message: str) -> None:
    with pytest.raises(AcctError) as refused:
        listed(answers)
    assert str(refused.value).startswith("source images, bucket images, ")
    assert message in str(refused.value)
    assert refused.value.todo
    assert SECRET_KEY not in str(refused.value)


def test_refuses_keys_outside_of_the_prefix() -> None:
    with pytest.raises(AcctError, match="page 1, key team/b: does not start with teams/"):
        listed([listing(entry("teams/a"), entry("team/b"))], "s3://images/teams")


def test_a_failure_that_passes_is_tried_again() -> None:
    answers = [error("SlowDown", 503), listing(entry("a"))]
    with serving(lambda query: answers.pop(0)) as endpoint:
        assert store_of(endpoint).listing(lambda line: None).objects.height == 1


def test_a_server_that_dribbles_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "REQUEST_SECONDS", 0.5)
    slow = Answer(listing(entry()).body, pause=0.1)
    with pytest.raises(AcctError, match="page 1: the answer takes more than"):
        listed([slow])
    with serving(lambda query: slow) as endpoint, pytest.raises(AcctError, match="key a: the answer takes more than"):
        store_of(endpoint).read("a", 1_000)


def test_an_endless_listing_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "LISTING_SECONDS", 0.3)
    count = iter(range(1, 1_000_000))
    with (
        serving(lambda query: more(str(next(count)), entry(f"k{next(count)}"))) as endpoint,
        pytest.raises(AcctError, match="the listing takes more than"),
    ):
        store_of(endpoint).listing(lambda line: None)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "page 1: the server redirects in circles"),  # boto3 asks for the region, and is sent elsewhere for that
        ({"x-amz-bucket-region": "eu-west-1"}, "page 1: the bucket is in another region; set AWS_REGION"),
    ],
)
def test_a_redirect_loop_is_refused(headers: dict[str, str], message: str) -> None:
    elsewhere = Answer(error("PermanentRedirect", 301).body, 301, headers)
    with pytest.raises(AcctError, match=message):
        listed([elsewhere])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrongsecret", "the secret key is wrong; set AWS_PROFILE"),
        ("AWS_ACCESS_KEY_ID", "unknown", "the server does not know the access key; set AWS_PROFILE"),
        ("AWS_ACCESS_KEY_ID", None, "there are no credentials; set AWS_PROFILE"),
        ("AWS_PROFILE", "nobody", "AWS_PROFILE or the configuration file of AWS cannot be read"),
    ],
)
def test_refused_credentials(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, message: str
) -> None:
    if value is None:
        monkeypatch.delenv(name)
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(AcctError, match=message) as refused:
        store_of(endpoint, "s3://blobs").listing(lambda line: None)
    assert "secret" not in str(refused.value).replace("secret key is wrong", "").replace("AWS_SECRET", "").lower()


def test_a_bucket_that_is_not_there(endpoint: str) -> None:
    with pytest.raises(AcctError, match="bucket nowhere, page 1: there is no such bucket; mend the url"):
        store_of(endpoint, "s3://nowhere").listing(lambda line: None)


def test_an_endpoint_that_nobody_listens_on() -> None:
    nobody = f"http://user:{SECRET_KEY}@127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(AcctError, match="the endpoint does not answer as it should") as refused:
        store_of(nobody).listing(lambda line: None)
    assert SECRET_KEY not in str(refused.value)


def test_an_endpoint_that_is_no_url() -> None:
    with pytest.raises(AcctError, match="bucket images: endpoint_url is no URL"):
        store_of("not a url")


def test_a_name_that_no_bucket_can_have(endpoint: str) -> None:
    with pytest.raises(AcctError, match="this is no name of a bucket"):
        store_of(endpoint, "s3://no bucket!").listing(lambda line: None)


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3:images", "file:", "http://images", "images", ""])
def test_a_url_of_another_kind(url: str) -> None:
    with pytest.raises(AcctError, match=r"images: the url .* is unknown; write s3://bucket/prefix or file:"):
        store_of("http://127.0.0.1:1", url)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(b"x" * 101), "key a/b: is larger than 100 bytes"),
        (Answer(b"x" * 50, length=60), "key a/b: "),
        (Answer(b"x" * 50, length=None), "key a/b: comes without a Content-Length"),
        (error("NoSuchKey", 404), "key a/b: the object is gone since it was listed; collect again"),
    ],
)
def test_refuses_a_body_that_is_not_the_object(answer: Answer, message: str) -> None:
    with serving(lambda query: answer) as endpoint, pytest.raises(AcctError, match=message):
        store_of(endpoint, "s3://images/a").read("b", 100)


def test_reads_a_body_of_just_the_limit() -> None:
    answer = Answer(b"x" * 100, headers={"Last-Modified": formatdate(usegmt=True)})
    with serving(lambda query: answer) as endpoint:
        assert store_of(endpoint).read("a", 100) == b"x" * 100
