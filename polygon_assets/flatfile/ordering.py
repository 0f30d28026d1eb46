"""The order of what is published: by ticker, then time, or as in the file. Checked while streaming.

Belongs here: order and duplicates. Does not: any other rule (``quality``).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from polygon_assets.flatfile.findings import Tally
from polygon_assets.flatfile.rows import Batch, Column, Ints, ascending

SORTED_BATCH_ROWS = 128 * 1024
"""Rows of a batch, hence of a row group, where the whole file had to be sorted."""


class OutOfOrderError(Exception):
    """The file is not sorted; a signal inside this room, never an outcome."""


class OrderCheck:
    """Follows the batches of a file, counts duplicates and distinct tickers."""

    def __init__(self, tally: Tally, *, unique: bool = True) -> None:
        """``unique``: two rows of one ticker and time are duplicates."""
        self.symbols = 0
        """Distinct tickers so far."""
        self._tally = tally
        self._unique = unique
        self._last: tuple[str, int] | None = None

    def follow(self, batch: Batch) -> None:
        """Take in the next rows, all of one day.

        Raises:
            OutOfOrderError: a row sorts before the one that precedes it.
        """
        if not len(batch):
            return
        names, codes, times = batch.names, batch.codes, batch.times
        if not ascending(names):
            raise OutOfOrderError
        keys = _keys(batch)
        rising = keys[1:] > keys[:-1]
        repeated = np.zeros(0, dtype=np.int64)
        if not rising.all():
            if (keys[1:] < keys[:-1]).any():
                raise OutOfOrderError
            repeated = np.flatnonzero(~rising) + 1
        first = (names[0].as_py(), int(times[0]))
        if self._last is not None:
            if first < self._last:
                raise OutOfOrderError
            if first == self._last:
                repeated = np.concatenate([np.zeros(1, dtype=np.int64), repeated])
        self.symbols += len(names) - (self._last is not None and first[0] == self._last[0])
        if self._unique:
            self._tally.add("duplicate", batch, repeated)
        self._last = (names[int(codes[-1])].as_py(), int(times[-1]))


class FileOrder:
    """Follows the batches of a file whose rows stay in its order: flags what is out of it, counts distinct tickers."""

    def __init__(self, tally: Tally, sequence: str | None) -> None:
        """``sequence`` is the column that rises within a ticker, if there is one."""
        self._tally = tally
        self._sequence = sequence
        self._seen: set[str] = set()
        self._last: dict[str, int] = {}
        """The time and the sequence number of the last row so far."""
        self._ticker: str | None = None
        """The last row's."""

    @property
    def symbols(self) -> int:
        """Distinct tickers so far."""
        return len(self._seen)

    def follow(self, batch: Batch) -> None:
        """Take in the next rows, all of one day."""
        if not len(batch):
            return
        starts = np.flatnonzero(np.concatenate([[True], batch.codes[1:] != batch.codes[:-1]]))
        names = [str(name) for name in batch.names.to_pylist()]
        goes_on = names[int(batch.codes[0])] == self._ticker
        self._find_scattered(batch, starts[1:] if goes_on else starts, names)
        rules = {"stamp_order": batch.time} | ({"sequence_order": self._sequence} if self._sequence else {})
        for rule, column in rules.items():
            self._tally.add(rule, batch, self._falling(batch, column, starts, goes_on=goes_on))
        self._ticker = names[int(batch.codes[-1])]

    def _find_scattered(self, batch: Batch, starts: Ints, names: list[str]) -> None:
        tickers = [names[code] for code in batch.codes[starts].tolist()]
        if len(set(tickers)) < len(tickers) or not self._seen.isdisjoint(tickers):
            seen, again = self._seen.copy(), []
            for start, ticker in zip(starts.tolist(), tickers, strict=True):
                if ticker in seen:
                    again.append(start)
                seen.add(ticker)
            self._tally.add("ticker_scattered", batch, np.array(again, dtype=np.int64))
        self._seen.update(names)

    def _falling(self, batch: Batch, column: str, starts: Ints, *, goes_on: bool) -> Ints:
        """The rows whose ``column`` is below that of the row before it, of the same ticker."""
        values = batch.columns[column]
        falls = np.concatenate([[goes_on and values[0] < self._last[column]], values[1:] < values[:-1]])
        falls[starts[1:] if goes_on else starts] = False
        if (empty := batch.missing.get(column)) is not None:
            falls &= ~(empty | np.concatenate([[False], empty[:-1]]))
        self._last[column] = int(values[-1])
        rows: Ints = np.flatnonzero(falls)
        return rows


def _keys(batch: Batch) -> Column:
    """Numbers that rise as the rows should: by ticker, then time, in 32 bits where these do."""
    since = batch.times - batch.times.min()
    span = int(since.max()) + 1
    largest = len(batch.names) * span
    if largest < 2**31:
        small: Column = batch.codes * np.int32(span) + since.astype(np.int32)
        return small
    if largest < 2**63:
        large: Column = batch.codes.astype(np.int64) * span + since
        return large
    order = np.lexsort((since, batch.codes))  # equal rows get ranks in their order, which is no duplicate of another
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def sorted_batches(batches: Sequence[Batch]) -> Iterator[Batch]:
    """All rows of ``batches`` (at least one), by ticker and time, equal ones in the order of the file."""
    whole = Batch.concatenated(batches)
    rank = np.empty(len(whole.names), dtype=np.int64)
    rank[pc.sort_indices(whole.names).to_numpy()] = np.arange(len(whole.names))
    order = np.lexsort((whole.times, rank[whole.codes]))
    for start in range(0, len(order), SORTED_BATCH_ROWS):
        yield whole.take(order[start : start + SORTED_BATCH_ROWS])
