"""Lays a registry out in a folder as the distribution registry does, faults and all."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

UPLOADED_AT = 1_700_000_000


class StoredRegistry:
    """A registry in a folder, of which every file can be written, changed and taken away."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "docker/registry/v2"

    def write(self, path: str, content: bytes, modified_at: int = UPLOADED_AT) -> Path:
        """A file below the registry's top."""
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (modified_at, modified_at))
        return file

    def blob(self, content: bytes, algorithm: str = "sha256") -> str:
        """Store content; gives its digest."""
        digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
        self.write(self.data(digest), content)
        return digest

    def image(self, *layers: bytes) -> dict[str, object]:
        """An image manifest without the members that are optional, whose config and layers are stored."""
        config = self.blob(b"config of " + b", ".join(layers))
        return {"config": {"digest": config}, "layers": [{"digest": self.blob(layer)} for layer in layers]}

    def push(
        self,
        image: str,
        manifest: Mapping[str, object] | bytes,
        tags: Sequence[str] = (),
        uploaded_at: int = UPLOADED_AT,
    ) -> str:
        """Store a manifest, and link it as a revision and by tags; gives its digest."""
        digest = self.blob(manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode())
        self.link(image, digest, uploaded_at)
        for tag in tags:
            self.tag(image, tag, digest)
        return digest

    def link(self, image: str, digest: str, uploaded_at: int = UPLOADED_AT) -> Path:
        """A revision of an image."""
        path = f"repositories/{image}/_manifests/revisions/{digest.replace(':', '/')}/link"
        return self.write(path, digest.encode(), uploaded_at)

    def tag(self, image: str, tag: str, digest: str) -> Path:
        """A tag, written later than the revision that it points at."""
        folder = f"repositories/{image}/_manifests/tags/{tag}"
        self.write(f"{folder}/index/{digest.replace(':', '/')}/link", digest.encode(), UPLOADED_AT + 60)
        return self.write(f"{folder}/current/link", digest.encode(), UPLOADED_AT + 60)

    @staticmethod
    def data(digest: str) -> str:
        """Where a blob is kept."""
        algorithm, name = digest.split(":")
        return f"blobs/{algorithm}/{name[:2]}/{name}/data"
