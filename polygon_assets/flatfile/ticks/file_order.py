"""The order of ticks, which are published in their file's: what is out of it is flagged."""

import numpy as np

from polygon_assets.flatfile.findings import Tally
from polygon_assets.flatfile.rows import Batch, Ints


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
