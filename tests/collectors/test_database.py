"""A registry's own tables in a real PostgreSQL, from `acct collect` to bills and held names."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from accounting.collectors.database import COLUMNS, Answer, ask
from accounting.collectors.places.store import Progress
from accounting.facts import lifecycle
from accounting.model import Source
from tests.collectors import postgres
from tests.support.cli_runner import Result, run_today

pytestmark = pytest.mark.servers

TABLES = (
    "CREATE TYPE kind AS ENUM ('container', 'npm', 'maven')",
    "CREATE TABLE workspaces (name text PRIMARY KEY, deleted_at timestamptz)",
    "CREATE TABLE repositories (id int PRIMARY KEY, workspace text NOT NULL, slug text NOT NULL,"
    " created_at timestamptz, deleted_at timestamptz)",
    "CREATE TABLE packages (workspace text NOT NULL, repository_id int REFERENCES repositories, format kind NOT NULL,"
    " name text NOT NULL, created_at timestamptz, deleted_at timestamptz)",
)
QUERY = """
    SELECT p.workspace, r.slug AS repository, p.format::text, p.name AS package, p.deleted_at, p.created_at
    FROM packages AS p LEFT JOIN repositories AS r ON r.id = p.repository_id
    UNION ALL
    SELECT workspace, slug, NULL, NULL, deleted_at, created_at FROM repositories
    UNION ALL
    SELECT name, NULL, NULL, NULL, deleted_at, NULL FROM workspaces;  -- all there ever was
"""
SNAPSHOT = """workspace,format,package,version,digest,size,uploaded_at
acme,container,team/api,1,sha256:a,1000000000,
acme,container,web,1,sha256:b,2000000000,
acme,npm,ui,1,sha256:c,3000000000,
"""


@dataclass(frozen=True)
class Registry:
    """A database with a registry's tables, and a folder with a configuration that names it."""

    address: str
    name: str
    folder: Path

    def run(self, *statements: str) -> None:
        postgres.run(self.address, self.name, *statements)

    def configure(self, query: str = QUERY, url: str | None = None) -> None:
        lines = ["[[source]]", 'name = "lifecycle"', 'layout = "database"', f'url = "{url or self.url}"']
        (self.folder / "acct.toml").write_text("\n".join([*lines, f"query = '''{query}'''", ""]))

    @property
    def url(self) -> str:
        return f"postgresql://{self.address}/{self.name}"

    def acct(self, *arguments: str) -> Result:
        return run_today(*arguments, cwd=self.folder)

    def collect(self, *options: str) -> str:
        """Collect at another second than the time before; gives what is said of it."""
        time.sleep(1.1)
        ended = self.acct("collect", *options)
        assert ended.exit_code == 0, ended.stderr
        return ended.stderr.strip()

    def refusal(self, *options: str) -> str:
        """What is said of a collection that is refused, which leaves the ledger as it was."""
        ledger = self.folder / "acct.duckdb"
        before = ledger.read_bytes() if ledger.exists() else None
        ended = self.acct("collect", *options)
        assert ended.exit_code == 1
        assert len(ended.stderr.splitlines()) == 1
        assert (ledger.read_bytes() if ledger.exists() else None) == before
        return ended.stderr.strip()

    def lines(self, month: str = "2026-10") -> dict[str, dict[str | None, int]]:
        """A bill of acme: byte-seconds by package and state, with the repository, in days of a gigabyte."""
        shown = self.acct("report", "--workspace", "acme", "--month", month, "--format", "json")
        found: dict[str, dict[str | None, int]] = {}
        for line in json.loads(shown.stdout)["lines"]:
            state = f"{line['state']} {line['repository']}"
            found.setdefault(line["package"], {})[state] = int(line["byte_seconds"]) // (86_400 * 10**9)
        return found

    def held(self, at: str) -> list[dict[str, str]]:
        shown = self.acct("names", "--workspace", "acme", "--at", at, "--format", "json")
        return list(json.loads(shown.stdout))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as address:
        yield address


NUMBERS = count(1)


@pytest.fixture
def empty(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A database without tables, and no ledger yet."""
    for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGSERVICE", "PGPASSWORD", "PGCONNECT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGUSER", postgres.OWNER)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    return Registry(server, "postgres", tmp_path)


@pytest.fixture
def registry(empty: Registry) -> Registry:
    """Two repositories, two packages in one and one in none; stored from October on."""
    registry = replace(empty, name=f"registry_{next(NUMBERS)}")
    empty.run(f"CREATE DATABASE {registry.name}")
    registry.run(
        *TABLES,
        "INSERT INTO workspaces VALUES ('acme')",
        "INSERT INTO repositories VALUES (1, 'acme', 'widgets'), (2, 'acme', 'tools')",
        "INSERT INTO packages VALUES ('acme', 1, 'container', 'team/api'), ('acme', 1, 'container', 'web'),"
        " ('acme', NULL, 'npm', 'ui')",
    )
    registry.configure()
    (registry.folder / "images.csv").write_text(SNAPSHOT)
    for day in ("2026-10-01", "2026-11-01"):
        taken_at = f"{day}T00:00:00Z"
        assert registry.acct("import", "snapshot", "images.csv", "--source", "s", "--taken-at", taken_at).exit_code == 0
    return registry


def test_from_soft_deletes_to_a_bill_and_held_names(registry: Registry) -> None:
    assert registry.collect() == "lifecycle: 6 rows, 6 new, 0 deleted, 0 restored, 0 linked"
    assert registry.lines() == {
        "team/api": {"live widgets": 31}, "web": {"live widgets": 62}, "ui": {"live None": 93}
    }  # fmt: skip
    assert registry.collect() == "lifecycle: 6 rows, 0 new, 0 deleted, 0 restored, 0 linked"
    registry.run(
        "UPDATE repositories SET deleted_at = '2026-10-11 02:00+02' WHERE slug = 'widgets'",
        "UPDATE packages SET deleted_at = '2026-10-21Z' WHERE name = 'web'",
        "UPDATE packages SET repository_id = 2 WHERE name = 'ui'",
    )
    assert registry.collect() == "lifecycle: 6 rows, 0 new, 2 deleted, 0 restored, 1 linked"
    deleted = {
        "team/api": {"live widgets": 10, "repository_deleted widgets": 21},
        "web": {"live widgets": 20, "repository_deleted widgets": 20, "package_deleted widgets": 22},
        "ui": {"live None": 93},
    }
    assert registry.lines() == deleted
    assert registry.held("2026-10-21T00:00:00Z") == [
        {"name": "team/api", "repository": "widgets", "held_until": "2026-11-10T00:00:00Z"}
    ]
    registry.run("UPDATE repositories SET deleted_at = NULL")
    assert registry.collect() == "lifecycle: 6 rows, 0 new, 0 deleted, 1 restored, 0 linked"
    assert registry.lines() == deleted, "what is restored now was deleted then"
    assert registry.held("2027-01-01T00:00:00Z") == []


def test_a_slug_that_is_used_again_is_another_repository(registry: Registry) -> None:
    registry.run(
        "UPDATE repositories SET deleted_at = '2026-10-11Z' WHERE slug = 'widgets'",
        "INSERT INTO repositories VALUES (3, 'acme', 'widgets', '2026-10-13Z')",
        "UPDATE packages SET created_at = '2026-09-01Z'",
        "UPDATE packages SET repository_id = 3, created_at = '2026-10-14Z' WHERE name = 'web'",
        "INSERT INTO packages VALUES ('acme', 1, 'container', 'web', '2026-09-02Z', '2026-10-11Z')",
    )
    assert registry.collect() == "lifecycle: 8 rows, 8 new, 2 deleted, 0 restored, 0 linked"
    assert registry.lines() == {
        "team/api": {"live widgets": 10, "repository_deleted widgets": 21},
        "web": {"live widgets": 56, "package_deleted widgets": 6},
        "ui": {"live None": 93},
    }


def test_what_vanishes_was_deleted_when_it_was_last_seen(registry: Registry) -> None:
    registry.collect()
    registry.run("DELETE FROM packages WHERE name = 'web'", "DELETE FROM workspaces")
    assert registry.collect() == "lifecycle: 4 rows, 0 new, 2 deleted, 0 restored, 0 linked"
    registry.run("INSERT INTO packages VALUES ('acme', 2, 'container', 'web')")
    assert registry.collect() == "lifecycle: 5 rows, 0 new, 0 deleted, 1 restored, 1 linked"
    registry.run("INSERT INTO packages SELECT 'acme', 2, 'npm'::kind, i::text FROM generate_series(1, 100) AS i")
    unseen = "; 100 packages are in no snapshot, such as acme/npm/1: check their names"
    assert registry.collect() == "lifecycle: 105 rows, 100 new, 0 deleted, 0 restored, 0 linked" + unseen
    registry.run("DELETE FROM packages WHERE length(name) < 3")
    time.sleep(1.1)
    assert "source lifecycle: lacks 100 of the 105 workspaces" in registry.refusal()
    assert "100 deleted" in registry.collect("--accept", "loss")


GOOD = "('acme', 'w', 'container', 'web', NULL::timestamptz)"


def but(column: str, value: str) -> str:
    """All columns, one of them with another value."""
    return ", ".join(f"{value} AS {name}" if name == column else name for name in COLUMNS)


def test_an_instant_that_is_not_later_changes_nothing(empty: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second collection may come in the second of the first, or from a database whose clock was set back."""
    empty.configure(f"SELECT * FROM (VALUES {GOOD}) AS q ({', '.join(COLUMNS)})")
    at = int(time.time())

    def collect_at(instant: int) -> str:
        def asked(source: Source, progress: Progress) -> Answer:
            return replace(ask(source, progress), observed_at=instant)

        monkeypatch.setattr(lifecycle, "ask", asked)
        return empty.acct("collect").stderr.strip()

    assert "1 new" in collect_at(at)
    repeated = "lifecycle: the database was already queried at this instant or a later one; nothing changed"
    assert [collect_at(instant) for instant in (at, at - 1)] == [repeated, repeated]
    assert collect_at(at + 1) == "lifecycle: 1 row, 0 new, 0 deleted, 0 restored, 0 linked"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("'acme' AS workspace", "the query returns no column repository, format, package, deleted_at"),
        ("*, 1 AS plan", "the query returns the unknown column plan"),
        ("*, package", "the query returns the column package twice"),
        (but("format", "'npm'::bytea"), "the column format is not text. Write it as format::text in the query"),
        (but("repository", "1"), "the column repository is not text"),
        (
            but("deleted_at", "now()::timestamp"),
            "is a timestamp without time zone. Write it in the query as deleted_at AT TIME ZONE",
        ),
        (
            but("deleted_at", "'2026-10-01'"),
            "the column deleted_at is not a timestamp. Write it as deleted_at::timestamptz",
        ),
        ("*, now()::date AS created_at", "the column created_at is not a timestamp"),
        (but("workspace", "NULL"), "row 1: the workspace is null"),
        (but("workspace", "''"), "row 1: the workspace is empty"),
        (but("workspace", "'a/b'"), "row 1: the workspace 'a/b' contains a slash"),
        (but("repository", "'team/w'"), "row 1: the repository 'team/w' contains a slash"),
        (but("format", "'docker'"), "row 1: the format 'docker' is not one of container, npm, maven"),
        (but("format", "NULL"), "row 1: the package 'web' has no format"),
        (but("package", "NULL"), "row 1: the format 'container' has no package"),
        (but("deleted_at", "'infinity'::timestamptz"), "row 1: deleted_at is infinite"),
        ("*, '-infinity'::timestamptz AS created_at", "row 1: created_at is infinite"),
        (but("deleted_at", "1 / (length(package) - 3)"), "the query failed: division by zero"),
        ("nothing", 'the query failed: column "nothing" does not exist'),
    ],
)
def test_an_answer_that_cannot_be_taken(empty: Registry, columns: str, said: str) -> None:
    empty.configure(f"SELECT {columns} FROM (VALUES {GOOD}) AS q ({', '.join(COLUMNS)})")
    refusal = empty.refusal()
    assert "acct: source lifecycle" in refusal
    assert said in refusal


def test_a_bare_null_is_no_timestamp_and_no_deletion(empty: Registry) -> None:
    empty.configure(
        "SELECT NULL AS deleted_at, 'acme' AS workspace, 'w' AS repository, NULL AS format, NULL AS package"
    )
    assert empty.collect() == "lifecycle: 1 row, 1 new, 0 deleted, 0 restored, 0 linked"


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM packages RETURNING workspace, NULL AS repository, format, name AS package, deleted_at",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "CREATE TABLE mine ()",
        "COMMIT",
    ],
)
def test_a_query_changes_nothing(registry: Registry, query: str) -> None:
    registry.configure(query)
    registry.refusal()
    registry.configure()
    assert registry.collect().startswith("lifecycle: 6 rows")


def test_credentials_come_from_where_postgresql_looks(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", postgres.READER)
    assert "no password supplied" in registry.refusal()
    monkeypatch.setenv("PGPASSWORD", "wrong-secret")
    refusal = registry.refusal()
    assert 'password authentication failed for user "reader"' in refusal
    assert "wrong-secret" not in refusal
    monkeypatch.delenv("PGPASSWORD")
    passwords = registry.folder / "pgpass"
    passwords.write_text(f"*:*:*:{postgres.READER}:{postgres.READER_PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert registry.collect().startswith("lifecycle: 6 rows")
    services = registry.folder / "services"
    host, port = registry.address.split(":")
    services.write_text(f"[hub]\nhost={host}\nport={port}\ndbname={registry.name}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    registry.configure(url="postgresql://?service=hub")
    assert registry.collect().startswith("lifecycle: 6 rows")


def test_no_server(empty: Registry) -> None:
    empty.configure(url="postgresql://127.0.0.1:1/registry")
    assert "source lifecycle: the database cannot be reached: connection to server at" in empty.refusal()
    empty.configure(url=f"postgresql://{empty.address}/nowhere")
    assert 'database "nowhere" does not exist' in empty.refusal()


def test_a_clock_that_is_wrong(empty: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    late = time.time() - 400
    empty.configure("SELECT 1")
    monkeypatch.setattr(time, "time", lambda: late)
    assert "source lifecycle: the database's clock says" in empty.refusal()


SOURCE = '[[source]]\nname = "hub"\nlayout = "database"'
ASKS = 'query = "SELECT 1"'


def url(text: str) -> str:
    return f'url = "{text}"'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([url("postgresql://a:hidden@h/d"), ASKS], "1, url: contains a password. Remove it, and set PGPASSWORD"),
        ([url("postgresql://h/d?user=a&password=hidden"), ASKS], "contains a password"),
        ([url("postgresql://h/d?sslpassword=hidden"), ASKS], "contains a password"),
        ([url("postgresql://a:hid/hidden@h/d"), ASKS], "contains a password"),
        ([url("postgres:/a:hidden@h/d"), ASKS], "contains a password"),
        ([url("mysql://h/d"), ASKS], "url: is not the URL of a PostgreSQL database. Write postgresql://host/database"),
        ([url("file:registry"), ASKS], "url: is not the URL of a PostgreSQL database"),
        ([url("postgresql://h/d")], "the key query is missing"),
        ([url("postgresql://h/d"), ASKS, 'workspace = "acme"'], "workspace: is not for the layout database"),
        ([url("postgresql://h/d"), ASKS, 'endpoint_url = "http://h"'], "endpoint_url: is not for the layout"),
    ],
)
def test_a_configuration_that_cannot_be_taken(tmp_path: Path, lines: list[str], said: str) -> None:
    (tmp_path / "acct.toml").write_text("\n".join([SOURCE, *lines]))
    ended = run_today("collect", cwd=tmp_path)
    assert ended.exit_code == 1
    assert said in ended.stderr
    assert "hidden" not in ended.stderr


def test_a_url_of_a_bucket_or_folder_is_no_place_for_a_password(tmp_path: Path) -> None:
    source = '[[source]]\nname = "i"\nlayout = "distribution"\n'
    (tmp_path / "acct.toml").write_text(source + url("file:no:such@registry"))
    assert "folder" in run_today("collect", cwd=tmp_path).stderr
    (tmp_path / "acct.toml").write_text(source + url("postgresql://a:hidden@h/d"))
    ended = run_today("collect", cwd=tmp_path)
    assert "contains a password" in ended.stderr
    assert "hidden" not in ended.stderr


def test_a_query_belongs_to_a_database(tmp_path: Path) -> None:
    source = '[[source]]\nname = "i"\nlayout = "distribution"\nurl = "file:registry"\nquery = "SELECT 1"'
    (tmp_path / "acct.toml").write_text(source)
    assert "query: is only for the layout database. Remove it." in run_today("collect", cwd=tmp_path).stderr
