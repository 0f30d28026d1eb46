"""The made-up universe: names of stocks and indices, most traded first, with a price to start from.

Belongs here: which names exist. Does not: what they cost on a day (``prices``), option contracts (``contracts``).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from polygon_assets.errors import InvalidInputError
from polygon_assets.sample.sessions import Floats

MAX_SYMBOLS = 20_000
_SEED = 20_030_910
_LENGTHS = (1, 2, 3, 4, 5)
_LENGTH_SHARES = (0.001, 0.02, 0.33, 0.58, 0.069)

# Names that readers get wrong come early, so that the smallest file has them; the factor thins their trading.
_STOCKS: tuple[tuple[str, float, float], ...] = (
    ("SPY", 560, 1), ("AAPL", 215, 1), ("NA", 17, 0.01), ("CpP", 24.5, 0.005), ("NAN", 9.8, 0.005),
    ("TRUE", 3.1, 0.05), ("NULL", 0.43, 0.01), ("MU", 110, 0.8), ("NVDA", 120, 2), ("TSLA", 240, 1),
    ("QQQ", 480, 1), ("AMZN", 185, 1), ("MSFT", 420, 1), ("META", 510, 1), ("AMD", 155, 1), ("F", 11, 1),
    ("BAC", 40, 1), ("PLTR", 28, 1), ("INTC", 31, 1), ("GOOGL", 175, 1), ("IWM", 210, 1), ("ZZrw", 0.02, 0.01),
    ("BRK.A", 612_000, 0.02), ("BRK.B", 410, 0.3), ("BACpB", 25.4, 0.01), ("T", 18, 1), ("XOM", 115, 1),
    ("JPM", 205, 1), ("KO", 64, 1), ("DIS", 95, 1),
)  # fmt: skip
_INDICES: tuple[tuple[str, float, float], ...] = (
    ("I:SPX", 5_600, 1), ("I:NDX", 19_500, 1), ("I:DJI", 40_100, 1), ("I:VIX", 16, 1), ("I:RUT", 2_150, 1),
)  # fmt: skip


@dataclass(frozen=True)
class Universe:
    """Symbols, most traded first."""

    names: npt.NDArray[np.bytes_]
    """Tickers as the vendor writes them."""
    base_price: Floats
    """US dollars around which the price walks."""
    liquidity: Floats
    """Share of a typical symbol's trading, falling with the rank like Zipf's law."""

    def __len__(self) -> int:
        return len(self.names)

    def first(self, count: int) -> "Universe":
        """The ``count`` most traded.

        Raises:
            InvalidInputError: fewer than one, or more than there are.
        """
        if not 1 <= count <= len(self):
            raise InvalidInputError(f"Invalid number of made-up symbols: {count}; choose from 1 to {len(self)}")
        return Universe(self.names[:count], self.base_price[:count], self.liquidity[:count])


@lru_cache
def stocks() -> Universe:
    """Stocks: well-known ones, the names that readers get wrong, and made-up ones with suffixes as in the wild."""
    return _universe(_STOCKS, _random_names())


@lru_cache
def indices() -> Universe:
    """Indices, whose tickers begin with ``I:``."""
    letters = _random_names()
    return _universe(_INDICES, np.strings.add(b"I:", letters[np.strings.isupper(letters)]))


def _universe(known: tuple[tuple[str, float, float], ...], made_up: npt.NDArray[np.bytes_]) -> Universe:
    names = np.array([name.encode() for name, _, _ in known])
    others = made_up[~np.isin(made_up, names)][: MAX_SYMBOLS - len(names)]
    rank = np.arange(len(names) + len(others))
    factor = np.ones(len(rank))
    factor[: len(names)] = [factor for _, _, factor in known]
    dollars = np.exp(np.random.default_rng([_SEED, 1]).normal(3.0, 1.3, len(others)))
    base_price = np.concatenate([[price for _, price, _ in known], np.clip(dollars, 0.05, 4_000)])
    return Universe(np.concatenate([names, others]), base_price, factor * (rank + 10.0) ** -1.2)


def _random_names() -> npt.NDArray[np.bytes_]:
    """Distinct names of one to five capitals; some with a preferred's, a warrant's or a class's suffix."""
    count = 2 * MAX_SYMBOLS
    rng = np.random.default_rng([_SEED, 0])
    text = rng.integers(ord("A"), ord("Z") + 1, (count, 7), dtype=np.uint8)
    length = rng.choice(_LENGTHS, count, p=_LENGTH_SHARES)
    text[np.arange(7) >= length[:, None]] = 0
    kind = rng.random(count)
    series = rng.integers(ord("A"), ord("F"), count, dtype=np.uint8)
    for share, mark, with_series in (
        (0.04, b"p", True),
        (0.055, b"w", False),
        (0.065, b"r", False),
        (0.08, b".", True),
    ):
        chosen = np.flatnonzero((kind < share) & (length >= 2))  # noqa: PLR2004 (suffixes follow roots of two letters)
        text[chosen, length[chosen]] = mark[0]
        if with_series:
            text[chosen, length[chosen] + 1] = series[chosen]
        kind[chosen] = 1
    names = text.view("S7").ravel()
    _, first = np.unique(names, return_index=True)
    return names[np.sort(first)]
