"""``ticker_coverage``: on which stored days a ticker has rows, and what it may have been called before or after.

Belongs here: one ticker's days. Does not: which days are stored (``inventory``), or drawing them (``cli``).
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import StoreError
from polygon_assets.filters import kept_by, underlying_column
from polygon_assets.flatfile.tickers import DERIVATIONS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.inventory import Gap
from polygon_assets.reading.scanning import opened_store
from polygon_assets.store.roll_ups import scan_history
from polygon_assets.store.s3_folder import answering

SAME_PRICE = 0.03
"""Share by which the first open of a ticker may differ from the last close of the one that it may have been: a night's
news. A change of name alone moves nothing."""
_SETTLED = 20
"""Stored days on which a ticker that ended has no row, and one that began had none."""
_FILES_AT_ONCE = 200
_READERS = 8
_SHOWN = 5

OnFiles = Callable[[int, int], None]
"""Called with how many files were read, and how many there are."""


@dataclass(frozen=True)
class Rename:
    """Another ticker that ended where this one begins, or begins where this one ended."""

    ticker: str
    day: dt.date
    """The last day of the other, or its first."""
    close: float
    """The last close of the one that ended."""
    open: float
    """The first open of the one that began."""


@dataclass(frozen=True)
class TickerCoverage:
    """On which of the stored days one ticker has rows."""

    dataset: str
    ticker: str
    rows: Mapping[dt.date, int]
    """The stored days with rows, oldest first, and how many."""
    stored: Sequence[dt.date]
    """All stored days, oldest first."""
    unknown: Sequence[dt.date]
    """Days without rows of which only some tickers were stored, by a filter: oldest first."""
    was_before: Sequence[Rename]
    """What it may have been called before its first day: nearest in price first."""
    became: Sequence[Rename]
    """What it may be called since its last day."""

    @property
    def first(self) -> dt.date | None:
        """The first stored day with rows; None: there is none."""
        return next(iter(self.rows), None)

    @property
    def last(self) -> dt.date | None:
        """The last stored day with rows."""
        return max(self.rows, default=None)

    @cached_property
    def without(self) -> tuple[dt.date, ...]:
        """The stored days between first and last that have no row of it, oldest first."""
        if self.first is None or self.last is None:
            return ()
        unknown = set(self.unknown)
        return tuple(
            day for day in self.stored if self.first < day < self.last and day not in self.rows and day not in unknown
        )

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Runs of such days, oldest first; a run goes on over days that are not stored."""
        return tuple(_runs(self.stored, set(self.without)))


def ticker_coverage(
    dataset: str, ticker: str, *, store: ParquetStore | str | None = None, on_files: OnFiles | None = None
) -> TickerCoverage:
    """On which stored days of ``dataset`` the ``ticker`` has rows, and what it may have been renamed from or to.

    Row groups whose statistics exclude the ticker are not read; daily bars come from the files of whole years where
    those are current. ``ticker`` is as the vendor writes it; ``store`` as in ``scan``. A rename is suspected where a
    ticker ends on the stored day before another begins, near the close at which that one opens: of bars alone.

    Raises:
        InvalidInputError: an unknown dataset; no such store.
        StoreError: a stored file cannot be read.
        StoreUnreachableError: the store's bucket does not answer.
    """
    row, opened = get_dataset(dataset), opened_store(store)
    stored = [dt.date.fromisoformat(day) for day in opened.days(dataset)]
    rows = _days_of(opened, row, ticker, on_files)
    without = [day for day in stored if day not in rows]
    unknown = _filtered(opened, row, ticker, stored, without)
    before: list[Rename] = []
    after: list[Rename] = []
    if rows and "close" in row.header:
        first, last = min(rows), max(rows)
        known = [day for day in stored if day not in set(unknown)]
        before, after = _renamed_from(opened, row, ticker, known, first), _renamed_to(opened, row, ticker, known, last)
    return TickerCoverage(dataset, ticker, rows, stored, unknown, before, after)


def _history(store: ParquetStore, dataset: Dataset) -> pads.Dataset:
    return scan_history(store, dataset.name) if dataset.rolled_up_by_year else store.scan(dataset.name)


def _days_of(store: ParquetStore, dataset: Dataset, ticker: str, on_files: OnFiles | None) -> dict[dt.date, int]:
    """The days with rows of ``ticker``, oldest first, and how many."""
    found: Any = _history(store, dataset)
    fragments, counts = list(found.get_fragments()), dict[dt.date, int]()
    wanted = pc.field("ticker") == pa.scalar(ticker)
    with _reading(store, dataset):
        for start in range(0, len(fragments), _FILES_AT_ONCE):
            part = fragments[start : start + _FILES_AT_ONCE]
            files: Any = pads.FileSystemDataset(part, found.schema, found.format, found.filesystem)
            days = files.to_table(columns=["date"], filter=wanted).column("date")
            for each in pc.value_counts(days).to_pylist():
                counts[each["values"]] = counts.get(each["values"], 0) + each["counts"]
            if on_files:
                on_files(min(start + _FILES_AT_ONCE, len(fragments)), len(fragments))
    return dict(sorted(counts.items()))


@contextmanager
def _reading(store: ParquetStore, dataset: Dataset) -> Iterator[None]:
    """Name the store and the dataset where a file cannot be read."""
    try:
        with answering(store.uri):
            yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise StoreError(
            f"{store.uri}: a file of {dataset.name} is damaged: {error}. Which: polygon-assets verify {dataset.name}"
        ) from error


def _filtered(
    store: ParquetStore, dataset: Dataset, ticker: str, stored: Sequence[dt.date], without: Sequence[dt.date]
) -> list[dt.date]:
    """Those of the days ``without`` rows of ``ticker`` whose filter would have left them out.

    Footers are read of the ends of each run alone: who filters, filters from some day on.
    """
    runs = list(_runs(stored, set(without)))
    ends = sorted({day for run in runs for day in (run.first, run.last)})
    with ThreadPoolExecutor(_READERS) as readers:
        filtered = {
            day
            for day, kept in zip(ends, readers.map(lambda day: _lacks(store, dataset, ticker, day), ends), strict=True)
            if kept
        }
        inside = [
            day for run in runs if filtered & {run.first, run.last} for day in without if run.first <= day <= run.last
        ]
        lacking = readers.map(lambda day: _lacks(store, dataset, ticker, day), inside)
        return [day for day, lacks in zip(inside, lacking, strict=True) if lacks]


def _lacks(store: ParquetStore, dataset: Dataset, ticker: str, day: dt.date) -> bool:
    """Did the filter of ``day`` leave out what rows ``ticker`` may have had?"""
    try:
        provenance = store.provenance(dataset.name, day.isoformat())
    except StoreError:  # another command's matter
        return False
    if provenance is None or not provenance.filter:
        return False
    kept = kept_by(provenance.filter, dataset)
    return not kept or not (ticker in kept.tickers or _underlying(dataset, ticker, day) in kept.underlyings)


def _underlying(dataset: Dataset, ticker: str, day: dt.date) -> str | None:
    """What a contract is on; None for what is none."""
    if dataset.derived is None:
        return None
    column = underlying_column(dataset)
    parts = DERIVATIONS[dataset.derived.derivation](pa.array([ticker]), day)
    (name,) = parts.columns[column].to_pylist() if column else (None,)
    return str(name) if name else None


def _runs(stored: Sequence[dt.date], chosen: set[dt.date]) -> Iterator[Gap]:
    """Runs of ``chosen`` days among the ``stored`` ones."""
    run: list[dt.date] = []
    for day in [*stored, dt.date.max]:
        if day in chosen:
            run.append(day)
        elif run:
            yield Gap(run[0], run[-1], len(run))
            run = []


def _renamed_from(
    store: ParquetStore, dataset: Dataset, ticker: str, stored: Sequence[dt.date], first: dt.date
) -> list[Rename]:
    """Tickers whose last row is of the stored day before ``first``, at the price at which ``ticker`` begins."""
    place = stored.index(first)
    if not place:
        return []
    before, day = _ends(store, dataset, stored[place - 1]), _ends(store, dataset, first)
    opening = day[ticker][0]
    near = {name: ends[1] for name, ends in before.items() if name not in day and _is_near(opening, ends[1])}
    gone = _without_rows(store, dataset, near, stored[place + 1 : place + 1 + _SETTLED])
    found = [Rename(name, stored[place - 1], near[name], opening) for name in gone]
    return sorted(found, key=lambda each: abs(each.close / opening - 1))[:_SHOWN]


def _renamed_to(
    store: ParquetStore, dataset: Dataset, ticker: str, stored: Sequence[dt.date], last: dt.date
) -> list[Rename]:
    """Tickers whose first row is of the stored day after ``last``, at the price at which ``ticker`` ended."""
    place = stored.index(last)
    if place == len(stored) - 1:
        return []
    day, after = _ends(store, dataset, last), _ends(store, dataset, stored[place + 1])
    close = day[ticker][1]
    near = {name: ends[0] for name, ends in after.items() if name not in day and _is_near(ends[0], close)}
    new = _without_rows(store, dataset, near, stored[max(0, place - _SETTLED) : place])
    found = [Rename(name, stored[place + 1], close, near[name]) for name in new]
    return sorted(found, key=lambda each: abs(each.open / close - 1))[:_SHOWN]


def _is_near(opening: float, close: float) -> bool:
    return close > 0 and abs(opening / close - 1) <= SAME_PRICE


def _ends(store: ParquetStore, dataset: Dataset, day: dt.date) -> dict[str, tuple[float, float]]:
    """The first open and the last close of each ticker on a stored day."""
    columns = ["ticker", dataset.layout.time, "open", "close"]
    with _reading(store, dataset):
        table = store.scan_days(dataset.name, [day.isoformat()]).to_table(columns=columns)
    times = table.column(dataset.layout.time).cast(pa.int64()).to_numpy()
    encoded: Any = table.column("ticker").combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.lexsort((times, codes))
    codes = codes[order]
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])) if len(codes) else codes
    last = np.append(first[1:], len(codes)) - 1 if len(codes) else codes
    opens, closes = (table.column(name).to_numpy()[order] for name in ("open", "close"))
    names = encoded.dictionary.take(codes[first]).to_pylist()
    return dict(zip(names, zip(opens[first].tolist(), closes[last].tolist(), strict=True), strict=True))


def _without_rows(
    store: ParquetStore, dataset: Dataset, names: Mapping[str, float], days: Sequence[dt.date]
) -> list[str]:
    """Those of ``names`` that have no row on the stored ``days``: others only paused."""
    if not names or not days:
        return list(names)
    wanted = pc.field("ticker").isin(pa.array(list(names), pa.string()))
    with _reading(store, dataset):
        scanned = store.scan_days(dataset.name, [day.isoformat() for day in days])
        there = set(pc.unique(scanned.to_table(columns=["ticker"], filter=wanted).column("ticker")).to_pylist())
    return [name for name in names if name not in there]
