"""Maven itself: what is collected of a repository that it deployed to is what its metadata lists, file by file."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from accounting.model import Source
from tests.collectors import servers
from tests.collectors.laid_out import collected, held, parts
from tests.support.cli_runner import run_today

pytestmark = pytest.mark.servers

GROUP, ARTIFACT = "com.acme.tools", "core"
FOLDER = f"com/acme/tools/{ARTIFACT}"
CHECKSUMS = ("", ".md5", ".sha1")
DEBIAN = Path("/usr/share/maven-repo")
# It stands in for the one that Maven would ask for its plugins.
SETTINGS = """<settings>
  <localRepository>{folder}/local</localRepository>
  <mirrors><mirror>
    <id>debian</id><mirrorOf>*,!r</mirrorOf><url>file://{debian}</url>
  </mirror></mirrors>
</settings>"""


@dataclass(frozen=True)
class Maven:
    """Maven's client, and a repository in a folder."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "jars/acme/releases"

    def deploy(self, version: str, content: bytes) -> None:
        """Deploy a jar with its sources."""
        if not (DEBIAN / "org/apache/maven/plugins/maven-deploy-plugin").exists():
            pytest.fail(f"Maven's deploy plugin is missing; install it with: {servers.INSTALL['mvn']}", pytrace=False)
        (self.folder / "settings.xml").write_text(SETTINGS.format(folder=self.folder, debian=DEBIAN))
        jar, sources = self.folder / "lib.jar", self.folder / "lib-sources.jar"
        jar.write_bytes(content)
        sources.write_bytes(b"sources of " + content)
        options = {
            "repositoryId": "r", "url": f"file://{self.repository}", "groupId": GROUP, "artifactId": ARTIFACT,
            "version": version, "packaging": "jar", "file": jar, "sources": sources,
        }  # fmt: skip
        goal = "org.apache.maven.plugins:maven-deploy-plugin:3.0.0:deploy-file"
        command = [servers.program("mvn"), "-B", "-q", "-s", str(self.folder / "settings.xml"), goal]
        servers.run([*command, *(f"-D{name}={value}" for name, value in options.items())], self.folder)

    def versions(self) -> list[str]:
        """The versions that the artifact's metadata lists."""
        root = ElementTree.parse(self.repository / FOLDER / "maven-metadata.xml")
        return [version.text or "" for version in root.iterfind("versioning/versions/version")]

    def build(self, version: str) -> dict[str, str]:
        """The version of each file of the latest build that a snapshot's metadata lists, by its path."""
        root = ElementTree.parse(self.repository / FOLDER / version / "maven-metadata.xml")
        files: dict[str, str] = {}
        for entry in root.iterfind("versioning/snapshotVersions/snapshotVersion"):
            value, classifier = entry.findtext("value", ""), entry.findtext("classifier")
            name = f"{ARTIFACT}-{value}" + (f"-{classifier}" if classifier else "") + f".{entry.findtext('extension')}"
            files |= {f"{FOLDER}/{version}/{name}{checksum}": value for checksum in CHECKSUMS}
        return files

    def stored(self) -> dict[str, int]:
        """The size of each file of the repository."""
        files = [path for path in self.repository.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.repository)): path.stat().st_size for path in files}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Maven, dict[str, str]]:
    """A repository with a release and two builds of a snapshot, and the version that each file belongs to."""
    maven = Maven(tmp_path_factory.mktemp("maven"))
    files: dict[str, str] = {}
    maven.deploy("1.0", b"the release")
    for content in (b"the first build", b"the second build"):
        maven.deploy("1.1-SNAPSHOT", content)
        files |= maven.build("1.1-SNAPSHOT")
    assert maven.versions() == ["1.0", "1.1-SNAPSHOT"]
    for checksum in CHECKSUMS:
        files |= {f"{FOLDER}/1.0/{ARTIFACT}-1.0{end}{checksum}": "1.0" for end in (".jar", "-sources.jar", ".pom")}
        files[f"{FOLDER}/maven-metadata.xml{checksum}"] = ""
        files[f"{FOLDER}/1.1-SNAPSHOT/maven-metadata.xml{checksum}"] = "1.1-SNAPSHOT"
    return maven, files


def test_what_is_collected_is_what_is_deployed(deployed: tuple[Maven, dict[str, str]]) -> None:
    maven, files = deployed
    source = Source("jars", "maven2", f"file:{maven.repository}", "acme")
    found = collected(source)
    assert held(found, source) == {path: {("acme", f"{GROUP}:{ARTIFACT}", version)} for path, version in files.items()}
    assert dict(found.parts.select("key", "size_bytes").iter_rows()) == maven.stored()
    assert set(parts(found).values()) == {"reachable"}
    assert found.references["size_bytes"].sum() == sum(maven.stored().values())
    assert (len(set(files.values())), found.has_marker) == (5, True)


def test_from_a_bucket_of_workspaces_to_the_ledger(
    deployed: tuple[Maven, dict[str, str]], endpoint: str, tmp_path: Path
) -> None:
    maven, files = deployed
    client = servers.client_of(endpoint)
    for path in maven.stored():
        for workspace in ("acme", "other"):
            key = f"jars/{workspace}/releases/{path}"
            client.upload_file(str(maven.repository / path), "blobs", key)
    client.put_object(Bucket="blobs", Key=f"jars/acme/snapshots/{FOLDER}/2.0/{ARTIFACT}-2.0.jar", Body=b"elsewhere")
    source = Source("jars", "maven2", "s3://blobs/jars/{workspace}/releases", endpoint_url=endpoint)
    assert held(collected(source), source) == {
        path: {(workspace, f"{GROUP}:{ARTIFACT}", version) for workspace in ("acme", "other")}
        for path, version in files.items()
    }
    lines = [
        "[[source]]",
        'name = "jars"',
        'layout = "maven2"',
        f'url = "{source.url}"',
        f'endpoint_url = "{endpoint}"',
    ]
    (tmp_path / "acct.toml").write_text("\n".join(lines))
    done = run_today("collect", cwd=tmp_path)
    assert f"jars: {2 * len(files)} references, {2 * len(files)} new, 0 gone" in done.stderr
