"""Every dataset of the bucket: from a made-up file through a real S3 server to Parquet, and back row for row.

What comes back through ``scan`` and SQL is what DuckDB reads from the same csv.gz with explicit types.
"""

from pathlib import Path

import duckdb
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import DayStatus
from polygon_assets.reading.queries import connect, run
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.ingest.read_by_duckdb import cells_in_file, header, in_file, scanned, stored
from polygon_assets_tests.vendor import Vendor

DAY = "2026-11-06"
SIZE = Size(symbols=40, rows=2_000)


@pytest.mark.parametrize("name", DATASETS)
async def test_what_is_stored_is_what_duckdb_reads_from_the_file(vendor: Vendor, tmp_path: Path, name: str) -> None:
    dataset = DATASETS[name]
    path = tmp_path / "file.csv.gz"
    path.write_bytes(flat_file(dataset, DAY, SIZE))
    vendor.put_bytes(name, DAY, path.read_bytes())
    (result,) = await vendor.ingest(name, DAY)
    assert result.status is DayStatus.PUBLISHED, result.error
    named = [column for column in dataset.columns if column.name in header(path)]
    expected = in_file(dataset, named, path)
    assert len(expected) == result.rows > 0
    assert scanned(vendor.store.scan(name, DAY, DAY).to_table(), named) == expected
    with connect(vendor.store) as connection:
        cells = ", ".join(stored(column) for column in named)
        answer = run(connection, f"SELECT {cells} FROM {name} WHERE date = '{DAY}'")  # noqa: S608
        assert [tuple(row.values()) for row in answer.read_all().to_pylist()] == expected
    assert verify_day(vendor.store, name, DAY).problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stocks_minute", "stocks_trades", "stocks_quotes", "indices_values"])
async def test_hundreds_of_thousands_of_rows_are_what_duckdb_reads(vendor: Vendor, tmp_path: Path, name: str) -> None:
    """One file of each layout that takes many blocks, and more than one row group."""
    dataset, path = DATASETS[name], tmp_path / "file.csv.gz"
    path.write_bytes(flat_file(dataset, DAY, Size(symbols=1_000, rows=300_000)))
    vendor.put_bytes(name, DAY, path.read_bytes())
    (result,) = await vendor.ingest(name, DAY)
    assert result.status is DayStatus.PUBLISHED, result.error
    assert result.rows > 250_000
    table = vendor.store.scan(name, DAY, DAY).to_table()
    named = [column for column in dataset.columns if column.name in header(path)]
    other = " OR ".join(f"f.{column.name} IS DISTINCT FROM {stored(column, 'p.')}" for column in named)
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.register("stored", table)
        pairs = f"({cells_in_file(dataset, path)}) AS f POSITIONAL JOIN stored AS p"
        counted = connection.execute(f"SELECT count(*), count(*) FILTER ({other}) FROM {pairs}")  # noqa: S608
        assert counted.fetchone() == (result.rows, 0)


@pytest.mark.parametrize("name", DATASETS)
def test_a_made_up_file_has_the_columns_of_the_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.csv.gz"
    path.write_bytes(flat_file(DATASETS[name], DAY, SIZE))
    names = header(path)
    assert set(names) <= set(DATASETS[name].header)
    assert {column.name for column in DATASETS[name].columns if not column.optional} <= set(names)
