"""A benchmark's time counts only where the content is right: the comparison itself must see a difference."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from benchmarks import big
from benchmarks.content import check_records, check_trades, count_trades
from benchmarks.peers.records import FIELDS
from benchmarks.processes import ContestantError
from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size

DAY = "2026-05-12"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trades") / f"{DAY}.csv.gz"
    path.write_bytes(flat_file(get_dataset("stocks_trades"), DAY, Size(20, 2_000)))
    return path


@pytest.fixture(scope="module")
def converted(raw: Path) -> Path:
    target = raw.with_name("out.parquet")
    source = Source("s3://flatfiles/key", "key", "0" * 32, dt.datetime.now(dt.UTC), raw.stat().st_size)
    convert(raw, target, get_dataset("stocks_trades"), dt.date.fromisoformat(DAY), source)
    return target


def test_what_is_converted_passes(raw: Path, converted: Path) -> None:
    check_trades(converted, raw)
    assert count_trades(raw) == pq.ParquetFile(converted).metadata.num_rows


def _one_row_less(table: pa.Table) -> pa.Table:
    return table.slice(1)


def _two_rows_changed_about(table: pa.Table) -> pa.Table:
    return table.take([1, 0, *range(2, len(table))])


def _another_price(table: pa.Table) -> pa.Table:
    prices: Any = pc.if_else(pa.array([True] + [False] * (len(table) - 1)), 0.01, table.column("price"))
    return table.set_column(table.schema.get_field_index("price"), "price", prices)


def _no_conditions(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("conditions")
    return table.set_column(place, "conditions", pa.array([[]] * len(table), pa.list_(pa.int16())))


@pytest.mark.parametrize("change", [_one_row_less, _two_rows_changed_about, _another_price, _no_conditions])
def test_a_difference_ends_the_benchmark(raw: Path, converted: Path, tmp_path: Path, change: Any) -> None:
    pq.write_table(change(pq.ParquetFile(converted).read()), tmp_path / "wrong.parquet")
    with pytest.raises(ContestantError, match="does not hold the rows"):
        check_trades(tmp_path / "wrong.parquet", raw)


def test_records_of_a_ticker_are_compared_field_by_field(raw: Path) -> None:
    rows = csv.read_csv(raw, convert_options=csv.ConvertOptions(column_types={"conditions": pa.string()})).to_pylist()
    ticker = rows[0]["ticker"]
    records = [
        [float(np.float32(row[name])) if name == "size" else row[name] for name in FIELDS]
        for row in rows
        if row["ticker"] == ticker
    ]
    check_records({ticker: records}, FIELDS, raw)
    for wrong in (records[1:], [[*records[0][:-1], -1], *records[1:]]):
        with pytest.raises(ContestantError, match=ticker):
            check_records({ticker: wrong}, FIELDS, raw)
    with pytest.raises(ContestantError, match="NOSUCH"):
        check_records({"NOSUCH": []}, FIELDS, raw)


@pytest.mark.slow
def test_a_big_file_comes_whole_through_a_server_and_the_pipeline(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A small one here; its rows come several times, under tickers of their own each time."""
    big.ingest(tmp_path, 1_000_000)
    assert re.search(r"\n[2-9]0,000 rows, 0\.00 GB in, .* MB peak memory", capfd.readouterr().out)
