"""A sample registry: container images in the `distribution` layout, and two months of their history.

It is small, but has everything that decides a bill: a base layer that two images share, a multi-platform image, an
untagged manifest, a blob that nothing references, and every kind of deletion.
"""

import csv
import hashlib
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounting.collectors.files.snapshot_file import COLUMNS
from accounting.instants import Month, format_instant

DAY = 86_400
WORKSPACE = "acme"
_OCI = "application/vnd.oci.image"

RATES = """\
# A sample card: the rule of Bitbucket Packages, and a price at which a registry of a few megabytes costs something.
currency = "USD"

[[rule]]
effective_from = 2025-12-03
retention_days = 30
charged = ["live", "repository_deleted"]
share = "workspace"

[[rate]]
effective_from = 2025-12-03
unit = "GB"
tiers = [{ price = "400" }]
included = { default = "0.002" }
"""

CONFIG = f"""\
ledger = "acct.duckdb"

[[source]]
name = "images"
layout = "distribution"
url = "file:registry"
workspace = "{WORKSPACE}"
"""


@dataclass(frozen=True)
class Version:
    """A version of a package: what it refers to, and from when to when it is stored (epoch seconds)."""

    format: str
    package: str
    name: str
    blobs: tuple[str, ...]
    stored_from: int
    stored_until: int | None = None


@dataclass
class Sample:
    """Content by digest, sizes by digest, and the versions that refer to them."""

    month: Month
    content: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random("acct"))

    def layer(self, size_bytes: int) -> str:
        """Add new content of that size; returns its digest."""
        return self._keep(self._random.randbytes(size_bytes))

    def image(self, *layers: str) -> list[str]:
        """Add an image manifest over layers; returns the digests of the manifest, its config and its layers."""
        config = self._keep(json.dumps({"architecture": "amd64", "os": "linux", "of": layers}).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": self._descriptor(f"{_OCI}.config.v1+json", config),
            "layers": [self._descriptor(f"{_OCI}.layer.v1.tar+gzip", layer) for layer in layers],
        }
        return [self._keep(json.dumps(manifest).encode()), config, *layers]

    def index(self, *images: list[str]) -> list[str]:
        """Add an image index; returns its digest, and those of everything in its images."""
        manifests = [self._descriptor(f"{_OCI}.manifest.v1+json", image[0]) for image in images]
        index = {"schemaVersion": 2, "mediaType": f"{_OCI}.index.v1+json", "manifests": manifests}
        return [self._keep(json.dumps(index).encode()), *(digest for image in images for digest in image)]

    def store(self, format_: str, package: str, name: str, blobs: list[str], day: float,
              until: float | None = None) -> None:  # fmt: skip
        """Add a version that is stored from one day to another, counted from the month's start."""
        last = None if until is None else self.instant(until)
        self.versions.append(Version(format_, package, name, tuple(blobs), self.instant(day), last))

    def instant(self, day: float) -> int:
        return self.month.start + int(day * DAY)

    def _keep(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.content[digest] = content
        self.sizes[digest] = len(content)
        return digest

    def _descriptor(self, media_type: str, digest: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest, "size": self.sizes[digest]}


def sample_of(month: Month) -> Sample:
    """The sample whose deletions fall into a month; its history begins a month earlier."""
    sample = Sample(month)
    base = sample.layer(6_000_000)
    sample.store("container", "web", "1.0", sample.image(base, sample.layer(1_500_000)), -28)
    replaced = sample.image(base, sample.layer(1_600_000))
    sample.store("container", "web", replaced[0], replaced, -10)
    sample.store("container", "web", "1.1", sample.image(base, sample.layer(1_700_000)), 4.5)
    sample.store("container", "team/api", "2.3", sample.image(base, sample.layer(2_500_000)), -27)
    platforms = [sample.image(sample.layer(1_200_000)) for _ in range(2)]
    sample.store("container", "tools", "latest", sample.index(*platforms), -20)
    sample.store("container", "old-site", "1.0", sample.image(sample.layer(4_000_000)), -25)
    sample.store("container", "handbook", "2026", sample.image(sample.layer(900_000)), -24)
    sample.store("container", "trial", "0.1", sample.image(sample.layer(5_000_000)), -15, until=16)
    sample.store("npm", "@acme/ui", "1.0.0", [sample.layer(800_000)], -22)
    sample.store("npm", "@acme/ui", "1.1.0", [sample.layer(820_000)], 9.25)
    sample.store("maven", "com.acme:core", "3.2", [sample.layer(1_100_000), sample.layer(2_000)], -18)
    return sample


def events_of(sample: Sample) -> Iterator[dict[str, Any]]:
    """What happened to the sample's repositories, packages and workspace, as CloudEvents."""
    happened: list[tuple[float, str, str, str | None]] = [
        (-29, "workspace.created", "", None),
        *((-29, "repository.created", f"/{slug}", None) for slug in ("shop", "legacy", "docs", "lab")),
        (-28, "package.linked", "/container/web", "shop"),
        (-28, "package.linked", "/container/team/api", "shop"),
        (-28, "package.linked", "/npm/@acme/ui", "shop"),
        (-25, "package.linked", "/container/old-site", "legacy"),
        (-24, "package.linked", "/container/handbook", "docs"),
        (-15, "package.linked", "/container/trial", "lab"),
        # The package first, then its repository: nothing is charged from then on.
        (7, "package.deleted", "/container/trial", None),
        (8, "repository.deleted", "/lab", None),
        # The repository first: its packages are charged for 30 more days, and the image's name is held.
        (11, "repository.deleted", "/legacy", None),
        # The workspace: everything in it is free until it is restored.
        (19, "workspace.deleted", "", None),
        (23, "workspace.restored", "", None),
        # On the month's last day: it is charged, and its name is held, for nearly all of the next month.
        (sample.month.seconds // DAY - 1, "repository.deleted", "/docs", None),
    ]
    for number, (day, kind, subject, slug) in enumerate(happened, 1):
        yield {
            "specversion": "1.0",
            "source": "sample",
            "id": f"{number:04}",
            "time": format_instant(sample.instant(day)),
            "type": f"registry.{kind}",
            "subject": WORKSPACE + subject,
            **({"data": {"repository": slug}} if slug else {}),
        }


def write_snapshot(sample: Sample, formats: tuple[str, ...], taken_at: int, file: Path) -> None:
    """A snapshot file of the versions of some formats that were stored at an instant."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(COLUMNS)
        for version in sample.versions:
            stored = version.stored_from <= taken_at and (version.stored_until or taken_at + 1) > taken_at
            if stored and version.format in formats:
                uploaded_at = format_instant(version.stored_from)
                names = (WORKSPACE, version.format, version.package, version.name)
                rows.writerows((*names, digest, sample.sizes[digest], uploaded_at) for digest in version.blobs)


def write_registry(sample: Sample, folder: Path) -> None:
    """The container images that are still stored, as the CNCF distribution registry lays them out in a folder."""
    top = folder / "docker/registry/v2"
    for version in sample.versions:
        if version.format == "container" and version.stored_until is None:
            for digest in version.blobs:
                _write(_blob(top, digest), sample.content[digest], version.stored_from)
            _write_links(top / "repositories" / version.package, version, sample)
    abandoned = sample.layer(300_000)
    _write(_blob(top, abandoned), sample.content[abandoned], sample.month.start)


def _write_links(repository: Path, version: Version, sample: Sample) -> None:
    """The links of one image: a revision for each of its manifests, and its tag."""
    for digest in version.blobs:
        kind = "_manifests/revisions" if b'"schemaVersion"' in sample.content[digest][:32] else "_layers"
        _write(repository / kind / digest.replace(":", "/") / "link", digest.encode(), version.stored_from)
    if version.name != version.blobs[0]:
        tag = repository / "_manifests/tags" / version.name
        for link in (tag / "current/link", tag / "index" / version.blobs[0].replace(":", "/") / "link"):
            _write(link, version.blobs[0].encode(), version.stored_from)


def _blob(top: Path, digest: str) -> Path:
    algorithm, name = digest.split(":")
    return top / "blobs" / algorithm / name[:2] / name / "data"


def _write(file: Path, content: bytes, modified_at: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (modified_at, modified_at))
