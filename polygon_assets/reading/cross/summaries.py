"""What one stored day says of each ticker: extremes, sums, and when it was traded last. One pass, batch by batch.

Belongs here: reading a day. Does not: comparing two of them (``bars_and_parts``).
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from polygon_assets.calendars import TradingCalendar
from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError
from polygon_assets.flatfile.parquet_format import nanoseconds_in, stored_type
from polygon_assets.flatfile.rows import Ints
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.cross_rules import Floats, Mask
from polygon_assets.store.s3_folder import answering
from polygon_assets.store.s3_reading import settled

_BATCH_ROWS = 32 * 1024
_HELD_ROWS = 1_000_000
_MINUTE = 60_000_000_000
"""Nanoseconds."""
_MINUTES_OF_A_DAY = 24 * 60
_NEVER = -1.0
_AGGREGATES = {
    "high": "max",
    "low": "min",
    "regular_high": "max",
    "regular_low": "min",
    "volume": "sum",
    "transactions": "sum",
    "regular_transactions": "sum",
    "last": "max",
    "last_with_price": "max",
}


def has_minutes(dataset: Dataset) -> bool:
    """Are its rows bars of what was traded in minutes, until a closing bell? Indices keep their own hours."""
    return bool(dataset.session) and "close" in dataset.header and "transactions" in dataset.header


@dataclass(frozen=True)
class Summary:
    """A stored day, ticker by ticker."""

    dataset: Dataset
    day: str
    is_whole: bool
    """Does it hold all rows of its file? Else a filter was asked for."""
    tickers: "pa.Array[Any]"
    """Each once, in no particular order."""
    columns: dict[str, Floats]
    """``high``, ``low``, ``volume`` and ``transactions`` of the day, the latter 0 where bars do not tell; ``regular_…``
    of regular hours, NaN where nothing was traded then; ``last`` and ``last_with_price``: the minute of the last trade
    of regular hours, counted from the open, and of the last that counts for a price; -1 where there is none."""
    traded: "TradedMinutes | None"
    """None: of a dataset without minutes."""


@dataclass(frozen=True)
class TradedMinutes:
    """In which minutes of regular hours something was traded."""

    names: list[str]
    """Tickers, or underlyings of options."""
    traded: Mask
    """One row for each name, one column for each minute from the open to the closing bell."""


@dataclass
class _Minutes:
    """Collects names and minutes, each pair of them once a batch."""

    numbers: dict[str, int] = field(default_factory=dict)
    pairs: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def add(self, units: Any, minutes: Ints, regular: Mask) -> None:
        encoded = units.cast(pa.string()).dictionary_encode()
        own = [self.numbers.setdefault(name or "", len(self.numbers)) for name in encoded.dictionary.to_pylist()]
        codes = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
        chosen = regular & (codes >= 0)
        seen = np.zeros(len(own) * _MINUTES_OF_A_DAY, dtype=bool)
        seen[codes[chosen] * _MINUTES_OF_A_DAY + minutes[chosen]] = True
        code, minute = np.divmod(np.flatnonzero(seen), _MINUTES_OF_A_DAY)
        self.pairs.append(np.array(own, dtype=np.int64)[code] * _MINUTES_OF_A_DAY + minute)

    def made(self, length: int) -> TradedMinutes:
        traded = np.zeros((len(self.numbers), length), dtype=bool)
        if self.pairs:
            traded[np.divmod(np.concatenate(self.pairs), _MINUTES_OF_A_DAY)] = True
        return TradedMinutes(list(self.numbers), traded)


@dataclass(frozen=True)
class _Hours:
    """Regular hours in the units of a dataset's stored moments."""

    start: int
    end: int
    minute: int

    @classmethod
    def of(cls, dataset: Dataset, day: str, calendar: TradingCalendar) -> "_Hours":
        unit = nanoseconds_in(stored_type(dataset.layout.time, dataset))
        hours = calendar.regular_hours.get(dt.date.fromisoformat(day))
        start, end = (int(each.timestamp()) * 1_000_000_000 // unit for each in hours) if hours else (0, 0)
        return cls(start, end, _MINUTE // unit)

    @property
    def minutes(self) -> int:
        return (self.end - self.start) // self.minute


@dataclass
class _Tickers:
    """Collects one row for each ticker of each batch, and never holds many more than there are tickers."""

    held: list[pa.Table] = field(default_factory=list)

    def add(self, rows: pa.Table) -> None:
        self.held.append(rows)
        if sum(map(len, self.held)) > max(_HELD_ROWS, 2 * len(self.held[0])):
            self.held = [_combined(pa.concat_tables(self.held))]

    def made(self) -> pa.Table | None:
        return _combined(pa.concat_tables(self.held)) if self.held else None


def summarise(store: ParquetStore, dataset: Dataset, day: str, calendar: TradingCalendar) -> Summary:
    """Read ``day``, which is stored, of a dataset of bars or trades; the memory does not grow with the file.

    Raises:
        StoreError: it cannot be read.
        StoreUnreachableError: the store's bucket does not answer.
    """
    path = store.path(dataset.name, day)
    try:
        with answering(path):
            return settled(lambda: _summary(store, dataset, day, _Hours.of(dataset, day, calendar)))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise StoreError(
            f"{path}: not readable: {error}. Which days are damaged: polygon-assets verify {dataset.name}"
        ) from error


def _summary(store: ParquetStore, dataset: Dataset, day: str, hours: _Hours) -> Summary:
    collected, minutes = _Tickers(), _Minutes()
    for batch in _batches(store, dataset, day):
        collected.add(_partial(dataset, batch, hours))
        if has_minutes(dataset):
            times = _times(dataset, batch)
            regular = (times >= hours.start) & (times < hours.end)
            minutes.add(batch.column(dataset.universe or "ticker"), (times - hours.start) // hours.minute, regular)
    provenance = store.provenance(dataset.name, day)
    combined = collected.made()
    columns = {name: _floats(combined.column(name)) if combined is not None else np.zeros(0) for name in _AGGREGATES}
    tickers = pa.array([], pa.string()) if combined is None else combined.column("ticker").combine_chunks()
    for name in ("last", "last_with_price"):
        at = (columns[name] - hours.start) // hours.minute
        columns[name] = np.where(np.isnan(at), _NEVER, at)
    traded = minutes.made(hours.minutes) if has_minutes(dataset) else None
    is_whole = provenance is None or not provenance.filter
    return Summary(dataset, day, is_whole, tickers, columns, traded)


def _batches(store: ParquetStore, dataset: Dataset, day: str) -> Iterator[pa.RecordBatch]:
    """Some row groups after others: Arrow's scan of a dataset reads ahead as far as it gets."""
    wanted = {"ticker", dataset.layout.time, dataset.universe, *_BAR, *_TRADE}
    wanted &= {column.name for column in dataset.stored_columns}
    with store.open_input_file(dataset.name, day) as source:
        file = pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True)
        for groups in _lots(file.metadata):
            rows = file.read_row_groups(groups, columns=sorted(wanted), use_threads=False)
            for name in wanted.difference(rows.column_names):  # an older day's file
                kind: Any = stored_type(name, dataset)
                rows = rows.append_column(name, pa.nulls(len(rows), kind))
            yield from rows.combine_chunks().to_batches()


def _lots(footer: pq.FileMetaData) -> Iterator[list[int]]:
    """Row groups, as many at once as have about ``_BATCH_ROWS``."""
    lot: list[int] = []
    rows = 0
    for group in range(footer.num_row_groups):
        lot.append(group)
        rows += footer.row_group(group).num_rows
        if rows >= _BATCH_ROWS:
            yield lot
            lot, rows = [], 0
    if rows:
        yield lot


_BAR = ("high", "low", "volume", "transactions")
_TRADE = ("price", "size", "conditions", "correction")
_COUNTED_CORRECTIONS = (0, 1)
"""None, and a row that has the corrected price; others are erroneous or cancelled trades, or what was corrected."""


def _times(dataset: Dataset, batch: pa.RecordBatch) -> Ints:
    times: Ints = batch.column(dataset.layout.time).cast(pa.int64()).to_numpy()
    return times


def _partial(dataset: Dataset, batch: pa.RecordBatch, hours: _Hours) -> pa.Table:
    """One row for each ticker of a batch."""
    times = _times(dataset, batch)
    regular = (times >= hours.start) & (times < hours.end)
    if dataset.session is None and "close" in dataset.header:  # a day's bar is of regular hours, however it is stamped
        regular = np.ones(len(times), dtype=bool)
    if "price" in dataset.header:
        price, size = batch.column("price").to_numpy(), batch.column("size").to_numpy()
        corrections: Any = batch.column("correction")
        uncorrected: Any = np.isin(corrections.fill_null(0).to_numpy(), _COUNTED_CORRECTIONS)
        priced = uncorrected & ~_has_any(batch.column("conditions"), dataset.without_range)
        counted = uncorrected & ~_has_any(batch.column("conditions"), dataset.without_volume)
        high, low, volume, transactions = price, price, np.where(counted, size, 0.0), counted.astype(np.float64)
    else:
        high, low, volume, transactions = (
            _floats(batch.column(name)) if name in batch.schema.names else np.zeros(len(times)) for name in _BAR
        )
        priced = np.ones(len(times), dtype=bool)
    table = {
        "ticker": batch.column("ticker"),
        "high": high,
        "low": low,
        "regular_high": np.where(regular & priced, high, np.nan),
        "regular_low": np.where(regular & priced, low, np.nan),
        "volume": volume,
        "transactions": transactions,
        "regular_transactions": np.where(regular, transactions, 0.0),
        "last": np.where(regular, times, np.nan),
        "last_with_price": np.where(regular & priced, times, np.nan),
    }
    arrays = {name: pa.array(values, from_pandas=True) for name, values in table.items() if name != "ticker"}
    return _combined(pa.table({"ticker": table["ticker"], **arrays}))


def _combined(table: pa.Table) -> pa.Table:
    """One row for each ticker of ``table``."""
    wanted: Any = list(_AGGREGATES.items())
    found = table.group_by("ticker", use_threads=False).aggregate(wanted)
    names = {f"{name}_{how}": name for name, how in _AGGREGATES.items()}
    return found.rename_columns([names.get(name, name) for name in found.column_names])


def _has_any(conditions: Any, codes: tuple[int, ...]) -> Mask:
    """For each trade, whether one of ``codes`` is among its conditions."""
    found = np.zeros(len(conditions), dtype=bool)
    if codes:
        values = pc.list_flatten(conditions).to_numpy(zero_copy_only=False)
        owners = pc.list_parent_indices(conditions).to_numpy()
        found[owners[np.isin(values, codes)]] = True
    return found


def _floats(column: Any) -> Floats:
    values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values
