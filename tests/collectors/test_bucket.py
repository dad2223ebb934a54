"""Buckets: what real servers list, and every way in which a listing may not be what it seems."""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from threading import Event, get_ident
from unittest.mock import patch

import pytest

from accounting.collectors.places import bucket
from accounting.collectors.places.opening import open_store
from accounting.collectors.places.store import Listing, Store
from accounting.errors import AcctError
from accounting.model import Source
from tests.collectors import stand_in
from tests.collectors.servers import SECRET_KEY, client_of, free_ports
from tests.collectors.stand_in import Answer, common_prefix, entry, error, listing, serving, stored
from tests.support.clock import NOW, PATIENCE_SECONDS, clock_at

LOGIN_PAGE = Answer(b"<html><body><form><p>Sign in</p></form></body></html>")
BROKEN_PAGE = Answer(b"<!doctype html><html><br><p>Sign in</html>")


def store_of(endpoint: str, url: str = "s3://images") -> Store:
    return open_store(Source("images", "distribution", url, endpoint_url=endpoint), Path())


def listed(answers: Sequence[Answer], url: str = "s3://images") -> Listing:
    """The listing at NOW of a server that gives these answers by continuation token: the first without, then 1, 2 …"""
    with serving(lambda query: answers[int(query.get("continuation-token", "0"))]) as endpoint, clock_at(NOW):
        return store_of(endpoint, url).listing(lambda line: None)


def more(token: str, *entries: str) -> Answer:
    return listing(*entries, IsTruncated="true", NextContinuationToken=token)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts instead of eight, so that faults that last do not last long."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)


@pytest.fixture(params=["HTTP/1.1", "HTTP/1.0"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that closes its connection after each answer is left to boto3."""
    monkeypatch.setattr(stand_in, "PROTOCOL", request.param)


both_ways = pytest.mark.usefixtures("way")


def test_lists_pages_of_a_real_server(endpoint: str) -> None:
    client, begun = client_of(endpoint), int(time.time())
    odd = ["a b", "a%2Fb", "a+b", "x&y<z", "é/ü"]
    for key in odd:
        client.put_object(Bucket="blobs", Key=f"odd/{key}", Body=key.encode())
    for number in range(1_010):
        client.put_object(Bucket="blobs", Key=f"odd/many/{number}", Body=b"")
    client.put_object(Bucket="blobs", Key="odd-one-out", Body=b"")
    lines: list[str] = []
    store = store_of(endpoint, "s3://blobs/odd")
    found = store.listing(lines.append)
    assert begun <= found.taken_at <= time.time()
    sizes = dict(found.objects.select("key", "size_bytes").iter_rows())
    assert sizes == {key: len(key.encode()) for key in odd} | {f"many/{number}": 0 for number in range(1_010)}
    assert found.objects["modified_at"].is_between(begun, found.taken_at).all()
    counts = [int(line.removeprefix("images: ").partition(" keys listed, ")[0].replace(",", "")) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] == 1_015
    assert [store.read(key, 100) for key in odd] == [key.encode() for key in odd]


def test_an_empty_prefix_of_a_real_server_is_empty(endpoint: str) -> None:
    assert store_of(endpoint, "s3://blobs/nothing/here/").listing(lambda line: None).objects.is_empty()


@both_ways
def test_what_was_modified_after_the_first_answer_is_left_for_the_next_snapshot() -> None:
    at = [time.strftime("%Y-%m-%dT%H:%M:%S.900Z", time.gmtime(NOW + offset)) for offset in (0, 1)]
    found = listed([more("1", entry("before", modified=at[0])), listing(entry("after", modified=at[1]))])
    assert found.objects.rows() == [("before", 1, NOW, "")]


@both_ways
def test_keys_are_decoded_only_where_the_server_says_that_it_encoded_them() -> None:
    assert listed([listing(entry("a%2Bb+c%252F"))]).objects["key"].to_list() == ["a+b c%2F"]
    assert listed([listing(entry("a%2Bb+c"), EncodingType=None)]).objects["key"].to_list() == ["a%2Bb+c"]


@both_ways
@pytest.mark.parametrize(
    "modified",
    ["-infinity", "infinity", "nan", "1" * 5_000, "1e400", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "12:30",
     "+10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00",
     "2026-10-01T00:00:00+99:99", "1790812800", "", "Thu, 01 Oct 10000 00:00:00 GMT"],
)  # fmt: skip
def test_refuses_what_is_no_instant(modified: str) -> None:
    with pytest.raises(AcctError, match="page 1: has a key without a valid LastModified or size"):
        listed([listing(entry("good"), entry("k", modified=modified))])


@both_ways
@pytest.mark.parametrize(
    "modified",
    [
        "2026-01-02T05:04:05+02:00",
        "2026-01-02T03:04:05.123456789+00:00",
        "2026-01-02T03:04:05",
        "Fri, 02 Jan 2026 03:04:05 GMT",
    ],
)
def test_an_instant_may_be_in_another_form(modified: str) -> None:
    found = listed([listing(entry("usual"), entry("leap", modified="2016-12-31T23:59:60Z"), entry("k", "1", modified))])
    assert found.objects["modified_at"].to_list() == [1_767_323_045, 1_483_228_800, 1_767_323_045]


@both_ways
def test_an_instant_may_be_the_first_of_all() -> None:
    """What Go writes for no instant."""
    assert listed([listing(entry("k", modified="0001-01-01T00:00:00Z"))]).objects["modified_at"][0] == -62_135_596_800


@both_ways
def test_key_count_may_be_missing() -> None:
    assert listed([listing(entry("a"), KeyCount=None)]).objects.height == 1


@both_ways
@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([Answer()], "page 1: is not an S3 listing"),
        ([LOGIN_PAGE], "page 1: is not an S3 listing"),
        ([BROKEN_PAGE], "page 1: is not an S3 listing: the endpoint is not an S3 server"),
        ([Answer(b'{"message": "hello"}')], "page 1: is not an S3 listing: the endpoint is not an S3 server"),
        ([listing(entry(), IsTruncated=None)], "page 1: is not an S3 listing"),
        ([more("1", entry()), Answer()], "page 2: is not an S3 listing"),
        ([listing(entry(), IsTruncated="true")], "page 1: says that more pages follow, but has no token"),
        ([listing(entry(), NextContinuationToken="1")], "page 1: has a token, but says that no more pages follow"),
        ([more("1", entry("a")), more("1", entry("b"))], "page 2: repeats the token of an earlier page"),
        (
            [more("1", entry("a")), more("2", entry("b")), more("1", entry("c"))],
            "page 3: repeats the token of an earlier page",
        ),
        ([listing(entry(), name="other")], "page 1: is a listing of the bucket 'other'"),
        ([listing(entry(), KeyCount="2")], "page 1: has 1 key, but its KeyCount is 2"),
        ([listing(entry("k", size=None))], "page 1, key k: has no valid size"),
        ([listing(entry("k", size="-1"))], "page 1, key k: has no valid size"),
        ([listing(entry("k", size="1e3"))], "page 1: "),
        ([listing(entry("k", size=str(2**63)))], "page 1: has a key without a valid LastModified or size"),
        ([listing(entry("k", modified=None))], "page 1: has a key without a valid LastModified or size"),
        ([listing(entry("k", modified="yesterday"))], "page 1: "),
        ([listing(entry(None))], "page 1: "),
        ([more("1", entry("a")), listing(entry("a"))], "key a: is listed twice"),
        (
            [more("1", entry()), error("InternalError", 500)],
            "page 2: the server answered InternalError.",
        ),
        (
            [more("1", entry()), Answer(listing().body[:-30])],
            "page 2: the server has an error, or its answer is not XML",
        ),
        ([more("1", entry()), Answer(listing().body[:-30], length=9_000)], "page 2: "),
        ([Answer(listing().body, clock=None)], "page 1: has no valid Date header"),
        ([Answer(listing().body, clock=-600)], "page 1: the server's clock and this machine's are 600 sec"),
        ([Answer(listing().body, clock=600)], "page 1: the server's clock and this machine's are 600 sec"),
        ([error("NoSuchBucket", 404)], "there is no such bucket"),
        ([error("AccessDenied", 403)], "these credentials may not read it. Grant them s3:ListBucket"),
        ([Answer(status=403)], "these credentials may not read it"),
        ([error("ExpiredToken", 400)], "the credentials have expired"),
    ],
)
def test_refuses_what_is_no_whole_listing(answers: list[Answer], message: str) -> None:
    with pytest.raises(AcctError) as refused:
        listed(answers)
    assert str(refused.value).startswith("source images, bucket images at http://127.0.0.1:")
    assert message in str(refused.value)
    assert refused.value.hint
    assert SECRET_KEY not in str(refused.value)


@both_ways
def test_refuses_keys_outside_of_the_prefix() -> None:
    with pytest.raises(AcctError, match="page 1, key team/b: does not start with teams/"):
        listed([listing(entry("teams/a"), entry("team/b"))], "s3://images/teams")


def test_a_failure_that_passes_is_tried_again() -> None:
    answers = [error("SlowDown", 503), listing(entry("a"))]
    with serving(lambda query: answers.pop(0)) as endpoint:
        assert store_of(endpoint).listing(lambda line: None).objects.height == 1


@both_ways
def test_a_server_that_dribbles_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "REQUEST_SECONDS", 0.5)
    slow = Answer(listing(entry()).body, pause=0.1)
    with pytest.raises(AcctError, match="page 1: the answer took more than"):
        listed([slow])
    with serving(lambda query: slow) as endpoint, pytest.raises(AcctError, match="key a: the answer took more than"):
        store_of(endpoint).read("a", 1_000)


def test_an_endless_listing_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "LISTING_SECONDS", 0.3)
    count = iter(range(1, 1_000_000))
    with (
        serving(lambda query: more(str(next(count)), entry(f"k{next(count)}"))) as endpoint,
        pytest.raises(AcctError, match="the listing took more than"),
    ):
        store_of(endpoint).listing(lambda line: None)


@both_ways
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "page 1: the server redirects in circles"),  # boto3 asks for the region, and is sent elsewhere for that
        ({"x-amz-bucket-region": "eu-west-1"}, "page 1: the bucket is in another region. Set AWS_REGION"),
    ],
)
def test_a_redirect_loop_is_refused(headers: dict[str, str], message: str) -> None:
    elsewhere = Answer(error("PermanentRedirect", 301).body, 301, headers)
    with pytest.raises(AcctError, match=message):
        listed([elsewhere])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrongsecret", "the secret key is wrong. Set AWS_PROFILE"),
        ("AWS_ACCESS_KEY_ID", "unknown", "the server does not know the access key. Set AWS_PROFILE"),
        ("AWS_ACCESS_KEY_ID", None, "there are no credentials. Set AWS_PROFILE"),
        ("AWS_PROFILE", "nobody", "there is no AWS profile 'nobody'. Add it"),
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
    with pytest.raises(
        AcctError, match=f"bucket nowhere at {endpoint}, page 1: there is no such bucket. Correct the url"
    ):
        store_of(endpoint, "s3://nowhere").listing(lambda line: None)


def test_an_endpoint_that_nobody_listens_on() -> None:
    nobody = f"http://user:{SECRET_KEY}@127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(AcctError, match="no S3 server answers at the endpoint") as refused:
        store_of(nobody).listing(lambda line: None)
    assert SECRET_KEY not in str(refused.value)


def test_an_endpoint_that_is_no_url() -> None:
    with pytest.raises(AcctError, match="bucket images: endpoint_url is not a URL"):
        store_of("not a url")


def test_a_name_that_no_bucket_can_have(endpoint: str) -> None:
    with pytest.raises(AcctError, match="this is not a valid bucket name"):
        store_of(endpoint, "s3://no bucket!").listing(lambda line: None)


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3:images", "file:", "http://images", "images", ""])
def test_a_url_of_another_kind(url: str) -> None:
    with pytest.raises(
        AcctError, match=r"images: the url .* names neither a bucket nor a folder. Write s3://bucket/prefix or file:"
    ):
        store_of("http://127.0.0.1:1", url)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(b"x" * 101), "key a/b: is larger than 100 bytes"),
        (Answer(b"x" * 50, length=60), "key a/b: "),
        (Answer(b"x" * 50, length=None), "key a/b: the answer has no Content-Length"),
        (error("NoSuchKey", 404), "key a/b: the object was deleted after it was listed. Collect again."),
    ],
)
def test_refuses_a_body_that_is_not_the_object(answer: Answer, message: str) -> None:
    with serving(lambda query: answer) as endpoint, pytest.raises(AcctError, match=message):
        store_of(endpoint, "s3://images/a").read("b", 100)


def test_reads_a_body_of_just_the_limit() -> None:
    answer = Answer(b"x" * 100, headers={"Last-Modified": formatdate(usegmt=True)})
    with serving(lambda query: answer) as endpoint:
        assert store_of(endpoint).read("a", 100) == b"x" * 100


def registry_keys(blobs: int, images: int) -> list[str]:
    """Those of a registry in the distribution layout, with names that sort by folder otherwise than by byte."""
    data = [f"docker/registry/v2/blobs/sha256/{n % 256:02x}/{n:064x}/data" for n in range(blobs)]
    names = [f"acme/web{'-' * (n % 2)}{n % 7}" for n in range(images)]
    links = [f"docker/registry/v2/repositories/{name}/_layers/{n}/link" for n, name in enumerate(names)]
    return [*data, *links]


@pytest.mark.parametrize(
    "keys",
    [
        registry_keys(300, 250),
        [f"{n:04x}" for n in range(250)],
        [f"a/{n}" for n in range(250)],
        [f"a/b/c/{n % 3}/{n}" for n in range(250)] + ["a/beside", "a/b/c/beside"],
        [f"{n}/k" for n in range(250)],
        [f"{n}/k" for n in range(550)],
        [f"{n % 40:02}/{n}" for n in range(250)] + ["0beside", "07", "1", "/", "//"],
        [f"a//{n % 50}//{n}" for n in range(150)] + [f"a/{n}/" for n in range(50)],
        [f"ключ {n % 40}+%2F/é{n}" for n in range(150)],
    ],
    ids=["registry", "no folders", "one", "chain", "two pages", "too many pages", "beside", "empty names", "odd names"],
)
@pytest.mark.parametrize("prefix", ["", "docker/registry", "a"])
def test_however_a_bucket_is_split_each_key_stands_once(keys: list[str], prefix: str) -> None:
    below = f"{prefix}/" if prefix else ""
    everything = [*keys, "docker/registries", "a-b"]
    with serving(stored(everything, page_keys=100)) as endpoint:
        found = store_of(endpoint, f"s3://images/{prefix}").listing(lambda line: None)
    wanted = [key.removeprefix(below) for key in everything if key.startswith(below)]
    assert sorted(found.objects["key"]) == sorted(wanted)


def test_a_real_server_that_lists_by_folder_is_split(endpoint: str) -> None:
    client = client_of(endpoint)
    client.create_bucket(Bucket="split")
    keys = [f"r/{n % 3}{'-' * (n % 2)}/{n % 40:02x}/{n}" for n in range(1_200)] + ["r/beside", "r/0-beside"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket="split", Key=key, Body=b"x"), keys))
    for key in keys[:40]:  # emptied folders stay as common prefixes
        client.delete_object(Bucket="split", Key=key)
    for url, below in (("s3://split", ""), ("s3://split/r", "r/"), ("s3://split/r/1-", "r/1-/")):
        store = store_of(endpoint, url)
        wanted = [key.removeprefix(below) for key in keys[40:] if key.startswith(below)]
        assert sorted(store.listing(lambda line: None).objects["key"]) == sorted(wanted)


@pytest.mark.parametrize(("keys", "requests"), [(registry_keys(50, 50), 1), ([f"a/{n}" for n in range(150)], 4)])
def test_small_buckets_are_listed_with_few_requests(keys: list[str], requests: int) -> None:
    queries: list[dict[str, str]] = []
    answers = stored(keys, page_keys=100)

    def answer(query: dict[str, str]) -> Answer:
        queries.append(query)
        return answers(query)

    with serving(answer) as endpoint:
        store_of(endpoint).listing(lambda line: None)
    assert len(queries) == requests


def test_pages_are_asked_for_side_by_side() -> None:
    """None of the prefixes that a listing is split into is answered before eight of them are asked for."""
    answers, prefixes, eight = stored(registry_keys(2_000, 0), page_keys=100), set(), Event()

    def answer(query: dict[str, str]) -> Answer:
        if "/blobs/sha256/" in query.get("prefix", "")[:-1]:
            prefixes.add(query["prefix"])
            if len(prefixes) >= 8:
                eight.set()
            eight.wait(PATIENCE_SECONDS)
        return answers(query)

    threads = set()
    with serving(answer) as endpoint:
        found = store_of(endpoint).listing(lambda line: threads.add(get_ident()))
    assert found.objects.height == 2_000
    assert eight.is_set()
    assert threads == {get_ident()}


def test_the_first_refusal_ends_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """While other answers are still to come, and however long they may take."""
    for name in ("SHORT_SECONDS", "READ_SECONDS", "REQUEST_SECONDS"):
        monkeypatch.setattr(bucket, name, 2 * PATIENCE_SECONDS)
    whole = stored(registry_keys(300, 300), page_keys=100)
    ended, waited_for = Event(), []

    def answer(query: dict[str, str]) -> Answer:
        if query.get("prefix", "").startswith("docker/registry/v2/blobs/sha256/3"):
            return error("AccessDenied", 403)
        if "/blobs/sha256/" in query.get("prefix", "")[:-1] and not ended.wait(PATIENCE_SECONDS):
            waited_for.append(query)
        return whole(query)

    message = "prefix docker/registry/v2/blobs/sha256/3, page 1: these credentials may not read it"
    with serving(answer) as endpoint:
        with pytest.raises(AcctError, match=message):
            store_of(endpoint).listing(lambda line: None)
        ended.set()
    assert waited_for == []


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (listing(common_prefix("b/"), common_prefix("docker")), "folders, page 1: has the common prefix 'docker'"),
        (
            listing(entry("a"), IsTruncated="true", NextContinuationToken="1", KeyCount="3"),
            "folders, page 1: has 1 key, but",
        ),
        (more("1", common_prefix("a/"), common_prefix("b/")), "folders, page 2: repeats the token"),
    ],
)
def test_refuses_folders_that_are_none(folders: Answer, message: str) -> None:
    first = more("1", *(entry(f"c{n}") for n in range(5)))

    def answer(query: dict[str, str]) -> Answer:
        below = listing(entry(f"{query['prefix']}b")) if query.get("prefix") else first
        return folders if "delimiter" in query else below

    with serving(answer) as endpoint, pytest.raises(AcctError, match=re.escape(message)):
        store_of(endpoint).listing(lambda line: None)


@both_ways
def test_refuses_folders_that_were_not_asked_for() -> None:
    with pytest.raises(AcctError, match="page 1: has common prefixes, which were not requested"):
        listed([listing(entry("a"), common_prefix("b/"))])


@both_ways
def test_refuses_a_document_type() -> None:
    dtd = b'<!DOCTYPE ListBucketResult [<!ENTITY a "aaaaaaaaaa">]>'
    body = listing(entry("k&a;")).body
    with pytest.raises(AcctError, match="page 1: is not an S3 listing"):
        listed([Answer(body.replace(b"?>", b"?>" + dtd))])
    with pytest.raises(AcctError, match="page 1: the server has an error, or its answer is not XML"):
        listed([Answer(body)])


@both_ways
def test_refuses_what_is_no_utf_8() -> None:
    with pytest.raises(AcctError, match="page 1: the server has an error, or its answer is not XML"):
        listed([Answer(listing(entry("k")).body.replace(b">k<", b">\xff<"))])


PLAIN_ENTRY = (
    "<Contents><Key>k&amp;1</Key><LastModified>2026-01-02T03:04:05Z</LastModified>"
    "<ETag>&quot;abc&quot;</ETag><Size>7</Size></Contents>"
)


@both_ways
@pytest.mark.parametrize(
    "form",
    [
        lambda xml: xml,
        lambda xml: xml.replace("&quot;", "&#34;"),
        lambda xml: xml.replace("&quot;", '"'),
        lambda xml: xml.replace("&quot;", ""),
        lambda xml: xml.replace("><", ">\n\t<"),
        lambda xml: xml.replace("&amp;", "&#x26;").replace("<Size>", '<Size kind="bytes">'),
        lambda xml: xml.replace("k&amp;1", "<![CDATA[k&1]]>"),
        lambda xml: xml.replace("<Size>", "<!-- <Contents><Key>no</Key></Contents> --><Size>"),
        lambda xml: xml.replace("<Size>", "<Owner><ID>1</ID><DisplayName>a</DisplayName></Owner><Size>"),
        lambda xml: xml.replace("<Size>", "<StorageClass>COLD</StorageClass><Restore/><Size>"),
        lambda xml: re.sub(r"<(/?)(\w)", r"<\1s3:\2", xml).replace("xmlns=", "xmlns:s3="),
        lambda xml: xml.replace(' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ""),
        lambda xml: xml.replace("05Z", "05.999Z"),
        lambda xml: xml.replace("03:04:05Z", "05:04:05+02:00"),
    ],
)
def test_an_object_is_the_same_in_every_form_of_xml(form: Callable[[str], str]) -> None:
    plain = listing(PLAIN_ENTRY, EncodingType=None).body.decode()
    assert listed([Answer(form(plain).encode())]).objects.rows() == [("k&1", 7, 1_767_323_045, "abc")]


def test_what_a_page_takes_to_read_grows_as_the_page_does() -> None:
    """In time of this process, which other processes do not take part in: four times, where the square is sixteen."""

    def seconds(keys: int) -> float:
        begun = time.process_time()
        with pytest.raises(AcctError, match="page 1: the server has an error, or its answer is not XML"):
            listed([listing("<Contents>" + "<Key>k</Key>" * keys)])
        return time.process_time() - begun

    assert seconds(80_000) < 8 * seconds(20_000)


def test_small_objects_are_read_without_boto3(endpoint: str) -> None:
    client = client_of(endpoint)
    odd = ["a b", "a%2Fb", "a+b", "x&y<z", "é/ü", "~!*'()", "a\nb", "empty"]
    for key in odd:
        client.put_object(Bucket="blobs", Key=f"read/{key}", Body=b"" if key == "empty" else key.encode())
    store = store_of(endpoint, "s3://blobs/read")
    assert isinstance(store, bucket.Bucket)
    with patch.object(store.client, "get_object", side_effect=AssertionError), ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda key: store.read(key, 100), odd * 3))
    assert read == [b"" if key == "empty" else key.encode() for key in odd] * 3


def test_the_key_is_asked_for_as_it_is() -> None:
    keys = ["a//b", "/a", "a/", "a/./b", "a/../b", "a%2Fb", "?a=b", "#"]
    with serving(lambda query: Answer(query["path"].encode())) as endpoint:
        store = store_of(endpoint, "s3://images/p")
        assert [store.read(key, 100) for key in keys] == [f"/images/p/{key}".encode() for key in keys]


def test_a_server_without_plain_answers_is_asked_twice_for_its_first_page_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stand_in, "PROTOCOL", "HTTP/1.0")
    tokens: list[str] = []
    answers = stored(["a", "b", "c"], page_keys=1)

    def answer(query: dict[str, str]) -> Answer:
        tokens.append(query.get("continuation-token", "") + query.get("delimiter", ""))
        return answers(query)

    with serving(answer) as endpoint:
        assert store_of(endpoint).listing(lambda line: None).objects.height == 3
    assert tokens == ["", "", "/", "1", "2"]


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    asked: list[str] = []

    def answer(query: dict[str, str]) -> Answer:
        asked.append(query["path"])
        return Answer(b"x", closes=True)

    with serving(answer) as endpoint:
        store = store_of(endpoint)
        assert isinstance(store, bucket.Bucket)
        with patch.object(store.client, "get_object", side_effect=AssertionError):
            assert [store.read(key, 10) for key in "abc"] == [b"x"] * 3
    assert len(asked) == 3


def test_pages_in_chunks_are_whole_or_asked_for_again() -> None:
    page = listing(entry("a")).body
    chunked = {"Transfer-Encoding": "chunked"}
    whole = b"%x\r\n%b\r\n5\r\n\n    \r\n0\r\n\r\n" % (len(page), page)
    odd = [whole[:-5] + b"0\r\nExpires: 1\r\n\r\n", whole[:-5], whole.replace(b"\r\n5\r\n", b"\n5\r\n")]
    with serving(lambda query: Answer(whole, headers=chunked, length=None)) as endpoint:
        store = store_of(endpoint)
        assert isinstance(store, bucket.Bucket)
        with patch.object(store.client, "list_objects_v2", side_effect=AssertionError):
            assert store.listing(lambda line: None).objects["key"].to_list() == ["a"]
    for body in odd:
        answers = [Answer(body, headers=chunked, length=None, closes=True), listing(entry("b"))]
        with serving(lambda query: answers.pop(0)) as endpoint:  # noqa: B023
            assert store_of(endpoint).listing(lambda line: None).objects["key"].to_list() == ["b"]


def test_an_object_elsewhere_is_not_followed() -> None:
    login = {"Location": "/login"}
    with (
        serving(lambda query: LOGIN_PAGE if query["path"] == "/login" else Answer(b"", 302, login)) as endpoint,
        pytest.raises(AcctError, match="key a: the server redirects in circles"),
    ):
        store_of(endpoint).read("a", 1_000)


def test_an_object_that_fails_once_is_asked_for_again() -> None:
    answers = [error("SlowDown", 503), error("InternalError", 500), Answer(b"x")]
    with serving(lambda query: answers.pop(0)) as endpoint:
        assert store_of(endpoint).read("a", 100) == b"x"


def test_a_proxy_is_boto3s_to_talk_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda query: Answer(query["path"].encode())) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        assert store_of("http://elsewhere.invalid").read("a", 100).endswith(b"/images/a")


def test_unfinished_uploads_of_a_real_server(endpoint: str) -> None:
    client, begun = client_of(endpoint), int(time.time())
    odd = ["a b", "é+%2F", "x&y"]
    for key in [*(f"up/{key}" for key in odd), "upper/other", "up/none"]:
        upload = client.create_multipart_upload(Bucket="blobs", Key=key)["UploadId"]
        for part, content in ((1, b"x" * 5 * 2**20), (2, b"end")) if key != "up/none" else ():
            client.upload_part(Bucket="blobs", Key=key, UploadId=upload, PartNumber=part, Body=content)
    store = store_of(endpoint, "s3://blobs/up")
    found = store.unfinished_uploads(lambda line: None)
    assert dict(found.select("key", "size_bytes").iter_rows()) == dict.fromkeys(odd, 5 * 2**20 + 3) | {"none": 0}
    assert found["started_at"].is_between(begun, time.time()).all()
    assert store.listing(lambda line: None).objects.is_empty()


def uploads_page(*uploads: str, **members: str) -> Answer:
    inside = "".join(f"<{member}>{value}</{member}>" for member, value in ({"Bucket": "images"} | members).items())
    entries = (
        f"<Upload><Key>{key}</Key><UploadId>1</UploadId><Initiated>2026-01-02T03:04:05Z</Initiated></Upload>"
        for key in uploads
    )
    return Answer(f"<ListMultipartUploadsResult>{inside}{''.join(entries)}</ListMultipartUploadsResult>".encode())


def parts_page(*sizes: int, **members: str) -> Answer:
    inside = "".join(f"<{member}>{value}</{member}>" for member, value in ({"UploadId": "1"} | members).items())
    entries = "".join(f"<Part><PartNumber>1</PartNumber><Size>{size}</Size></Part>" for size in sizes)
    return Answer(f"<ListPartsResult>{inside}{entries}</ListPartsResult>".encode())


def unfinished(uploads: Callable[[str], Answer], parts: Callable[[str], Answer]) -> dict[str, int]:
    """Key and size of a server's uploads, which answers by key marker and by part marker."""

    def answer(query: dict[str, str]) -> Answer:
        return (
            parts(query.get("part-number-marker", "")) if "uploadId" in query else uploads(query.get("key-marker", ""))
        )

    with serving(answer) as endpoint:
        return dict(store_of(endpoint).unfinished_uploads(lambda line: None).select("key", "size_bytes").iter_rows())


LAST_UPLOADS, LAST_PARTS = uploads_page("b", IsTruncated="false"), parts_page(3, IsTruncated="false")


def test_uploads_and_parts_come_in_pages() -> None:
    uploads = {"": uploads_page("a", IsTruncated="true", NextKeyMarker="a"), "a": LAST_UPLOADS}
    parts = {"": parts_page(2, 5, IsTruncated="true", NextPartNumberMarker="2"), "2": LAST_PARTS}
    assert unfinished(uploads.__getitem__, parts.__getitem__) == {"a": 10, "b": 10}


@pytest.mark.parametrize("initiated", ["-infinity", "infinity", "0000-01-01T00:00:00Z", "1" * 5_000, "yesterday"])
def test_refuses_an_upload_without_an_instant(initiated: str) -> None:
    page = LAST_UPLOADS.body.replace(b"2026-01-02T03:04:05Z", initiated.encode())
    with pytest.raises(AcctError, match="uploads, page 1: the answer cannot be read"):
        unfinished(lambda _: Answer(page), lambda _: LAST_PARTS)


def test_an_upload_that_ends_meanwhile_is_none() -> None:
    assert unfinished(lambda _: LAST_UPLOADS, lambda _: error("NoSuchUpload", 404)) == {}


@pytest.mark.parametrize(
    ("uploads", "parts", "message"),
    [
        (Answer(), LAST_PARTS, "uploads, page 1: is not a list of this bucket's uploads"),
        (LOGIN_PAGE, LAST_PARTS, "uploads, page 1: is not a list of this bucket's uploads"),
        (uploads_page("b"), LAST_PARTS, "uploads, page 1: is not a list of this bucket's uploads"),
        (uploads_page(IsTruncated="false", Bucket="other"), LAST_PARTS, "uploads, page 1: is not a list of this"),
        (Answer(b"<!DOCTYPE a>" + LAST_UPLOADS.body), LAST_PARTS, "uploads, page 1: is not a list of this"),
        (uploads_page("b", IsTruncated="true"), LAST_PARTS, "uploads, page 1: says that more pages follow"),
        (
            uploads_page("b", IsTruncated="true", NextKeyMarker="b"),
            LAST_PARTS,
            "uploads, page 2: says that more pages follow",
        ),
        (error("AccessDenied", 403), LAST_PARTS, "uploads, page 1: these credentials may not"),
        (LAST_UPLOADS, Answer(), "upload of b: the answer is not a list of its parts"),
        (
            LAST_UPLOADS,
            parts_page(1, IsTruncated="false", UploadId="2"),
            "upload of b: the answer is not a list of its parts",
        ),
        (LAST_UPLOADS, parts_page(-1, IsTruncated="false"), "upload of b: has a part without a valid size"),
        (LAST_UPLOADS, parts_page(1, IsTruncated="true"), "upload of b: says that more parts follow"),
        (
            LAST_UPLOADS,
            parts_page(1, IsTruncated="true", NextPartNumberMarker="1"),
            "upload of b: says that more parts follow",
        ),
    ],
)
def test_refuses_what_is_no_whole_list_of_uploads(uploads: Answer, parts: Answer, message: str) -> None:
    with pytest.raises(AcctError, match=message):
        unfinished(lambda _: uploads, lambda _: parts)
