"""Every dataset of the bucket: from a made-up file through a real S3 server to Parquet, and back row for row.

What comes back through ``scan`` and SQL is what DuckDB reads from the same csv.gz with explicit types.
"""

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from polygon_assets.datasets import DATASETS, Column, Dataset
from polygon_assets.ingest import DayStatus
from polygon_assets.reading.queries import connect, run
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.vendor import Vendor

DAY = "2026-11-06"
SIZE = Size(symbols=40, rows=2_000)
CSV_TYPES = {
    "string": "VARCHAR",
    "list<int16>": "VARCHAR",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "int16": "SMALLINT",
    "date32": "DATE",
    "timestamp[us, UTC]": "BIGINT",
    "timestamp[ns, UTC]": "BIGINT",
}
CODES = """CASE WHEN {0} = '' THEN []::SMALLINT[] ELSE string_split({0}, ',')::SMALLINT[] END"""


def meant(column: Column) -> str:
    """What a cell of the file means, in DuckDB's words."""
    if column.type == "list<int16>":
        return CODES.format(column.name)
    return f"nullif({column.name}, 0)" if column.zero_is_null else column.name


def stored(column: Column) -> str:
    """A stored cell, moments as nanoseconds."""
    return f"epoch_ns({column.name})" if column.type.startswith("timestamp") else column.name


def in_file(dataset: Dataset, names: list[str], path: Path) -> list[tuple[Any, ...]]:
    """The rows that DuckDB reads from the csv.gz."""
    known = {column.name: column for column in dataset.columns}
    types = {name: CSV_TYPES[known[name].type] for name in names}
    texts = [name for name, kind in types.items() if kind == "VARCHAR"]
    cells = ", ".join(meant(known[name]) for name in names)
    source = f"read_csv('{path}', header = true, quote = '\"', columns = {types}, force_not_null = {texts})"
    return duckdb.connect().execute(f"SELECT {cells} FROM {source}").fetchall()  # noqa: S608 (names of the table)


def scanned(table: pa.Table, columns: list[Column]) -> list[tuple[Any, ...]]:
    """The rows of ``scan``, moments as nanoseconds."""
    cells = []
    for column in columns:
        values = table.column(column.name)
        if column.type.startswith("timestamp"):
            values = values.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        cells.append(values.to_pylist())
    return list(zip(*cells, strict=True))


@pytest.mark.parametrize("name", DATASETS)
async def test_what_is_stored_is_what_duckdb_reads_from_the_file(vendor: Vendor, tmp_path: Path, name: str) -> None:
    dataset = DATASETS[name]
    path = tmp_path / "file.csv.gz"
    path.write_bytes(flat_file(dataset, DAY, SIZE))
    vendor.put_bytes(name, DAY, path.read_bytes())
    (result,) = await vendor.ingest(name, DAY)
    assert result.status is DayStatus.PUBLISHED, result.error
    named = [column for column in dataset.columns if column.name in header(path)]
    expected = in_file(dataset, header(path), path)
    assert len(expected) == result.rows > 0
    order = [header(path).index(column.name) for column in named]
    expected = [tuple(row[at] for at in order) for row in expected]
    assert scanned(vendor.store.scan(name, DAY, DAY).to_table(), named) == expected
    with connect(vendor.store) as connection:
        cells = ", ".join(stored(column) for column in named)
        answer = run(connection, f"SELECT {cells} FROM {name} WHERE date = '{DAY}'")  # noqa: S608
        assert [tuple(row.values()) for row in answer.read_all().to_pylist()] == expected
    assert verify_day(vendor.store, name, DAY).problems == ()


def header(path: Path) -> list[str]:
    """The columns of the file."""
    with gzip.open(path, "rt") as file:
        return file.readline().rstrip().split(",")


@pytest.mark.parametrize("name", DATASETS)
def test_a_made_up_file_has_the_columns_of_the_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.csv.gz"
    path.write_bytes(flat_file(DATASETS[name], DAY, SIZE))
    names = header(path)
    assert set(names) <= set(DATASETS[name].header)
    assert {column.name for column in DATASETS[name].columns if not column.optional} <= set(names)
