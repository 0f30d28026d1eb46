"""SQL reads the datasets, and neither reads nor writes anything else."""

import tempfile
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polygon_assets.errors import InvalidInputError, PolygonAssetsError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading import queries
from polygon_assets.reading.queries import connect, run
from polygon_assets_tests.reading.conftest import DAYS, filled
from polygon_assets_tests.stores import Place

__all__ = ["filled"]
LATEST = DAYS[-1]
WRITES = """
COPY (PIVOT stocks_daily ON date USING sum(close) GROUP BY ticker) TO '{out}'
CREATE TABLE t AS PIVOT stocks_daily ON date USING sum(close) GROUP BY ticker
CREATE TABLE t AS WITH p AS (PIVOT stocks_daily ON date USING sum(close)) SELECT * FROM p
EXPLAIN ANALYZE COPY (PIVOT stocks_daily ON date USING sum(close)) TO '{out}'
INSERT INTO stocks_daily PIVOT stocks_daily ON date USING sum(close)
WITH a AS (COPY (SELECT 1 AS n) TO '{out}') SELECT * FROM a
WITH a AS (COPY (SELECT 1 AS n) TO '{day}' (FORMAT parquet, USE_TMP_FILE false)) SELECT * FROM a
WITH a AS (COPY (SELECT 1 AS n) TO '{day}' (FORMAT parquet, USE_TMP_FILE false)) PIVOT a ON n USING sum(n)
WITH a AS (/* */ copy (SELECT 1) TO '{day}' (USE_TMP_FILE false)), b AS (PIVOT stocks_daily ON date) FROM b
EXPLAIN ANALYZE WITH a AS (COPY (SELECT 1) TO '{day}' (FORMAT parquet, USE_TMP_FILE false)) SELECT * FROM a
FROM query('WITH a AS (COPY (SELECT 1) TO ''{day}'' (FORMAT parquet, USE_TMP_FILE false)) FROM a')
PIVOT (FROM query('WITH a AS (COPY (SELECT 1) TO ''{out}'') FROM a')) ON Count USING sum(Count)
WITH a AS (INSERT INTO stocks_daily BY NAME SELECT 1 AS close RETURNING *) SELECT * FROM a
COPY stocks_daily TO '{out}'
COPY stocks_daily FROM '{secret}'
EXPORT DATABASE '{out}'
IMPORT DATABASE '{folder}'
ATTACH '{out}' AS other
DETACH memory
USE memory
INSTALL httpfs
LOAD httpfs
UPDATE EXTENSIONS
SET enable_external_access = true
RESET allowed_paths
SET VARIABLE a = 1
PRAGMA enable_profiling
PRAGMA profiling_output = '{out}'
PRAGMA database_list
CALL enable_logging(storage = 'file', storage_path = '{folder}')
FROM enable_logging(storage = 'file', storage_path = '{folder}')
FROM enable_profiling(save_location = '{out}')
CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')
CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'b')
CREATE VIEW v AS FROM stocks_daily
CREATE MACRO m() AS 1
DROP VIEW stocks_daily
PREPARE p AS COPY (SELECT 1) TO '{out}'
EXECUTE p
BEGIN TRANSACTION
CHECKPOINT
VACUUM stocks_daily
SELECT 1; COPY (SELECT 1) TO '{out}'
SELECT 1) ; COPY (SELECT 1) TO '{out}'; SELECT * FROM (SELECT 1
"""
READS = """
FROM read_text('/proc/self/environ')
FROM read_blob('{secret}')
FROM read_csv('{secret}')
FROM read_json('{secret}')
FROM sniff_csv('{secret}')
FROM '{secret}'
FROM glob('{folder}/*')
FROM parquet_metadata('{foreign}')
FROM read_parquet('{foreign}')
FROM '{foreign}'
FROM read_parquet('{link}')
FROM read_parquet('{day}/../../../../{foreign}')
FROM read_duckdb('{foreign}')
FROM read_text('{kept}')
FROM read_csv('http://127.0.0.1:9/a.csv')
FROM read_parquet('s3://bucket/a.parquet')
FROM read_parquet('https://127.0.0.1:9/a.parquet')
FROM arrow_table
FROM planted
FROM query_table('arrow_table')
FROM query('FROM read_text(''{secret}'')')
SELECT getenv('HOME')
PIVOT (FROM read_text('{secret}')) ON size USING sum(size)
SUMMARIZE FROM read_text('{secret}')
DESCRIBE FROM read_text('{secret}')
EXPLAIN ANALYZE FROM read_text('{secret}')
SELECT (SELECT content FROM read_text('{secret}'))
"""
HARMLESS = """
FROM duckdb_secrets()
FROM duckdb_settings()
FROM duckdb_views()
SHOW ALL TABLES
SELECT count(*) FROM stocks_minute;
SELECT 1 AS n -- COPY and UPDATE are words here;
SELECT 'COPY' AS ticker, "update" FROM (SELECT 2 AS "update") ; /* INSERT */
PIVOT (SELECT * FROM stocks_daily WHERE ticker <> 'COPY') ON date USING avg(close) GROUP BY ticker
WITH p AS (PIVOT stocks_daily ON date USING avg(close) GROUP BY ticker) SELECT "{latest}" FROM p
EXPLAIN ANALYZE PIVOT stocks_daily ON date USING avg(close) GROUP BY ticker
UNPIVOT (SELECT ticker, open, close FROM stocks_daily) ON open, close
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture
def names(filled: ParquetStore, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Files that SQL may not touch, beside the store and below it."""
    folder = tmp_path / "elsewhere"
    (folder / "work").mkdir(parents=True)
    (folder / "secret.csv").write_text("hush\nhush\n")
    pq.write_table(pa.table({"hush": [1]}), folder / "foreign.parquet")
    monkeypatch.chdir(folder / "work")
    monkeypatch.setenv("HOME", str(folder))
    day = filled.path("stocks_daily", LATEST)
    link, kept = folder / "link.parquet", folder / "kept.csv"
    if place.server is None:
        link, kept = Path(day).parent / "link.parquet", Path(filled.uri) / "_quarantine" / "kept.csv"
        kept.parent.mkdir(exist_ok=True)
        link.symlink_to(folder / "foreign.parquet")
    kept.write_text("hush\n")
    return {
        "folder": folder,
        "out": folder / "out",
        "secret": folder / "secret.csv",
        "foreign": folder / "foreign.parquet",
        "day": day,
        "link": link,
        "kept": kept,
        "latest": LATEST,
    }


def files(*folders: str) -> dict[str, bytes]:
    """All files below ``folders``, with their bytes."""
    found = (path for each in folders for path in Path(each).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in found}


@pytest.mark.stores("disk", "s3")
def test_nothing_but_a_query_is_run_and_nothing_but_the_datasets_is_read(
    filled: ParquetStore, names: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrow_table = pa.table({"hush": [1]})
    monkeypatch.setattr(queries, "planted", arrow_table, raising=False)  # where DuckDB is called from
    watched = (str(names["folder"]), filled.uri)
    before, passed = files(*watched), []
    with connect(filled) as connection:
        for template in lines(WRITES) + lines(READS):
            with suppress(InvalidInputError):
                passed.append((template, run(connection, template.format(**names)).read_all()))
    assert passed == []
    assert files(*watched) == before


@pytest.mark.stores("disk", "s3")
def test_what_only_asks_is_run(filled: ParquetStore, names: dict[str, object]) -> None:
    for template in lines(HARMLESS):
        with connect(filled) as connection:
            run(connection, template.format(**names)).read_all()


def test_a_file_is_refused_in_words(filled: ParquetStore) -> None:
    with connect(filled) as connection:
        with pytest.raises(InvalidInputError, match="Only the datasets can be read, no file, address or extension: "):
            run(connection, "FROM read_text('/proc/self/environ')")
        with pytest.raises(InvalidInputError, match=r"Only queries are run .*; this is MULTI\. To write a file: --out"):
            run(connection, "COPY (PIVOT stocks_daily ON date) TO 'a'")
        with pytest.raises(InvalidInputError, match='this has COPY in it; as a name, it is "copy"'):
            run(connection, "WITH a AS (copy (SELECT 1) TO 'a') FROM a")


def test_any_folder_can_be_a_store(filled: ParquetStore, tmp_path: Path) -> None:
    odd = tmp_path / "it's [1]*? ü"
    Path(filled.uri).rename(odd)
    (tmp_path / "link").symlink_to(odd)
    (tmp_path / "beside").mkdir()
    for place in (odd, tmp_path / "link", tmp_path / "beside" / ".." / "link"):
        with connect(ParquetStore(str(place))) as connection:
            assert run(connection, "SELECT count(*) AS n FROM stocks_daily").read_all().to_pylist() == [{"n": 60}]


def test_what_memory_does_not_hold_goes_to_a_private_folder_that_is_gone_afterwards(
    filled: ParquetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small = duckdb.connect(config={"memory_limit": "150MB", "threads": 1})
    monkeypatch.setattr(duckdb, "connect", lambda: small)
    with connect(filled) as connection:
        reader = run(
            connection, "SELECT n, md5(n::VARCHAR) AS m, md5((n + 1)::VARCHAR) FROM range(4000000) t(n) ORDER BY m"
        )
        assert reader.read_next_batch().num_rows
        (spill,) = tmp_path.glob("polygon-assets-sql-*")
        assert any(spill.iterdir())
        assert spill.stat().st_mode & 0o777 == 0o700
    assert not spill.exists()


def test_what_does_not_fit_says_what_helps(filled: ParquetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    small = duckdb.connect(config={"memory_limit": "100MB", "threads": 1})
    monkeypatch.setattr(duckdb, "connect", lambda: small)
    with connect(filled) as connection, pytest.raises(PolygonAssetsError, match="more room in TMPDIR, or ask for less"):
        run(connection, "SELECT list(md5(n::VARCHAR)) FROM range(4000000) t(n)").read_all()


def test_the_settings_that_confine_duckdb_are_locked(filled: ParquetStore) -> None:
    names = (
        "enable_external_access",
        "autoinstall_known_extensions",
        "autoload_known_extensions",
        "lock_configuration",
    )
    with connect(filled) as connection:
        found = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        assert [found[name] for name in names] == ["false", "false", "false", "true"]
        allowed = connection.execute("SELECT unnest(current_setting('allowed_paths'))").fetchall()
    stored = {filled.path(name, day) for name in ("stocks_daily", "stocks_minute") for day in DAYS}
    assert {path for (path,) in allowed} == stored
