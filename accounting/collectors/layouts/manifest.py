"""What a manifest of a container image names.

OCI image manifests, indexes and artifact manifests; Docker manifests of schema 1 and 2 and manifest lists. `mediaType`
is optional; without it the members decide, as in the registry itself (registry/storage/manifeststore.go).
"""

import re
from typing import NamedTuple

from accounting.collectors.layouts.go_json import Kind, parse, read

# OCI image-spec, "Digests": the registered algorithms.
DIGEST = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"

_DESCRIPTOR: Kind = {"digest": str, "size": int, "mediatype": str}
_KINDS: dict[str, Kind] = {
    "image": {"config": _DESCRIPTOR, "layers": [_DESCRIPTOR]},
    "index": {"manifests": [_DESCRIPTOR]},
    "artifact": {"blobs": [_DESCRIPTOR]},
    "schema 1": {"fslayers": [{"blobsum": str}]},
}
_BY_MEDIA_TYPE = {
    "application/vnd.oci.image.manifest.v1+json": "image",
    "application/vnd.docker.distribution.manifest.v2+json": "image",
    "application/vnd.oci.image.index.v1+json": "index",
    "application/vnd.docker.distribution.manifest.list.v2+json": "index",
    "application/vnd.oci.artifact.manifest.v1+json": "artifact",
    "application/vnd.cncf.oras.artifact.manifest.v1+json": "artifact",
}
_SHOWN_LETTERS = 100
_IS_DIGEST = re.compile(DIGEST).fullmatch


class Content(NamedTuple):
    """The blobs that a manifest names and the manifests that an index lists, each once per size that is stated for it
    (None: no size); and `subject`, the manifest that it refers to.

    `unknown` says why its content is not known, or not completely; else it is None.
    """

    blobs: list[tuple[str, int | None]]
    children: list[tuple[str, int | None]]
    subject: str | None
    unknown: str | None = None


def parse_manifest(body: bytes) -> Content:
    """Raises ValueError, which says what is wrong, if the registry cannot read it.

    A `subject` is a weak reference and is not followed (OCI image-spec, "Image Manifest"). An invalid one is ignored,
    as by registries that do not know the member.
    """
    try:
        manifest = parse(body)
    except ValueError as error:
        raise ValueError("is not JSON that the registry can read") from error
    head = read(manifest, {"schemaversion": int, "mediatype": str})
    if not isinstance(head, dict):
        raise ValueError("is not a JSON object")
    subject = _subject(manifest)
    version, media_type = head.get("schemaversion", 2), head.get("mediatype", "")
    if version not in (1, 2):
        return Content([], [], subject, f"has the unknown schema version {version}")
    kind = "schema 1" if version == 1 else _BY_MEDIA_TYPE.get(media_type) if media_type else _kind_by_members(manifest)
    if kind is None:
        said = f"has the unknown media type {media_type[:_SHOWN_LETTERS]}" if media_type else "has no known member"
        return Content([], [], subject, said)
    return _content(read(manifest, _KINDS[kind]), subject)


def _kind_by_members(manifest: object) -> str | None:
    for kind in ("index", "image", "artifact"):
        found = read(manifest, _KINDS[kind])
        if isinstance(found, dict) and any(member is not None for member in found.values()):
            return kind
    return None


def _content(members: object, subject: str | None) -> Content:
    """What the members name; a null is an empty list, because clients written in Go write it so."""
    assert isinstance(members, dict)
    layers = [{"digest": layer.get("blobsum", "")} for layer in members.get("fslayers") or [] if layer]
    config = [members["config"]] if members.get("config") else []
    blobs = [*config, *(members.get("layers") or []), *(members.get("blobs") or []), *layers]
    children = members.get("manifests") or []
    odd = [each["digest"] for each in (*blobs, *children) if each and each.get("digest") and not _digest(each)]
    unknown = f"names content by {odd[0][:_SHOWN_LETTERS]}, which is not a sha256 or sha512 digest" if odd else None
    return Content(_named(blobs), _named(children), subject, unknown)


def _named(descriptors: list[dict[str, object]]) -> list[tuple[str, int | None]]:
    found: dict[tuple[str, int | None], None] = {}
    for descriptor in descriptors:
        digest, size_bytes = _digest(descriptor), descriptor.get("size") if descriptor else None
        if digest:
            found[digest, size_bytes if isinstance(size_bytes, int) else None] = None
    return list(found)


def _subject(manifest: object) -> str | None:
    try:
        found = read(manifest, {"subject": _DESCRIPTOR})
    except ValueError:
        return None
    return _digest(found.get("subject")) if isinstance(found, dict) else None


def _digest(descriptor: object) -> str | None:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return digest if isinstance(digest, str) and _IS_DIGEST(digest) else None
