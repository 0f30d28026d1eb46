"""``sql``: tables and files, from a folder and from an object store."""

import csv
import json
import re
import sys
from pathlib import Path

import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from polygon_assets.errors import StoreUnreachableError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.queries import connect, run
from polygon_assets_tests.cli.conftest import Command
from polygon_assets_tests.reading.conftest import DAYS, filled
from polygon_assets_tests.stores import Place

__all__ = ["filled"]
LATE = "SELECT CAST(CASE WHEN n = 5000000 THEN 'a' ELSE '1' END AS INT) FROM range(6000000) AS t(n)"
"""Fails when rows have been given already."""
QUERY = "SELECT date, ticker, close FROM stocks_daily ORDER BY ALL"
pytestmark = pytest.mark.stores("disk", "s3")


@pytest.fixture
def settings(filled: ParquetStore, place: Place, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    """The environment that names the store, and nothing else."""
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    return filled


@pytest.mark.usefixtures("settings")
def test_a_table(cli: Command) -> None:
    done = cli("sql", QUERY, "--rows", "3")
    assert done.code == 0
    assert done.out.count(DAYS[0]) == 3
    assert "The first 3 rows; more with --rows N, all with --output FILE." in done.err
    assert "options" not in cli("sql", "SELECT count(*) AS n FROM options_minute").out


@pytest.mark.usefixtures("settings")
def test_only_the_days_asked_for(cli: Command, place: Place) -> None:
    place.write(place.file("stocks_daily", DAYS[0]), b"corrupt")
    query = f"SELECT count(*) AS n FROM stocks_daily WHERE date = '{DAYS[1]}'"  # noqa: S608
    assert cli("sql", query, "--format", "json").json() == [{"n": 20}]


@pytest.mark.usefixtures("settings")
def test_files(cli: Command, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        done = cli("sql", QUERY, "--output", str(tmp_path / f"out.{ending}"))
        assert done.code == 0, done.err
        assert done.err.startswith("60 rows in ")
    table = pq.read_table(tmp_path / "out.parquet")
    rows = json.loads((tmp_path / "out.json").read_text())
    with (tmp_path / "out.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [row["ticker"] for row in rows] == table["ticker"].to_pylist() == [line["ticker"] for line in lines]
    assert rows[0]["date"] == str(table["date"][0]) == lines[0]["date"] == DAYS[0]
    assert [row["close"] for row in rows] == table["close"].to_pylist() == [float(line["close"]) for line in lines]


@pytest.mark.usefixtures("settings")
def test_standard_streams(cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text(QUERY)
    with (tmp_path / "query.sql").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert len(cli("sql", "-", "--format", "json").json()) == 60
    assert len(cli("sql", QUERY, "--format", "csv").out.splitlines()) == 61


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("SELECT * FROM stock_daily",), "There is no dataset 'stock_daily'. Did you mean 'stocks_daily'?"),
        (
            ("SELECT * FROM bonds",),
            "There is no dataset 'bonds'. There are: stocks_daily, stocks_minute, stocks_trades",
        ),
        (("SELECT price FROM stocks_daily",), 'Referenced column "price" not found in FROM clause! Candidate bindings'),
        (("SELEC 1",), "syntax error"),
        ((" ",), "The query is empty; ask with SELECT."),
        (("SELECT 1; SELECT 2",), "These are 2 statements; ask one query at a time."),
        (("SELECT CAST(ticker AS INT) FROM stocks_daily",), "Conversion Error: Could not convert string"),
        ((LATE, "--format", "csv"), "Conversion Error: Could not convert string 'a' to INT32"),
        (("SELECT 1", "--output", "a.txt"), "say what to write with --format csv, json or parquet"),
        (("SELECT 1", "--format", "parquet"), "Parquet needs a file"),
    ],
)
def test_mistakes(cli: Command, arguments: tuple[str, ...], message: str) -> None:
    done = cli("sql", *arguments)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert message in done.err


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("query", ["COPY (SELECT 1) TO 'out.csv'", "SET threads = 1", "CREATE TABLE x (a INT)"])
@pytest.mark.parametrize("before", ["", "EXPLAIN ANALYZE ", "EXPLAIN (ANALYZE, FORMAT json) ", "/* a note */ EXPLAIN "])
def test_only_queries_are_run(
    cli: Command, query: str, before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("sql", before + query)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "Only queries are run (SELECT" in done.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    "query",
    [
        "WITH a AS (SELECT 1 AS n) SELECT * FROM a",
        "FROM stocks_daily LIMIT 1",
        "DESCRIBE stocks_daily",
        "SUMMARIZE stocks_daily",
        "SHOW TABLES",
        "PIVOT stocks_daily ON date USING avg(close) GROUP BY ticker",
        "EXPLAIN SELECT * FROM stocks_daily",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN (SELECT 1)",
    ],
)
def test_everything_that_asks_is_run(cli: Command, query: str) -> None:
    done = cli("sql", query)
    assert done.code == 0, done.err


@pytest.mark.usefixtures("settings")
def test_a_rotten_day_is_the_stores_fault(cli: Command, place: Place) -> None:
    path = place.file("stocks_daily", DAYS[0])
    place.write(path, b"PAR1" + b"x" * 100 + b"rott")
    done = cli("sql", "SELECT count(close) FROM stocks_daily")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert f"stocks_daily/date={DAYS[0]}/data.parquet" in done.err  # on S3, by its name in the store
    assert "Which days are damaged: polygon-assets verify" in done.err


@pytest.mark.stores("s3")
def test_a_store_that_refuses_while_it_is_read_is_not_called_damaged(settings: ParquetStore, place: Place) -> None:
    assert place.server is not None
    bucket, _, prefix = place.uri.removeprefix("s3://").partition("/")
    host = place.server.endpoint_url.removeprefix("http://")
    refused = pafs.S3FileSystem(access_key="x", secret_key="wrong", endpoint_override=host, scheme="http")
    store = ParquetStore(
        settings.uri,
        filesystem=pafs.SubTreeFileSystem(f"{bucket}/{prefix}", refused),
        endpoint_url=place.server.endpoint_url,
        access_key_id=place.server.access_key_id,
        secret_access_key=place.server.secret_access_key,
    )
    with connect(store) as connection, pytest.raises(StoreUnreachableError, match="POLYGON_STORE_"):
        run(connection, QUERY).read_all()


@pytest.mark.usefixtures("settings")
def test_a_failure_leaves_the_earlier_file(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("earlier")
    done = cli("sql", "SELECT CAST(ticker AS INT) FROM stocks_daily", "--output", str(tmp_path / "out.csv"))
    assert done.code != 0
    assert (tmp_path / "out.csv").read_text() == "earlier"
    assert [path.name for path in tmp_path.glob("*out.csv*")] == ["out.csv"]


def test_without_duckdb(cli: Command, settings: ParquetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    done = cli("sql", QUERY)
    assert done.code == 1
    assert "SQL needs DuckDB, which is not installed here: make install" in done.err
    assert settings.days("stocks_daily") == DAYS


@pytest.mark.stores("disk")  # only there does DuckDB say which files it opens
@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_an_answer_without_rows_once_did_not_say_that_nothing_is_stored(cli: Command, form: str) -> None:
    stored = f"stored are {len(DAYS)} days, {DAYS[0]} to {DAYS[-1]}"
    for query, said in (
        ("FROM options_daily", "Nothing of options_daily is stored in "),
        ("SELECT count(*) FROM options_daily", "To have some: polygon-assets ingest options_daily --last 5"),
        ("FROM stocks_daily WHERE date = '2024-02-01'", f"No stored day of stocks_daily is one that .*; {stored}"),
        ("SELECT sum(volume) FROM stocks_daily WHERE date > '2030-01-01'", f"No stored day of stocks_daily .*{stored}"),
        ("FROM stocks_daily WHERE ticker = 'nobody'", f"No rows. Of stocks_daily, {stored}"),
    ):
        done = cli("sql", query, "--format", form)
        assert done.code == 0
        assert re.fullmatch(f"note: .*{said}.*\n", done.err), done.err


@pytest.mark.usefixtures("settings")
def test_an_answer_from_stored_days_says_nothing_more(cli: Command) -> None:
    for query in ("SELECT count(*) FROM stocks_daily", "SELECT max(close) FROM stocks_daily WHERE date > '2024-07-01'"):
        assert cli("sql", query).err == ""
