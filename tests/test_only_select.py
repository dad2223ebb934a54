"""What a reader's SQL says reaches no file: neither the ledger's own nor any other, to read or to write."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import accounting
from accounting.errors import AcctError
from accounting.notebook.reader import LedgerReader
from tests.support.cli_runner import run

MONTH = ("acme", "2026-10")
ROW = "workspace,format,package,version,digest,size,uploaded_at\nacme,container,web,1,sha256:aa,100,\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of two snapshots, a secret beside it, and a folder such as DuckDB makes for what has no room."""
    made = tmp_path_factory.mktemp("folder")
    (made / "one.csv").write_text(ROW)
    for at in ("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"):
        assert run("import", "snapshot", "one.csv", "--source", "images", "--taken-at", at, cwd=made).exit_code == 0
    (made / "acct.duckdb.tmp").mkdir()
    (made / "acct.duckdb.tmp" / "spilled.csv").write_text("a\n1\n")
    return made


@pytest.fixture(scope="module")
def ledger(folder: Path) -> Iterator[LedgerReader]:
    with accounting.open(folder / "acct.duckdb") as opened:
        yield opened


READING = [
    "SELECT * FROM read_blob('{0}')",
    "SELECT * FROM READ_TEXT('{0}')",
    "SELECT * FROM \"read_blob\"('{0}')",
    "SELECT * FROM main.read_blob('{0}')",
    "SELECT * FROM system.main.read_text('{0}')",
    "SELECT (SELECT count(*) FROM read_blob('{0}'))",
    "SELECT 1 ORDER BY (SELECT size FROM read_blob('{0}'))",
    "SELECT 1 LIMIT (SELECT size FROM read_blob('{0}'))",
    "SELECT [b.size FOR b IN (SELECT list(b) FROM read_blob('{0}') AS b)]",
    "WITH b AS (SELECT * FROM read_blob('{0}')) SELECT * FROM b",
    "WITH RECURSIVE b AS (SELECT 1 AS n UNION ALL SELECT size FROM b, read_blob('{0}') WHERE n < 1) SELECT * FROM b",
    "SELECT * FROM blobs, LATERAL (SELECT * FROM read_blob('{0}'))",
    "SELECT * FROM read_csv('{0}', all_varchar = true)",
    "SELECT * FROM read_csv('{0}.tmp/spilled.csv')",
    "SELECT * FROM '{0}.tmp/spilled.csv'",
    "SELECT * FROM glob('{0}*')",
    "SELECT * FROM read_duckdb('{0}', table_name = 'blobs')",
    "SELECT * FROM sniff_csv('{0}')",
    "SELECT * FROM parquet_metadata('{0}')",
    "SELECT * FROM '{0}'",
    'SELECT * FROM "{0}"',
    'SELECT * FROM (WITH "{0}" AS (SELECT 1) SELECT 1), "{0}"',
    "DESCRIBE '{0}'",
    "SUMMARIZE '{0}'",
    'SHOW "{0}"',
    "PIVOT '{0}' ON a IN (1) USING count(*)",
    "SELECT * FROM query('SELECT * FROM read_blob(''{0}'')')",
    "SELECT * FROM query_table('{0}')",
    "SELECT * FROM histogram('{0}', a)",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_blob(''{0}'')'))",
    "SELECT read_blob('{0}')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM python_map_function(1, 2)",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM enable_logging(storage = 'file', storage_path = '{0}')",
    "EXPLAIN ANALYZE SELECT * FROM read_blob('{0}')",
]
WRITING = [
    "COPY (SELECT 1) TO '{0}'",
    "COPY blobs TO '{0}' (FORMAT parquet)",
    "COPY (SELECT 1) TO '{0}.wal'",
    "COPY (SELECT 1) TO '{0}.wal.recovery'",
    "COPY (SELECT 1) TO '{0}.wal.checkpoint'",
    "COPY (SELECT 1) TO '{0}.tmp/x.csv'",
    "WITH c AS (COPY blobs TO '{0}') SELECT * FROM c",
    "WITH c AS (COPY (SELECT 1) TO '{0}.wal') SELECT 1",
    "SELECT * FROM (WITH c AS (COPY blobs TO '{0}') SELECT * FROM c)",
    "SELECT (WITH c AS (COPY blobs TO '{0}') SELECT count(*) FROM c)",
    "WITH a AS (WITH c AS MATERIALIZED (COPY blobs TO '{0}') FROM c) FROM a",
    "WITH c AS (DELETE FROM blobs RETURNING *) SELECT * FROM c",
    "WITH c AS (INSERT INTO scope VALUES (1) RETURNING *) SELECT * FROM c",
    "EXPLAIN ANALYZE COPY blobs TO '{0}'",
    "PREPARE p AS COPY blobs TO '{0}'",
    "EXECUTE p",
    "SELECT 1; COPY blobs TO '{0}'",
    "COPY blobs TO '{0}'; SELECT 1",
    "SELECT 1\0; COPY blobs TO '{0}'",
    "/* SELECT */ COPY blobs TO '{0}' -- SELECT",
    "EXPORT DATABASE '{0}.tmp'",
    "IMPORT DATABASE '{0}.tmp'",
    "COPY FROM DATABASE ledger TO memory",
    "ATTACH '{0}' AS mine",
    "ATTACH '{0}.tmp/new.duckdb' AS mine",
    "DETACH ledger",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "UPDATE EXTENSIONS",
    "SET enable_external_access = true",
    "SET allowed_paths = ['{0}']",
    "RESET allowed_paths",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL enable_logging()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE TEMP MACRO m(f) AS TABLE SELECT * FROM read_blob(f)",
    "CREATE TEMP VIEW package_states AS SELECT * FROM read_blob('{0}')",
    "CREATE SECRET s (TYPE s3)",
    "INSERT INTO blobs SELECT * FROM blobs",
    "UPDATE blobs SET size_bytes = 0",
    "DROP TABLE blobs",
    "ALTER TABLE blobs ADD COLUMN x INTEGER",
    "MERGE INTO blobs USING blobs AS b ON true WHEN MATCHED THEN DELETE",
]


@pytest.mark.parametrize("query", [*READING, *WRITING])
def test_no_file_is_read_or_written(ledger: LedgerReader, folder: Path, query: str) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for asked in ((), MONTH):
        with pytest.raises(AcctError, match=r"the query|is a table function"):
            ledger.sql(query.format(folder / "acct.duckdb"), *asked)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert ledger.sql("SELECT count(*) AS n FROM blobs").item() == 1


def test_the_ledger_by_a_name_that_looks_like_a_table(folder: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    os.link(folder / "acct.duckdb", tmp_path / "books")
    monkeypatch.chdir(tmp_path)
    with accounting.open("books") as ledger:
        for query in ("SELECT * FROM books", "SELECT * FROM './books'", 'SUMMARIZE "books"', "SELECT * FROM 'b?oks'"):
            with pytest.raises(AcctError):
                ledger.sql(query)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["books"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "the query is empty. Write one SELECT"),
        (" ; -- nothing", "the query is empty"),
        ("SELECT 1; SELECT 2", "the query has 2 statements. Write one SELECT"),
        ("DELETE FROM blobs", "the query is not a SELECT, and a ledger is read-only"),
        ("SELECT FROM WHERE", "the query cannot be parsed: syntax error"),
        ("SELECT 1 AS a, 2 AS a", "the query returns two columns with the same name"),
        ("SELECT " + "NOT " * 900 + "true", "the query is nested too deeply"),
    ],
)
def test_what_is_refused_says_why(ledger: LedgerReader, query: str, words: str) -> None:
    with pytest.raises(AcctError) as refused:
        ledger.sql(query)
    assert words in str(refused.value)


SELECTS = [
    ("SELECT 1;", 1),
    ("-- one\nFROM blobs", 1),
    ("SHOW TABLES", None),
    ("SHOW ALL TABLES", None),
    ("DESCRIBE blobs", None),
    ("DESCRIBE SELECT 1", 1),
    ("SUMMARIZE blobs", None),
    ("SELECT * FROM ledger.main.blobs", 1),
    ('WITH "my blobs" AS (FROM blobs) FROM "my blobs"', 1),
    ("SELECT table_name FROM information_schema.tables", None),
    ("SELECT * FROM duckdb_columns() WHERE table_name = 'blobs'", None),
    ("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n", 9),
    ("SELECT * FROM range(3), unnest([1, 2]) AS u(x), generate_series(1, 1)", 6),
    ("VALUES (1), (2)", 2),
    ("SELECT 1 UNION (SELECT 2 EXCEPT SELECT 3) ORDER BY 1 DESC NULLS LAST LIMIT 1 OFFSET 1", 1),
    ("SELECT DISTINCT ON (format) format FROM packages ORDER BY ALL LIMIT 50%", None),
    ("SELECT format, count(*) FILTER (name > 'a'), sum(1) OVER w FROM packages GROUP BY ROLLUP (format)"
     " HAVING true WINDOW w AS (ORDER BY format ASC)", 2),
    ("SELECT size_bytes::DECIMAL(38, 0), {'a': [1, 2][1]}, CASE WHEN true THEN DATE '2026-10-01' END FROM blobs", 1),
    ("SELECT list_transform([1], lambda x: x + 1), [x FOR x IN [1]], make_timestamptz(taken_at * 1000000)"
     " FROM snapshots", 2),
    ("PIVOT packages ON format IN ('container', 'npm') USING count(*)", None),
    ("UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b", 2),
    ("SELECT p.name FROM packages AS p JOIN workspaces AS w USING (workspace_id) LEFT JOIN blobs ON true", 1),
    ("SELECT * FROM blobs WHERE EXISTS (FROM packages) AND blob_id IN (SELECT blob_id FROM holdings)", 1),
    ("SELECT 'COPY blobs TO ''x''' AS text, 'read_blob(''/etc/passwd'')' AS more", 1),
]  # fmt: skip


@pytest.mark.parametrize(("query", "height"), SELECTS)
def test_what_an_analyst_asks_is_answered(ledger: LedgerReader, query: str, height: int | None) -> None:
    frame = ledger.sql(query)
    assert frame.width
    assert height is None or frame.height == height


def test_the_relations_of_a_month(ledger: LedgerReader) -> None:
    assert ledger.sql("SELECT state FROM package_states", *MONTH).rows() == [("live",)]
