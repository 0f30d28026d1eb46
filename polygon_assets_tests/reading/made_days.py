"""Stored days made from made-up files, whole or with something done to their rows, without a bucket.

Belongs here: getting rows into a store as an ingest would. Does not: what is then found in them.
"""

import datetime as dt
import itertools
from collections.abc import Callable

import pyarrow as pa

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
