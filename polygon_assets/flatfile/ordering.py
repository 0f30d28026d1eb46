"""The order of what is published: by ticker, then time, or as in the file. Checked while streaming.

Belongs here: order and duplicates. Does not: any other rule (``quality``).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from polygon_assets.flatfile.findings import Tally
from polygon_assets.flatfile.rows import Batch, Column, ascending

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
