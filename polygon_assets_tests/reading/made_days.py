"""Stored days made from made-up files, whole or with something done to their rows, without a bucket.

Belongs here: getting rows into a store as an ingest would. Does not: what is then found in them.
"""

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.datasets import DATASETS, get_dataset
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source
from polygon_assets.ingest import ParquetStore
from polygon_assets.sample.flat_files import day_table, printed
from polygon_assets.sample.generators import Size

Change = Callable[[pa.Table], pa.Table]
"""Of the rows of a day; prices and volumes are in millionths."""
SIZE = Size(symbols=120, rows=24_000)
_numbers = itertools.count()


def put_file(store: ParquetStore, dataset: str, day: str, body: bytes, row_filter: RowFilter = ALL_ROWS) -> None:
    """Store the csv.gz ``body`` as an ingest would."""
    key = f"a/{DATASETS[dataset].kind}/{day[:4]}/{day[5:7]}/{day}.csv.gz"
    source = Source(f"s3://a/{key}", key, f"{next(_numbers)}", dt.datetime(2024, 1, 3, tzinfo=dt.UTC), len(body))
    with store.staging() as staging:
        raw, staged = staging / "raw.csv.gz", staging / "day.parquet"
        raw.write_bytes(body)
        convert(raw, staged, get_dataset(dataset), dt.date.fromisoformat(day), source, row_filter=row_filter)
        store.publish(staged, dataset, day)


def put_made(
    store: ParquetStore,
    dataset: str,
    day: str,
    change: Change = lambda rows: rows,
    *,
    size: Size = SIZE,
    row_filter: RowFilter = ALL_ROWS,
) -> None:
    """Store a made-up day after ``change``."""
    rows = change(day_table(DATASETS[dataset], day, size))
    put_file(store, dataset, day, printed(DATASETS[dataset], day, rows), row_filter)


def is_of(*tickers: str) -> Callable[[pa.Table], Any]:
    """Is a row of one of ``tickers``?"""
    return lambda rows: pc.is_in(rows.column("ticker"), value_set=pa.array(tickers))


def multiplied(by: float, *names: str, ticker: str) -> Change:
    """Multiply columns of one ticker."""

    def change(rows: pa.Table) -> pa.Table:
        chosen = is_of(ticker)(rows)
        for name in names:
            values = pc.cast(pc.round(pc.multiply(rows.column(name), by)), pa.int64())
            column = pc.if_else(chosen, values, rows.column(name))
            rows = rows.set_column(rows.column_names.index(name), name, column)
        return rows

    return change
