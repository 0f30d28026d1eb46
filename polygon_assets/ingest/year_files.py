"""A year of daily bars in one file, by ticker: reading one ticker's twenty years opens twenty files and not 5,000.

    {store}/_by_year/{dataset}/year=YYYY/data.parquet      the stored columns and ``date``, by ticker and day

Belongs here: making and reading them. Does not: when they are made anew (``orchestration``). Each is derived from the
stored days alone and says in its footer which; it can be deleted and made again at any time.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.ingest.store import FILE_NAME, ParquetStore, scanned_schema

ROW_GROUP_ROWS = 32 * 1024
"""Rows of a row group: one ticker's year is 250."""
SORTED_ROWS = 4_000_000
"""Rows that are sorted in memory at once, at about 200 bytes each."""
_FINGERPRINT = "polygon.days"


@dataclass(frozen=True)
class YearFile:
    """A file that was made."""

    year: int
    days: int
    """Days in it: all that were stored."""
    rows: int
    uri: str
    bytes: int


def write_year(store: ParquetStore, dataset: str, year: int) -> YearFile:
    """Put all stored days of ``year`` into one file, published whole in place of an older one.

    Raises:
        InvalidInputError: no daily data type, or no stored day in the year.
        StoreError: a day cannot be read, or was replaced meanwhile; what was there is still there.
    """
    row, days = get_dataset(dataset), _days(store, dataset, year)
    fingerprint, expected = _fingerprint(store, dataset, days)
    scan = store.scan(dataset, days[0], days[-1])
    with store.staging() as folder:
        staged = folder / f"{dataset}-{year}.parquet"
        rows = _write(staged, row, scan, expected, fingerprint)
        if rows != expected:
            raise StoreError(f"{store.uri}: {dataset} of {year} changed while it was read. Make the year's file again.")
        size = staged.stat().st_size
        uri = store.publish_beside(staged, _name(dataset, year))
    return YearFile(year, len(days), rows, uri, size)


def is_current(store: ParquetStore, dataset: str, year: int) -> bool:
    """Was the year's file made from exactly the days that are stored now?"""
    found = store.metadata_of(_name(dataset, year)).get(_FINGERPRINT.encode(), b"").decode()
    return found == _fingerprint(store, dataset, _days(store, dataset, year))[0]


def scan_years(store: ParquetStore, dataset: str) -> pads.Dataset:
    """All years' files as one Arrow dataset; filter by ``ticker``. Days stored since a file was made are not in it."""
    row = _daily(dataset)
    return store.dataset_of([_name(dataset, year) for year in years(store, dataset)], scanned_schema(row))


def years(store: ParquetStore, dataset: str) -> list[int]:
    """The years that have a file, oldest first."""
    names = store.names(_folder(_daily(dataset).name))
    found = [name.removeprefix("year=") for name in names if name.startswith("year=")]
    return [int(year) for year in found if year.isdecimal()]


def _write(staged: Path, row: Dataset, scan: pads.Dataset, total: int, fingerprint: str) -> int:
    schema, rows = scanned_schema(row), 0
    repeated = [field.name for field in schema if field.type != pa.float64()]
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": repeated, "write_statistics": repeated}
    with pq.ParquetWriter(staged, schema, store_schema=False, **options) as writer:
        for part in _parts(scan, total):
            table = scan.to_table(schema.names, filter=part)
            table = table.sort_by([(name, "ascending") for name in ("ticker", "date", "window_start")])
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            rows += table.num_rows
        writer.add_key_value_metadata({_FINGERPRINT: fingerprint})
    return rows


def _parts(scan: pads.Dataset, total: int) -> Iterator[Any]:
    """Filters that split the rows into ranges of tickers, each small enough to be sorted in memory."""
    count = -(-total // SORTED_ROWS)
    if count == 1:
        yield None
        return
    fragments = list(scan.get_fragments())
    tickers = fragments[len(fragments) // 2].to_table(columns=["ticker"]).column("ticker")
    bounds = sorted({tickers[len(tickers) * part // count].as_py() for part in range(1, count)})
    ticker = pc.field("ticker")
    yield ticker < bounds[0]
    for lower, upper in pairwise(bounds):
        yield (ticker >= lower) & (ticker < upper)
    yield ticker >= bounds[-1]


def _days(store: ParquetStore, dataset: str, year: int) -> list[str]:
    days = [day for day in store.days(_daily(dataset).name) if day.startswith(f"{year:04d}-")]
    if not days:
        raise InvalidInputError(f"No day of {year} is stored for {dataset}; ingest it first")
    return days


def _fingerprint(store: ParquetStore, dataset: str, days: Sequence[str]) -> tuple[str, int]:
    """What tells these days, as they are stored now, from any others; and their rows."""
    digest, rows = hashlib.sha256(), 0
    for day in days:
        stored = store.provenance(dataset, day)
        if stored is None:
            raise StoreError(f"{store.path(dataset, day)} is gone. Make the year's file again.")
        digest.update(f"{day} {stored.source_etag} {stored.schema_version}\n".encode())
        rows += stored.rows
    return f"{len(days)} {digest.hexdigest()}", rows


def _daily(dataset: str) -> Dataset:
    row = get_dataset(dataset)
    if row.window != "day":
        raise InvalidInputError(f"{dataset} is no daily data type; only those have a file for each year")
    return row


def _folder(dataset: str) -> str:
    return f"_by_year/{dataset}"


def _name(dataset: str, year: int) -> str:
    return f"{_folder(dataset)}/year={year:04d}/{FILE_NAME}"
