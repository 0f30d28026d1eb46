"""The made-up universe: names of stocks, indices, currencies and futures, most traded first, with a price each.

Belongs here: which names exist. Does not: what they cost on a day (``prices``), option contracts (``contracts``).
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

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


_PAIRS: tuple[tuple[str, float, float], ...] = (
    ("C:EUR-USD", 1.08, 3), ("C:USD-JPY", 151, 2), ("C:GBP-USD", 1.27, 1), ("C:AUD-USD", 0.66, 1),
    ("C:USD-CHF", 0.88, 1), ("C:USD-CAD", 1.37, 1), ("C:EUR-GBP", 0.85, 0.5), ("C:XAU-USD", 4_100, 0.5),
    ("C:USD-TRY", 42, 0.1), ("C:USD-IDR", 16_700, 0.1),
)  # fmt: skip
_COINS: tuple[tuple[str, float, float], ...] = (
    ("X:BTC-USD", 92_000, 3), ("X:ETH-USD", 3_000, 2), ("X:SOL-USD", 140, 1), ("X:XRP-USD", 2.2, 1),
    ("X:DOGE-USD", 0.15, 1), ("X:BTC-EUR", 80_000, 0.5), ("X:BTC-JPY", 14_300_000, 0.1), ("X:SHIB-USD", 0.001, 0.5),
)  # fmt: skip
_FUTURES: dict[str, tuple[tuple[str, float], ...]] = {
    "cme": (("ES", 7_558), ("NQ", 27_100), ("6A", 0.66), ("6E", 1.08), ("M6E", 1.08), ("LE", 210), ("BTC", 92_000)),
    "cbot": (("ZC", 430), ("ZW", 540), ("ZS", 1_120), ("KE", 520), ("ZN", 112)),
    "comex": (("GC", 4_100), ("SI", 52), ("HG", 5.1)),
    "nymex": (("CL", 60), ("NG", 4.4), ("RB", 1.9), ("BZ", 64), ("AST", 2.1)),
}
_QUARTER = 3
_MONTH_CODES = "FGHJKMNQUVXZ"


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


@lru_cache
def pairs() -> Universe:
    """Currency pairs, and made-up ones."""
    return _universe(_PAIRS, _between(b"C:", b"-USD"))


@lru_cache
def coins() -> Universe:
    """Pairs of crypto currencies, and made-up ones."""
    return _universe(_COINS, _between(b"X:", b"-USD"))


@lru_cache
def futures(exchange: str, year: int, month: int) -> Universe:
    """Outrights, spreads, butterflies and combinations of ``exchange`` in ``month`` (1 to 12) of ``year``."""
    found: list[tuple[str, float, float]] = []
    for rank, (root, price) in enumerate(_FUTURES[exchange]):
        months = [divmod(month + ahead - 1, 12) for ahead in range(1, 19)]
        legs = [f"{_MONTH_CODES[at]}{(year + years) % 10}" for years, at in months if at % _QUARTER == _QUARTER - 1][:5]
        other = _FUTURES[exchange][rank - 1][0]
        found += [(f"{root}{leg}", price, 5 / (number + 1)) for number, leg in enumerate(legs)]
        found += [(f"{root}{near}-{root}{far}", price, 0.3) for near, far in pairwise(legs)]
        found.append((f"{root}:BF {legs[0]}-{legs[1]}-{legs[2]}", price, 0.1))
        found.append((f"{root}:C1 {other} {legs[0]}-{root} {legs[0]}", price, 0.1))
        found.append((f"{root}{_MONTH_CODES[11]}{(year + 3) % 100:02}", price, 0.05))
    names, prices, factors = zip(*found, strict=True)
    rank_of_each = np.arange(len(found))
    return Universe(
        np.array([name.encode() for name in names]), np.array(prices), np.array(factors) * (rank_of_each + 10.0) ** -0.5
    )


def _between(head: bytes, tail: bytes) -> npt.NDArray[np.bytes_]:
    letters = _random_names()
    plain = letters[np.strings.isupper(letters) & np.strings.isalpha(letters)]
    return np.strings.add(np.strings.add(head, plain), tail)


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
