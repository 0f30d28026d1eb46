"""A stored day at a glance: its first rows and its largest movers, as records of plain values.

Belongs here: choosing a few rows. Does not: where they are shown, and never Markdown or HTML: tickers come from a file.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.datasets import get_dataset
from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore

PREVIEW_ROWS = 10
MOVERS = 5
"""Gainers, and losers."""
MOST_TRADED = 1_000
"""Movers are looked for among so many tickers with the largest turnover: the others move by a cent and by half."""


@dataclass(frozen=True)
class Mover:
    """A ticker and what its price did on the day."""

    ticker: str
    open: float
    """First price of the day, US dollars."""
    close: float
    """Last price, US dollars."""
    volume: float

    @property
    def change(self) -> float:
        """As a fraction of the first price."""
        return self.close / self.open - 1


Row = dict[str, str | int | float | None]
"""Values by their columns; text without control characters."""


def preview(store: ParquetStore, dataset: str, day: str) -> list[Row]:
    """The first rows of the stored day.

    Raises:
        OSError, StoreError: it cannot be read, or is damaged.
    """
    with store.open_input_file(dataset, day) as file:
        stored = pq.ParquetFile(file, page_checksum_verification=True)
        batch = next(stored.iter_batches(PREVIEW_ROWS), None)
    names = [column.name for column in get_dataset(dataset).stored_columns]
    rows = readable(batch).to_pylist() if batch is not None else []
    if len(rows) != min(PREVIEW_ROWS, stored.metadata.num_rows):  # a page's header has no checksum
        raise StoreError(f"{store.path(dataset, day)}: fewer rows than its footer says: fetch it with --overwrite")
    return [{name: _plain(row[name]) for name in names} for row in rows]


def readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """``batch`` with moments of nanoseconds as text, all nine digits of them: Python's own have six."""
    for number, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            batch = batch.set_column(number, field.name, batch.column(number).cast(pa.string()))
    return batch


def movers(store: ParquetStore, dataset: str, day: str) -> tuple[list[Mover], list[Mover]]:
    """The most traded tickers that rose, and that fell, the most from their first price to their last.

    Rows are sorted by ticker and time, so each ticker is one run of rows.

    Raises:
        OSError: the day cannot be read, or is damaged.
    """
    columns = ["ticker", "open", "close", "volume"]
    held = {column.name for column in get_dataset(dataset).stored_columns}
    if not held.issuperset(("open", "close")):
        return [], []
    if "volume" not in held:
        columns.remove("volume")
    with store.open_input_file(dataset, day) as file:
        table = pq.read_table(file, columns=columns, read_dictionary=["ticker"], page_checksum_verification=True)
    tickers = table.column("ticker").combine_chunks().dictionary_encode()
    if not len(tickers):
        return [], []
    codes = tickers.indices.to_numpy()
    first = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    last = np.r_[first[1:], len(codes)] - 1
    opens, closes = table.column("open").to_numpy()[first], table.column("close").to_numpy()
    volumes = table.column("volume").to_numpy() if "volume" in columns else np.ones(len(codes))
    turnover, volume = np.add.reduceat(volumes * closes, first), np.add.reduceat(volumes, first)
    busiest = np.argsort(-turnover, kind="stable")[:MOST_TRADED]
    busiest = busiest[opens[busiest] > 0]
    ranked = busiest[np.argsort(closes[last][busiest] / opens[busiest], kind="stable")]

    def mover(number: int) -> Mover:
        name = tickers.dictionary[int(codes[first[number]])].as_py()
        return Mover(name, float(opens[number]), float(closes[last[number]]), float(volume[number]))

    gainers, losers = [mover(each) for each in ranked[::-1][:MOVERS]], [mover(each) for each in ranked[:MOVERS]]
    return [each for each in gainers if each.change > 0], [each for each in losers if each.change < 0]


def movers_rows(gainers: Iterable[Mover], losers: Iterable[Mover]) -> list[Row]:
    """Both as one table, from the largest gain to the largest loss."""
    return [_mover_row(each) for each in [*gainers, *reversed(list(losers))]]


def _mover_row(each: Mover) -> Row:
    figures: Row = {"change": f"{each.change:+.1%}", "first": each.open, "last": each.close, "volume": each.volume}
    return {"ticker": _printable(each.ticker), **{name: _plain(value) for name, value in figures.items()}}


def _plain(value: object) -> str | int | float | None:
    if value is None or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return _printable(str(value))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
