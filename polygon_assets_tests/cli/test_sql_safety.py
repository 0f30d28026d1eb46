"""``sql`` reads the published days, and can do nothing else: each of these wrote a file or showed a secret once."""

from pathlib import Path

import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets_tests.cli.conftest import Command
from polygon_assets_tests.reading.conftest import DAYS, filled
from polygon_assets_tests.stores import Place

__all__ = ["filled"]
pytestmark = pytest.mark.stores("disk", "s3")
PIVOT = "PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)"


@pytest.fixture
def settings(filled: ParquetStore, place: Place, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    """The environment that names the store, and a secret."""
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POLYGON_SECRET_ACCESS_KEY", "canary-of-sql")
    return filled


WRITES = {
    "a copy of a pivot": f"COPY ({PIVOT}) TO '{{target}}'",
    "a copy of a pivot behind a comment": f"/* SELECT */ COPY ({PIVOT}) TO '{{target}}'",
    "a copy of a pivot behind a line comment": f"-- SELECT\nCOPY ({PIVOT}) TO '{{target}}'",
    "a copy": "COPY (SELECT 1) TO '{target}'",
    "an explained copy": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}'",
    "an explained copy of a pivot": f"EXPLAIN ANALYZE COPY ({PIVOT}) TO '{{target}}'",
    "a table of a pivot": f"CREATE TABLE t AS {PIVOT}",
    "a table": "CREATE TABLE t AS SELECT 1",
    "an export": "EXPORT DATABASE '{target}'",
    "a database": "ATTACH '{target}' AS other",
    "a secret": "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "an extension": "INSTALL httpfs",
    "a loaded extension": "LOAD httpfs",
    "a setting": "SET enable_external_access = true",
    "a pragma": "PRAGMA enable_profiling",
    "a call": "CALL pragma_version()",
    "two statements": "SELECT 1; COPY (SELECT 1) TO '{target}'",
    "a pivot and a copy": f"{PIVOT}; COPY (SELECT 1) TO '{{target}}'",
    "an insertion": f"WITH p AS ({PIVOT}) INSERT INTO stocks_daily SELECT * FROM p",  # noqa: S608
}


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("what", WRITES)
def test_it_writes_nothing(cli: Command, tmp_path: Path, what: str) -> None:
    target = tmp_path / "written"
    done = cli("sql", WRITES[what].format(target=target))
    assert done.code == 2, done.err
    assert not target.exists()


@pytest.mark.usefixtures("settings")
def test_it_overwrites_no_stored_day(cli: Command, place: Place) -> None:
    uri = place.file("stocks_daily", DAYS[0])
    before = place.read(uri)
    assert cli("sql", f"COPY ({PIVOT}) TO '{uri}' (FORMAT parquet)").code == 2
    assert place.read(uri) == before


READS = {
    "the environment": "SELECT * FROM read_text('/proc/self/environ')",
    "the environment, as a blob": "SELECT * FROM read_blob('/proc/self/environ')",
    "a file": "SELECT * FROM '/etc/passwd'",
    "a file of CSV": "SELECT * FROM read_csv('/etc/passwd')",
    "names of files": "SELECT * FROM glob('/etc/*')",
    "the network": "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    "another bucket": "SELECT * FROM read_parquet('s3://other/x.parquet')",
    "a way out of the store": "SELECT * FROM read_text('{store}/stocks_daily/../../secret.txt')",
    "the quarantine": "SELECT * FROM read_text('{store}/_quarantine/secret.txt')",
    "a variable": "SELECT getenv('POLYGON_SECRET_ACCESS_KEY')",
    "a variable of Python's": "SELECT * FROM settings",
}


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("what", READS)
def test_it_reads_nothing_but_days(cli: Command, place: Place, what: str) -> None:
    place.write(f"{place.uri}/_quarantine/secret.txt", b"canary-of-sql")
    place.write(f"{place.uri.rpartition('/')[0]}/secret.txt", b"canary-of-sql")
    done = cli("sql", READS[what].format(store=place.uri))
    assert done.code != 0
    assert "canary-of-sql" not in done.out + done.err


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM stocks_daily",
        "FROM stocks_daily SELECT count(*) AS n",
        "WITH days AS (SELECT DISTINCT date FROM stocks_daily) SELECT count(*) AS n FROM days",
        PIVOT,
        f"/* with a comment */ {PIVOT}",
        f"WITH p AS ({PIVOT}) SELECT * FROM p",  # noqa: S608
        f"SELECT * FROM ({PIVOT})",  # noqa: S608
        f"({PIVOT})",
        "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
        "DESCRIBE stocks_daily",
        "SUMMARIZE SELECT close FROM stocks_daily",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "VALUES (1)",
        "SELECT * FROM stocks_daily ORDER BY close LIMIT 1;",
    ],
)
def test_queries_work_as_before(cli: Command, query: str) -> None:
    done = cli("sql", query)
    assert done.code == 0, done.err


@pytest.mark.usefixtures("settings")
def test_a_planted_part_file_is_not_followed(cli: Command, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("as it was")
    (tmp_path / ".out.csv.part").symlink_to(precious)
    assert cli("sql", "SELECT 1 AS one", "--output", str(tmp_path / "out.csv")).code == 0
    assert precious.read_text() == "as it was"
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == '"one"'
    assert [path.name for path in tmp_path.glob(".out.csv.*")] == [".out.csv.part"]
