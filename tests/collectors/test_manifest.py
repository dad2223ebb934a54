"""What manifests name: as docker-registry reads them, whatever their JSON is like."""

import json
import random
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from accounting.collectors.layouts import go_json
from accounting.collectors.layouts.manifest import Content, parse_manifest
from tests.collectors import servers
from tests.collectors.layouts import StoredRegistry

ONE, TWO, THREE = (servers.digest_of(content) for content in (b"one.", b"two.", b"three"))
NAMES = {ONE: "one", TWO: "two", THREE: "three"}
IMAGE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
NO_UTF_8 = b'{"schemaVersion": 2, "x": "\xff\xfe", "config": CONFIG, "layers": []}'

# By what it shows: a manifest, with the digests that it names. CONFIG, LAYER and OTHER stand for descriptors.
SERVED: dict[str, tuple[str | bytes, str]] = {
    "plain": ('{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}', "one two"),
    "names in any case": ('{"SCHEMAVERSION": 2, "Config": CONFIG, "LAYERS": [LAYER]}', "one two"),
    "digest in any case": ('{"schemaVersion": 2, "config": {"DIGEST": "ONE"}, "layers": []}', "one"),
    "the later of two": ('{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], "Layers": [OTHER]}', "one three"),
    "the later again": ('{"schemaVersion": 2, "config": CONFIG, "Layers": [LAYER], "layers": [OTHER]}', "one three"),
    "the long s": ('{"schemaVersion": 2, "config": CONFIG, "layer\u017f": [LAYER]}', "one two"),
    "the dotless i": ('{"schemaVersion": 2, "conf\u0131g": CONFIG, "layers": [LAYER]}', "two"),
    "an escaped name": ('{"schemaVersion": 2, "\\u0063onfig": CONFIG, "layers": []}', "one"),
    "the later keeps what it does not say": (
        '{"schemaVersion": 2, "config": CONFIG, "config": {"size": 1}, "layers": [LAYER], "layers": [{"size": 1}]}',
        "one two",
    ),
    "also beyond a shorter list": (
        '{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER, OTHER], "layers": [{}], "layers": [{}, {}]}',
        "one two three",
    ),
    "not after an empty list": ('{"schemaVersion": 2, "layers": [LAYER], "layers": [], "layers": [{}]}', ""),
    "null empties a list": ('{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], "layers": null}', "one"),
    "and nothing else": ('{"schemaVersion": 2, "config": CONFIG, "config": null, "layers": [null, LAYER]}', "one two"),
    "a digest of null": ('{"schemaVersion": 2, "config": {"digest": "ONE", "digest": null}, "layers": []}', "one"),
    "long numbers": ('{"schemaVersion": 2, "x": %s, "config": CONFIG, "layers": []}' % ("9" * 5_000), "one"),
    "negative sizes": ('{"schemaVersion": 2, "config": {"digest": "ONE", "size": -4}, "layers": []}', "one"),
    "no digest": ('{"schemaVersion": 2, "config": {}, "layers": [LAYER]}', "two"),
    "nothing": ('{"schemaVersion": 2}', ""),
    "members tell an index": (
        '{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], "manifests": [OTHER]}',
        "three",
    ),
    "also an empty one": ('{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], "manifests": []}', ""),
    "null tells none": ('{"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], "manifests": null}', "one two"),
    "an image by its type": (
        f'{{"schemaVersion": 2, "mediaType": "{IMAGE}", "config": CONFIG, "layers": [LAYER], "manifests": [OTHER]}}',
        "one two",
    ),
    "a Docker image by its type": (
        f'{{"schemaVersion": 2, "mediaType": "{DOCKER_IMAGE}", "config": CONFIG, "manifests": [OTHER]}}',
        "one",
    ),
    "an index by its type": (
        f'{{"schemaVersion": 2, "mediaType": "{INDEX}", "config": CONFIG, "manifests": [OTHER]}}',
        "three",
    ),
    "a Docker list by its type": (
        f'{{"schemaVersion": 2, "mediaType": "{DOCKER_LIST}", "layers": 7, "manifests": [OTHER]}}',
        "three",
    ),
    "nested 10,000 deep": (
        '{{"schemaVersion": 2, "x": {}{}, "config": CONFIG, "layers": []}}'.format("[" * 9_999, "]" * 9_999),
        "one",
    ),
    "half a surrogate": ('{"schemaVersion": 2, "x": "\\ud800", "config": CONFIG, "layers": []}', "one"),
    "no UTF-8": (NO_UTF_8, "one"),
    "schema 1": (
        '{"schemaVersion": 1, "name": "a/b", "tag": "1", "FSLayers": [{"blobsum": "ONE"}, {"blobSum": "TWO"}],'
        ' "history": [{"v1Compatibility": "{}"}]}',
        "one two",
    ),
}
NO_JSON, OTHER_KIND = "is not JSON that the registry can read", "has a member whose type is not that of a manifest"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "nothing": (b"", NO_JSON),
    "a mark before it": ('\ufeff{"schemaVersion": 2}', NO_JSON),
    "more behind it": ('{"schemaVersion": 2} x', NO_JSON),
    "NaN": ('{"schemaVersion": 2, "x": NaN}', NO_JSON),
    "a tab in a text": ('{"schemaVersion": 2, "x": "\t"}', NO_JSON),
    "no UTF-8 between": (b'{"schemaVersion": 2, \xff"x": 1}', NO_JSON),
    "too deep": ('{{"schemaVersion": 2, "x": {}{}}}'.format("[" * 10_000, "]" * 10_000), NO_JSON),
    "far too deep": ('{"schemaVersion": 2, "x": ' + "[" * 200_000, NO_JSON),
    "a list": ("[]", OTHER_KIND),
    "a text": ('"x"', OTHER_KIND),
    "null": ("null", "is not a JSON object"),
    "a digest that is a number": ('{"schemaVersion": 2, "config": {"digest": 7}}', OTHER_KIND),
    "a size that is a text": ('{"schemaVersion": 2, "config": {"size": "4"}}', OTHER_KIND),
    "a size that is no whole number": ('{"schemaVersion": 2, "config": {"size": 4.0}}', OTHER_KIND),
    "a size with an exponent": ('{"schemaVersion": 2, "config": {"size": 4e0}}', OTHER_KIND),
    "a size beyond 64 bits": ('{"schemaVersion": 2, "config": {"size": 9223372036854775808}}', OTHER_KIND),
    "a long size": ('{"schemaVersion": 2, "config": {"size": %s}}' % ("9" * 5_000), OTHER_KIND),
    "layers that are an object": ('{"schemaVersion": 2, "layers": {}}', OTHER_KIND),
    "layers that are texts": ('{"schemaVersion": 2, "layers": ["x"]}', OTHER_KIND),
    "a version that is a text": ('{"schemaVersion": "2", "layers": []}', OTHER_KIND),
}


def written(manifest: str | bytes) -> bytes:
    body = manifest if isinstance(manifest, bytes) else manifest.encode()
    for word, digest, size_bytes in (("CONFIG", ONE, 4), ("LAYER", TWO, 4), ("OTHER", THREE, 5)):
        body = body.replace(f"{word},".encode(), b'{"digest": "%s", "size": %d},' % (digest.encode(), size_bytes))
        body = body.replace(f"{word}]".encode(), b'{"digest": "%s", "size": %d}]' % (digest.encode(), size_bytes))
    return body.replace(b'"ONE"', f'"{ONE}"'.encode()).replace(b'"TWO"', f'"{TWO}"'.encode())


def names(content: Content) -> str:
    return " ".join(dict.fromkeys(NAMES[digest] for digest, _ in (*content.blobs, *content.children)))


@pytest.mark.parametrize("case", SERVED)
def test_what_a_manifest_names(case: str) -> None:
    manifest, named = SERVED[case]
    assert names(parse_manifest(written(manifest))) == named


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_registry_reads(case: str) -> None:
    manifest, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_manifest(written(manifest))


@pytest.mark.servers
def test_the_registry_reads_them_alike(tmp_path: Path) -> None:
    stored = StoredRegistry(tmp_path / "registry")
    for content in (b"one.", b"two.", b"three"):
        stored.blob(content)
    served = {f"served/{n}": case for n, case in enumerate(SERVED)}
    refused = {f"refused/{n}": case for n, case in enumerate(REFUSED)}
    with servers.registry(tmp_path, {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}) as registry:
        for image, case in (served | refused).items():
            stored.push(image, written(SERVED[case][0] if image in served else REFUSED[case][0]), ["1"])
            stored.write(f"repositories/{image}/_layers/x", b"")  # without it no garbage collection looks at the image
        answers = {image: status(registry.address, image) for image in served | refused}
        assert answers == dict.fromkeys(served, 200) | dict.fromkeys(refused, 500)
        for image in refused:
            (stored.top / f"repositories/{image}/_layers/x").unlink()
            (stored.top / f"repositories/{image}/_layers").rmdir()
        kept = kept_by_garbage_collection(registry)
    assert {case: kept.get(image, "") for image, case in served.items()} == {
        c: named for c, (_, named) in SERVED.items()
    }


def status(address: str, image: str) -> int:
    accepted = ", ".join([IMAGE, INDEX, DOCKER_IMAGE, DOCKER_LIST])
    try:
        with urlopen(Request(f"http://{address}/v2/{image}/manifests/1", headers={"Accept": accepted})) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def kept_by_garbage_collection(registry: servers.Registry) -> dict[str, str]:
    """The names of the blobs that each image's manifest names, by what the registry's garbage collection would keep."""
    said = servers.run([servers.program("docker-registry"), "garbage-collect", "--dry-run", str(registry.config)])
    kept: dict[str, list[str]] = {}
    for line in said.splitlines():
        image, _, digest = line.partition(": marking blob ")
        if digest in NAMES:
            kept.setdefault(image, []).append(NAMES[digest])
    return {image: " ".join(dict.fromkeys(names)) for image, names in kept.items()}


@pytest.mark.parametrize(
    ("manifest", "named", "unknown"),
    [
        ('{"config": CONFIG, "layers": [LAYER]}', "one two", None),
        ('{"blobs": [LAYER], "subject": "none"}', "two", None),
        ('{"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": [LAYER]}', "two", None),
        ("{}", "", "has no known member"),
        ('{"schemaVersion": 3, "layers": [LAYER]}', "", "has the unknown schema version 3"),
        (
            '{"schemaVersion": 2, "mediaType": "application/x", "layers": [LAYER]}',
            "",
            "has the unknown media type application/x",
        ),
        ('{"mediaType": "\\ud800\\ud83d\\ude00"}', "", "has the unknown media type \ufffd\U0001f600"),
        (
            '{"config": {"digest": "sha256:A"}, "layers": [LAYER]}',
            "two",
            "names content by sha256:A, which is not a sha256 or sha512 digest",
        ),
        (f'{{"layers": [{{"digest": "{ONE}\\n"}}, OTHER]}}', "three", None),
    ],
)
def test_manifests_of_other_registries(manifest: str, named: str, unknown: str | None) -> None:
    content = parse_manifest(written(manifest))
    assert names(content) == named
    assert content.unknown == unknown or (unknown is None and "which is not a sha256" in str(content.unknown))


def test_sizes_are_kept_as_they_are_stated() -> None:
    content = parse_manifest(
        b'{"config": {"digest": "%b", "Size": 7}, "layers": [{"digest": "%b"}, {"digest": "%b", "size": 8}],'
        b' "layers": [{}, {"size": -0}, {"digest": "%b", "size": 7}]}'
        % tuple(d.encode() for d in (ONE, TWO, THREE, ONE))
    )
    assert content.blobs == [(ONE, 7), (TWO, None), (THREE, 0)]


def test_deep_json_is_read_like_other_json() -> None:
    """What is nested deeper than Python's own parser goes is taken apart by another one."""
    chance = random.Random(7)
    texts = ["".join(chance.choice('[]{}:,"a1 ') for _ in range(chance.randint(1, 9))) for _ in range(20_000)]
    texts += [
        '{"a": {"b": [1, {"c": []}, "x\\u0041", null]}, "a": -1.5e3}',
        "[01]",
        "[NaN]",
        '["\t"]',
        "\u00a0[]",
        "[1]]",
    ]
    for text in texts:
        assert result(go_json._plain, text) == result(lambda text: go_json._nested(text, None), text), text
    deep = go_json.parse(b'{"a": %b%b, "b": [{"c": 1}]}' % (b"[" * 5_000, b"]" * 5_000))
    assert isinstance(deep, go_json.Members)
    assert deep[1] == ("b", [[("c", "1")]])


def result(parse: object, text: str) -> object:
    assert callable(parse)
    try:
        return json.dumps(parse(text))
    except ValueError:
        return ValueError
