"""Writes OCI image layouts: content by digest below `blobs`, and an index of the names."""

import hashlib
import json
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image"
Descriptor = dict[str, Any]


class Layout:
    """An OCI layout in a folder, to which images and indexes are added by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._named: list[Descriptor] = []
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, content: bytes, media_type: str) -> Descriptor:
        """Keep content; gives its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def image(self, name: str | None, *layers: bytes, architecture: str = "amd64") -> Descriptor:
        """An image over layers (bytes that need not be tar files), named where a name is given."""
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]}
        config = {"architecture": architecture, "os": "linux", "rootfs": rootfs}
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.blob(json.dumps(config).encode(), f"{OCI}.config.v1+json"),
            "layers": [self.blob(layer, f"{OCI}.layer.v1.tar") for layer in layers],
        }
        descriptor = self.blob(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")
        return self._name(descriptor | {"platform": {"architecture": architecture, "os": "linux"}}, name)

    def index(self, name: str, *manifests: Descriptor) -> Descriptor:
        """An image index over manifests."""
        index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": manifests}
        return self._name(self.blob(json.dumps(index).encode(), f"{OCI}.index.v1+json"), name)

    def _name(self, descriptor: Descriptor, name: str | None) -> Descriptor:
        if name is not None:
            self._named.append(descriptor | {"annotations": {"org.opencontainers.image.ref.name": name}})
            index = {"schemaVersion": 2, "manifests": self._named}
            (self.folder / "index.json").write_text(json.dumps(index))
        return descriptor
