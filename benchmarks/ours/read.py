"""``read store|files|years DATASET FOLDER TICKER FIRST LAST``: a ticker's rows from our store or any files."""

import hashlib
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

import polygon_assets
from benchmarks.measuring import Stopwatch, answer
from polygon_assets.ingest import ParquetStore

COLUMNS = ["ticker", "volume", "open", "close", "high", "low", "transactions"]


def from_store(dataset: str, folder: str, ticker: str, first: str, last: str) -> pa.Table:
    """By ``ParquetStore.scan``."""
    return ParquetStore(folder).scan(dataset, first, last).to_table(COLUMNS, filter=pc.field("ticker") == ticker)


def from_files(_dataset: str, folder: str, ticker: str, _first: str, _last: str) -> pa.Table:
    """From all files of the folder, whoever wrote them."""
    files = sorted(str(path) for path in Path(folder).rglob("*.parquet"))
    return pads.dataset(files, format="parquet").to_table(COLUMNS, filter=pc.field("ticker") == ticker)


def from_years(dataset: str, folder: str, ticker: str, first: str, last: str) -> pa.Table:
    """As users read tickers: from the files of whole years, where they say what the days say."""
    return polygon_assets.scan(dataset, first, last, tickers=ticker, store=folder).to_table(COLUMNS)


READERS = {"store": from_store, "files": from_files, "years": from_years}


def main(kind: str, *arguments: str) -> None:
    """Read twice; the first time warms up."""
    READERS[kind](*arguments)
    watch = Stopwatch()
    table = READERS[kind](*arguments)
    measured = watch.read()
    digest = hashlib.sha256(repr(table.select(COLUMNS).to_pydict()).encode()).hexdigest()
    answer(measured, rows=table.num_rows, digest=digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
