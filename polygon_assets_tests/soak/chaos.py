"""The vendor's bucket of the soak, in a process of its own: each tenth answer is a fault of some kind.

    python -m polygon_assets_tests.soak.chaos SEED DAYS

prints its address; for each line of input it does what the line says, and answers with one:

    put DAY VERSION    the vendor replaces a day            →  ok
    calm               from now on, no faults               →  what was answered, each kind with its number, as JSON
"""

import datetime as dt
import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable

from polygon_assets.download import S3Catalog
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import Exchange, Fault, Origin, serve

DATASET = "stocks_daily"
TICKERS = tuple(f"T{number}" for number in range(8))
SHARE_OF_FAULTS = 0.1
_NEWEST = "2026-11-20"

_MADE: dict[str, Callable[[random.Random, int], Fault]] = {
    "cut": lambda dice, size: faults.cut_after(dice.randrange(size)),
    "reset": lambda dice, size: faults.reset_after(dice.randrange(size)),
    "stalled": lambda dice, size: faults.stall_after(dice.randrange(size)),
    "byte flipped": lambda dice, size: faults.flip(dice.randrange(size)),
    "length too short": lambda dice, size: faults.announce_less(dice.randrange(1, size)),
    "no length, cut": lambda dice, size: faults.without_length(dice.randrange(size)),
    "last byte missing": lambda _dice, _size: faults.last_byte_missing,
    "empty": lambda _dice, _size: faults.empty,
    "web page": lambda _dice, _size: faults.page(),
    "encoded": lambda _dice, _size: faults.encoded(),
    "range ignored": lambda _dice, _size: faults.range_ignored,
    "wrong range": lambda _dice, _size: faults.wrong_range,
    "silence": lambda _dice, _size: faults.silence,
    "drip": lambda _dice, _size: faults.drip(0.2),
    "late": lambda dice, _size: faults.slowly(dice.uniform(0, 0.5)),
    **{
        f"status {code}": lambda _dice, _size, code=code: faults.status(code)  # type: ignore[misc]
        for code in (403, 404, 412, 416, 429, 500, 502, 503, 504)
    },
}
_OF_LISTS = ("web page", "late", "status 429", "status 500", "status 503")
"""Without those that last as long as a sensor waits, and without a 403, after which it rests for a day."""


def days(count: int) -> list[str]:
    """The ``count`` last trading days that the soak knows, oldest first."""
    return S3Catalog.get_business_days("2010-01-04", _NEWEST)[-count:]


def day_file(day: str, version: int) -> bytes:
    """A whole small day, each of whose rows names its version."""
    start = stamp(day=dt.date.fromisoformat(day))
    return compressed(text([row(ticker, start, volume=1000 + version) for ticker in TICKERS]))


class ChaoticOrigin(Origin):
    """An origin that misbehaves by chance."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._dice = random.Random(seed)
        self._shaking = threading.Lock()
        self._calm = False
        self.made: Counter[str] = Counter()
        self.answers = 0

    def put(self, day: str, version: int) -> None:
        """Have the vendor publish, or replace, a day."""
        key = S3Catalog("flatfiles").get_key(DATASET, day)
        self.store(key, day_file(day, version), always=self._by_chance)

    def calm(self) -> str:
        """Make no more faults; how many answers there were, and what was made of them."""
        self._calm = True
        return json.dumps({"answers": self.answers, **dict(sorted(self.made.items()))})

    def _by_chance(self, exchange: Exchange) -> None:
        fault = self._fault(tuple(_MADE), max(2, len(exchange.part)))
        (fault or serve)(exchange)

    def _list(self, exchange: Exchange) -> None:
        fault = self._fault(_OF_LISTS, 2)
        (fault or super()._list)(exchange)

    def _fault(self, kinds: tuple[str, ...], size: int) -> Fault | None:
        with self._shaking:
            del self.seen[:-100]
            self.answers += 1
            if self._calm or self._dice.random() >= SHARE_OF_FAULTS:
                return None
            kind = self._dice.choice(kinds)
            self.made[kind] += 1
            return _MADE[kind](self._dice, size)


def main() -> None:
    origin = ChaoticOrigin(int(sys.argv[1]))
    for day in days(int(sys.argv[2])):
        origin.put(day, 0)
    threading.Thread(target=origin.run, daemon=True).start()
    print(origin.endpoint_url, flush=True)  # noqa: T201 (the parent waits for it)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "put":
            origin.put(arguments[0], int(arguments[1]))
        print(origin.calm() if command == "calm" else "ok", flush=True)  # noqa: T201
    origin.stop()


if __name__ == "__main__":
    main()
