"""A real PostgreSQL for the tests, Debian's, on a loopback port that is free."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgresql
import pytest
from adbc_driver_manager import Error

from tests.collectors import servers

OWNER = "registry"  # may do anything, without a password
READER, READER_PASSWORD = "reader", "reader-secret"


def program(name: str) -> str:
    """The path of a program of PostgreSQL, which Debian keeps out of PATH; the run fails where it is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if not path:
        pytest.fail(f"{name} is missing; install it with: apt-get install postgresql", pytrace=False)
    return path


@contextmanager
def server() -> Iterator[str]:
    """A server without databases of ours; gives where it listens, as 127.0.0.1:port."""
    # A folder of its own outside of pytest's, which none but root may enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="acct-postgres-"))
    as_nobody: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    data, port = folder / "data", servers.free_ports(1)[0]
    try:
        initdb = [
            program("initdb"),
            f"--pgdata={data}",
            f"--username={OWNER}",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
        ]
        done = subprocess.run([*as_nobody, *initdb], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        access = f"host all {READER} 127.0.0.1/32 scram-sha-256\nhost all {OWNER} 127.0.0.1/32 trust\n"
        (data / "pg_hba.conf").write_text(access)
        command = [
            program("postgres"),
            "-D",
            str(data),
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-k",
            "",
            "-c",
            "fsync=off",
        ]
        address = f"127.0.0.1:{port}"

        def ready() -> None:
            try:
                run(address, "postgres", "SELECT 1")
            except Error as error:
                raise ConnectionError from error

        with servers.running([*as_nobody, *command], folder / "postgres.log", ready):
            run(
                address,
                "postgres",
                f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}'",
                f"GRANT pg_read_all_data TO {READER}",
            )
            yield address
    finally:
        shutil.rmtree(folder)


def run(address: str, database: str, *statements: str) -> None:
    """Statements in a database, each in a transaction of its own, as its owner."""
    uri = f"postgresql://{OWNER}@{address}/{database}"
    with postgresql.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
