"""Days with something wrong: those that the vendor has published, and the faults that they are made of.

Belongs here: spoiling a made-up day. Does not: what a reader makes of it (``ingest``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.sample.flat_files import day_table, printed
from polygon_assets.sample.generators import Size
from polygon_assets.sample.sessions import Ints

Fault = Callable[[pa.Table], pa.Table]
"""Spoils the rows of a day; prices and volumes are in millionths."""

EPOCH_STAMP = -68_400_000_000_000
"""The ``window_start`` of every row of the options day file of 2025-02-10."""
_DAY = 86_400_000_000_000
_GARBAGE = ("\0", "A\0PL", "\x01\x02", "SP\x7fY", "\x1b[0m")


def spoiled(dataset: Dataset, day: str, fault: Fault, size: Size | None = None, *, seed: int = 0) -> bytes:
    """The csv.gz of a made-up day after ``fault``; arguments and errors otherwise as for ``flat_file``."""
    return printed(dataset, day, fault(day_table(dataset, day, size, seed=seed)))


def stamped_at_the_epoch(table: pa.Table) -> pa.Table:
    """Every row says 1969-12-31."""
    return _replaced(table, "window_start", pa.array(np.full(len(table), EPOCH_STAMP)))


def with_foreign_rows(table: pa.Table, *, count: int = 29, days: int = 1) -> pa.Table:
    """``count`` rows, spread over the file, are stamped ``days`` later than the others."""
    stamps = _numbers(table, "window_start")
    stamps[_spread(table, count)] += days * _DAY
    return _replaced(table, "window_start", pa.array(stamps))


def with_untraded_rows(table: pa.Table, *, count: int = 10) -> pa.Table:
    """``count`` rows have volume 0 and transactions 0."""
    for name in ("volume", "transactions"):
        values = _numbers(table, name)
        values[_spread(table, count)] = 0
        table = _replaced(table, name, pa.array(values))
    return table


def with_garbage_tickers(table: pa.Table, *, count: int = len(_GARBAGE)) -> pa.Table:
    """``count`` rows have a ticker with NUL or other control characters, and are no longer in order."""
    tickers = table.column("ticker").to_pylist()
    for number, row in enumerate(_spread(table, count)):
        tickers[row] = _GARBAGE[number % len(_GARBAGE)]
    return _replaced(table, "ticker", pa.array(tickers, pa.string()))


def with_duplicates(table: pa.Table, *, count: int = 7) -> pa.Table:
    """``count`` rows occur twice, one after the other."""
    return table.take(np.sort(np.concatenate([np.arange(len(table)), _spread(table, count)])))


def with_crossed_prices(table: pa.Table, *, count: int = 5) -> pa.Table:
    """``count`` rows have a high below their low, by one cent."""
    highs = _numbers(table, "high")
    rows = _spread(table, count)
    highs[rows] = _numbers(table, "low")[rows] - 10_000
    return _replaced(table, "high", pa.array(highs))


def unsorted(table: pa.Table, *, seed: int = 0) -> pa.Table:
    """The same rows in another order."""
    return table.take(np.random.default_rng(seed).permutation(len(table)))


@dataclass(frozen=True)
class KnownBadDay:
    """A day that the vendor has published with something wrong."""

    dataset: Dataset
    """The dataset whose file it was."""
    day: str
    """YYYY-MM-DD."""
    fault: Fault
    """What was wrong."""
    source: str
    """Who reported it."""

    def flat_file(self, size: Size | None = None, *, seed: int = 0) -> bytes:
        """A made-up csv.gz with that fault."""
        return spoiled(self.dataset, self.day, self.fault, size, seed=seed)


KNOWN_BAD_DAYS: tuple[KnownBadDay, ...] = (
    KnownBadDay(DATASETS["options_daily"], "2025-02-10", stamped_at_the_epoch, "vendor issue 334"),
    KnownBadDay(
        DATASETS["stocks_daily"], "2019-08-12", partial(with_foreign_rows, count=29), "zipline-polygon-bundle issue 5"
    ),
    KnownBadDay(DATASETS["stocks_minute"], "2020-03-16", with_untraded_rows, "zipline-polygon-bundle"),
    KnownBadDay(DATASETS["stocks_daily"], "2021-06-01", with_garbage_tickers, "vendor issue 3"),
)
"""The faults of record; of the last two only the fault is known, and the day is an example."""


def _spread(table: pa.Table, count: int) -> Ints:
    """``count`` different row numbers, evenly spread; fewer in a file that has fewer rows."""
    return np.unique(np.linspace(0, len(table) - 1, count).astype(np.int64))


def _numbers(table: pa.Table, name: str) -> Ints:
    numbers: Ints = table.column(name).to_numpy().copy()
    return numbers


def _replaced(table: pa.Table, name: str, values: "pa.Array[Any]") -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)
