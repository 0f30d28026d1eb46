"""What only a whole day of trades shows: that it ends too early, or that all its sizes are one.

Belongs here: following a day to its end. Does not: what a single row shows (``tick_rules``).
"""

import datetime as dt
from collections import Counter
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import Dataset
from polygon_assets.flatfile.findings import Tally
from polygon_assets.flatfile.rows import Batch, Ints
from polygon_assets.flatfile.tickers import TickerParts

FEWEST_TRADES = 1_000
"""Fewer of a day, or of its most traded ticker, do not tell whether something is wrong."""
LAST_PART = dt.timedelta(minutes=20)
"""Of regular trading: the most traded ticker trades in it. Days were cut 28 minutes before the bell."""
NEARLY_ALL = 0.95
"""Share of a day's trades that have one size where the sizes are wrong."""
_BAND = 20
"""Sizes in a row. On the days whose sizes were wrong, they were 33 to 49."""
_SMALLEST_OF_A_BAND = 11
"""Most trades of options are of one to ten contracts."""
_SIZES = 10_000
"""Larger ones are not counted one by one: no size that all trades have is that large."""


class WholeDay(Protocol):
    """Follows the admitted rows of a day, and judges them at its end."""

    def follow(self, batch: Batch, parts: TickerParts | None) -> None:
        """Take in the next rows."""

    def conclude(self, tally: Tally) -> None:
        """Say what is wrong with the day."""


class EarlyEnd:
    """Was the file cut in the middle of the session? Whatever trades most, trades until the closing bell.

    Contracts are counted by their underlying: a day of options was cut off at 15:32 for the largest of them.
    """

    def __init__(self, dataset: Dataset, day: dt.date) -> None:
        self._trades: Counter[str | None] = Counter()
        self._last: dict[str | None, int] = {}
        self._granularity = dataset.layout.granularity
        hours = trading_calendar(dataset.calendar).regular_hours.get(day)
        self._closing = hours[1] if hours else None

    def follow(self, batch: Batch, parts: TickerParts | None) -> None:
        """Count trades, and keep the time of the last."""
        if self._closing is None:
            return
        names: Any = batch.names if parts is None else parts.columns["underlying"]
        names = names.cast(pa.string()).to_pylist()
        counts = np.bincount(batch.codes, minlength=len(names))
        last = np.zeros(len(names), dtype=np.int64)
        np.maximum.at(last, batch.codes, batch.times)
        for name, count, time in zip(names, counts.tolist(), last.tolist(), strict=True):
            self._trades[name] += count
            self._last[name] = max(time, self._last.get(name, 0))

    def conclude(self, tally: Tally) -> None:
        """Look at the name with the most trades."""
        self._trades.pop(None, None)
        for name, count in self._trades.most_common(1):
            last = dt.datetime.fromtimestamp(self._last[name] * self._granularity // 1_000_000_000, dt.UTC)
            if self._closing and count >= FEWEST_TRADES and last < self._closing - LAST_PART:
                sample = {"ticker": name, "trades": count, "last": last.isoformat()}
                tally.note("session_ends_early", sample=(sample,))


class OneSize:
    """Have nearly all trades one size, or a few next to each other? So on days whose sizes were plainly wrong."""

    def __init__(self, dataset: Dataset, day: dt.date) -> None:  # noqa: ARG002 (as all of them are made)
        self._counts = np.zeros(_SIZES, dtype=np.int64)
        self._trades = 0

    def follow(self, batch: Batch, parts: TickerParts | None) -> None:  # noqa: ARG002
        """Count the trades of each size."""
        sizes = batch.columns["size"]
        self._trades += len(sizes)
        small = sizes[(sizes >= 0) & (sizes < _SIZES)]
        whole: Ints = small.astype(np.int64)
        self._counts += np.bincount(whole[whole == small], minlength=_SIZES)

    def conclude(self, tally: Tally) -> None:
        """Look at the most frequent size, and at the most frequent ones in a row."""
        size = int(np.argmax(self._counts))
        upto = np.concatenate(([0], np.cumsum(self._counts)))
        in_bands = (upto[_BAND:] - upto[:-_BAND])[_SMALLEST_OF_A_BAND:]
        band = _SMALLEST_OF_A_BAND + int(np.argmax(in_bands))
        for first, end in ((size, size + 1), (band, band + _BAND)):
            count = int(self._counts[first:end].sum())
            if self._trades >= FEWEST_TRADES and count > NEARLY_ALL * self._trades:
                found = first + np.flatnonzero(self._counts[first:end])
                sizes = {"size": int(found[0])} if len(found) == 1 else {"sizes": f"{found[0]} to {found[-1]}"}
                tally.note("one_size", count, sample=({**sizes, "trades": count, "of": self._trades},))
                return
