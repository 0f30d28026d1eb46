"""The order of what is published: by ticker, then window_start. Checked while streaming, sorted only where needed.

Belongs here: order and duplicates. Does not: any other rule (``quality``).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from polygon_assets.ingest.arrow_arrays import ascending
from polygon_assets.ingest.batch import Batch
from polygon_assets.ingest.findings import Tally

SORTED_BATCH_ROWS = 128 * 1024
"""Rows of a batch, hence of a row group, where the whole file had to be sorted."""
_MINUTES_OF_A_DAY = np.int32(2048)
"""At least; with it, the codes of a batch's tickers (one for each row at most) and its minutes fit 32 bits."""


class OutOfOrderError(Exception):
    """The file is not sorted; a signal inside this room, never an outcome."""


class OrderCheck:
    """Follows the batches of a file, counts duplicates and distinct tickers."""

    def __init__(self, tally: Tally) -> None:
        self.symbols = 0
        """Distinct tickers so far."""
        self._tally = tally
        self._last: tuple[str, int] | None = None

    def follow(self, batch: Batch) -> None:
        """Take in the next rows, all of one day.

        Raises:
            OutOfOrderError: a row sorts before the one that precedes it.
        """
        if not len(batch):
            return
        names, codes, minutes = batch.names, batch.codes, batch.minutes
        if not ascending(names):
            raise OutOfOrderError
        keys = codes * _MINUTES_OF_A_DAY + (minutes - minutes.min()).astype(np.int32)
        rising = keys[1:] > keys[:-1]
        repeated = np.zeros(0, dtype=np.int64)
        if not rising.all():
            if (keys[1:] < keys[:-1]).any():
                raise OutOfOrderError
            repeated = np.flatnonzero(~rising) + 1
        first = (names[0].as_py(), int(minutes[0]))
        if self._last is not None:
            if first < self._last:
                raise OutOfOrderError
            if first == self._last:
                repeated = np.concatenate([np.zeros(1, dtype=np.int64), repeated])
        self.symbols += len(names) - (self._last is not None and first[0] == self._last[0])
        self._tally.add("duplicate", batch, repeated)
        self._last = (names[int(codes[-1])].as_py(), int(minutes[-1]))


def sorted_batches(batches: Sequence[Batch]) -> Iterator[Batch]:
    """All rows of ``batches`` (at least one), by ticker and window_start, equal ones in the order of the file."""
    whole = Batch.concatenated(batches)
    rank = np.empty(len(whole.names), dtype=np.int64)
    rank[pc.sort_indices(whole.names).to_numpy()] = np.arange(len(whole.names))
    order = np.lexsort((whole.minutes, rank[whole.codes]))
    for start in range(0, len(order), SORTED_BATCH_ROWS):
        yield whole.take(order[start : start + SORTED_BATCH_ROWS])
