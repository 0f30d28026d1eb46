"""Readers of the soak: threads that scan while days are replaced and rolled up, and see whole days only.

    python -m polygon_assets_tests.soak.readers SEED DAYS

is a process of its own, since twenty threads leave others little of an interpreter. It prints a line when it begins; at
the next line of input it ends, and prints what it saw as JSON.
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.errors import ReplacedWhileReadError
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.connections import open_store
from polygon_assets.settings import load_settings
from polygon_assets.store.roll_ups import scan_history
from polygon_assets_tests.soak.chaos import DATASET, TICKERS, days
from polygon_assets_tests.soak.measures import Holdings

READERS = 20
_PAUSE = 0.5
"""Seconds between two scans of a reader: twenty without a pause would leave two cores to nothing else."""
_LONGEST = 60
"""Days of a scan."""


class Readers:
    """Twenty threads; what they found wrong is in ``wrong``."""

    def __init__(self, days: Sequence[str], seed: int) -> None:
        self._days = days
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(seed + number,)) for number in range(READERS)]
        self.scans: Counter[str] = Counter()
        self.wrong: list[str] = []

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each end its scan."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _read(self, seed: int) -> None:
        dice, store = random.Random(seed), open_store(load_settings())
        while not self._stopped.wait(_PAUSE * dice.uniform(0.5, 1.5)):
            start = dice.randrange(len(self._days))
            first, last = self._days[start], self._days[min(len(self._days) - 1, start + dice.randrange(_LONGEST))]
            try:
                if dice.random() < 0.5:
                    self.scans["of days"] += 1
                    self._check_days(store, first, last)
                else:
                    self.scans["of tickers"] += 1
                    self._check_ticker(store, dice.choice(TICKERS), first, last)
            except Exception as error:  # noqa: BLE001 (every one is reported)
                if ReplacedWhileReadError.WORDS in str(error):
                    self.scans["that say that a day was replaced"] += 1
                else:
                    self.wrong.append(f"{first} to {last}: {type(error).__name__}: {error}")
                    time.sleep(1)

    def _check_days(self, store: ParquetStore, first: str, last: str) -> None:
        """Each day has all its rows, of one version."""
        table = store.scan(DATASET, first, last).to_table(columns=["date", "ticker", "volume"])
        counted: Any = [("ticker", "count_distinct"), ("ticker", "count"), ("volume", "count_distinct")]
        found = table.group_by("date").aggregate(counted)
        self._require(found, "ticker_count_distinct", len(TICKERS))
        self._require(found, "ticker_count", len(TICKERS))
        self._require(found, "volume_count_distinct", 1)

    def _check_ticker(self, store: ParquetStore, ticker: str, first: str, last: str) -> None:
        """Each day has one row of the ticker, wherever it is read from."""
        scan = scan_history(store, DATASET, first, last)
        table = scan.to_table(columns=["date", "ticker"], filter=pc.field("ticker") == ticker)
        self._require(table.group_by("date").aggregate([("ticker", "count")]), "ticker_count", 1)

    def _require(self, found: pa.Table, column: str, wanted: int) -> None:
        self.wrong += [f"{each}: {column} is not {wanted}" for each in found.to_pylist() if each[column] != wanted]


def main() -> None:
    known = days(int(sys.argv[2]))
    store = open_store(load_settings())
    for _ in range(3):
        store.scan(DATASET, known[0], known[20]).to_table()
        scan_history(store, DATASET, known[0], known[20]).to_table()
    before = Holdings.now()
    readers = Readers(known, int(sys.argv[1]))
    readers.start()
    print("reading", flush=True)  # noqa: T201 (the parent waits for it)
    sys.stdin.readline()
    readers.stop()
    seen = {"scans": readers.scans, "wrong": readers.wrong, "before": asdict(before), "after": asdict(Holdings.now())}
    print(json.dumps(seen), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
