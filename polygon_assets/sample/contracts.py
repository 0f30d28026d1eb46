"""Made-up option contracts: which exist on a day, and what they cost, given the day of their underlyings.

Belongs here: contracts as a market. Does not: the underlyings (``symbols``, ``prices``), minutes.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import Dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.sample.csv_text import joined, pc, strings
from polygon_assets.sample.prices import MICRO, Market, closing_dollars, in_ticks, opening_dollars
from polygon_assets.sample.sessions import Floats, Ints
from polygon_assets.sample.symbols import stocks

_CONTRACTS_PER_ROOT = 60
_MOST_ROOTS = 5_500
_DEAREST = 20_000.0
_ADJUSTED_EVERY = 40
_WEEKS = 8
_FRIDAY = 4
_YEAR = 365.0
_ADJUSTED_SHARE = 0.02
_VOLUME = 160

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Chain:
    """Contracts; every array has one element for each."""

    root: Ints
    """Index into the root symbols."""
    expiry: Ints
    """Index into the expiration dates."""
    strike: Floats
    """US dollars."""
    is_call: Flags
    """Call, or put."""


@lru_cache
def _roots(count: int) -> tuple[list[str], Ints]:
    """Root symbols and, for each, the index of its stock; some stocks have an adjusted root (``MU1``) as well."""
    universe = stocks()
    able = np.strings.isupper(universe.names) & np.strings.isalpha(universe.names) & (universe.base_price < _DEAREST)
    roots: list[tuple[str, int]] = []
    for stock in np.flatnonzero(able)[:count].tolist():
        name = universe.names[stock].decode()
        roots.append((name, stock))
        if name == "MU" or stock % _ADJUSTED_EVERY == _ADJUSTED_EVERY - 1:
            roots.append((name + "1", stock))
    return [name for name, _ in roots], np.array([stock for _, stock in roots])


def expirations(calendar: str, day: dt.date) -> list[dt.date]:
    """Fridays of the next weeks, then the third Fridays of a year; the session before where one is a holiday."""
    known = trading_calendar(calendar)
    friday = day + dt.timedelta((_FRIDAY - day.weekday()) % 7)
    weeks = [friday + dt.timedelta(7 * week) for week in range(52)]
    wanted = [each for number, each in enumerate(weeks) if number < _WEEKS or 15 <= each.day <= 21]  # noqa: PLR2004
    moved = (each if each > known.end or known.is_session(each) else each - dt.timedelta(1) for each in wanted)
    return sorted({each for each in moved if each >= day})


def contracts(dataset: Dataset, day: dt.date, session: int, count: int, seed: int) -> Market:
    """The day of ``count`` contracts (or one more) on the most traded stocks.

    Raises:
        InvalidInputError: fewer than one.
    """
    if count < 1:
        raise InvalidInputError(f"Invalid number of made-up contracts: {count}; choose at least 1")
    names, stock = _roots(min(max(count // _CONTRACTS_PER_ROOT, 8), _MOST_ROOTS))
    universe = stocks().first(int(stock.max()) + 1)
    opening, closing = (price(universe, seed, session)[stock] for price in (opening_dollars, closing_dollars))
    liquidity = universe.liquidity[stock] * np.where([name.isalpha() for name in names], 1.0, _ADJUSTED_SHARE)
    dates = expirations(dataset.calendar, day)
    years = np.array([(date - day).days + 0.5 for date in dates]) / _YEAR
    chain = _chain(_contracts_of_each(liquidity, count), closing, len(dates))
    before, after = _fair(opening, years + 1 / _YEAR, chain), _fair(closing, years, chain)
    rng = np.random.default_rng([seed, 5, session])
    away = (chain.strike / closing[chain.root] - 1) / (0.08 + 0.2 * years[chain.expiry])
    likely = (np.exp(-0.5 * away**2) + 0.01) / (1 + 12 * years[chain.expiry])
    activity = liquidity[chain.root] * likely * rng.lognormal(0, 0.9, len(likely))
    volume = np.maximum(activity / activity.mean() * _VOLUME, 1)
    tickers = _tickers(names, dates, chain)
    order = np.argsort(tickers)
    return in_ticks(
        opening=before[order],
        closing=after[order],
        wick=np.abs(rng.normal(0, 0.12, (2, len(order)))),
        tick=np.where(after < 3, MICRO // 100, MICRO // 20)[order],  # noqa: PLR2004 (nickels from $3 on)
        tickers=strings(pa.array(tickers[order])),
        activity=activity[order],
        volume=volume[order],
        trades=np.maximum(volume / 6, 1)[order],
    )


def _contracts_of_each(liquidity: Floats, count: int) -> Ints:
    """How many contracts each root has: even numbers, more for the traded, ``count`` (or one more) in all."""
    share = liquidity**0.8
    ends = np.rint(np.cumsum(share) / share.sum() * -(-count // 2)).astype(np.int64)
    numbers: Ints = 2 * np.diff(ends, prepend=0)
    return numbers


def _chain(counts: Ints, price: Floats, dates: int) -> _Chain:
    """Contracts around the price of each root: several dates, and for each of them calls and puts on a ladder."""
    root = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(root)) - np.repeat(np.cumsum(counts) - counts, counts)
    dates_of_each = np.clip(np.rint(np.sqrt(counts / 6)).astype(np.int64), 1, dates)
    rungs = np.maximum(-(-(counts // 2) // dates_of_each), 1)
    spacing = np.select([price < 25, price < 200, price < 1_000], [0.5, 1.0, 5.0], 50.0)  # noqa: PLR2004
    lowest = np.maximum(np.rint(price / spacing) - rungs // 2, 1)
    pair = place // 2
    strike = (lowest[root] + pair % rungs[root]) * spacing[root]
    return _Chain(root, pair // rungs[root], strike, place % 2 == 0)


def _fair(price: Floats, years: Floats, chain: _Chain) -> Floats:
    """Bachelier's price with a volatility of 40 %, the normal distribution taken as logistic; at least a cent."""
    inside = price[chain.root] - chain.strike
    spread = 0.4 * price[chain.root] * np.sqrt(years[chain.expiry])
    away = inside / spread
    density = np.exp(-0.5 * away**2) / np.sqrt(2 * np.pi)
    call = spread * density + inside / (1 + np.exp(np.clip(-1.702 * away, -50, 50)))
    value: Floats = np.maximum(np.where(chain.is_call, call, call - inside), 0.01)
    return value


def _tickers(names: list[str], dates: list[dt.date], chain: _Chain) -> npt.NDArray[np.bytes_]:
    """``O:SPY240119C00470000``: root, yymmdd, C or P, strike in thousandths of a dollar in eight digits."""
    heads = pc.take(pa.array([f"O:{name}" for name in names]), chain.root)
    days = pc.take(pa.array([f"{date:%y%m%d}" for date in dates]), chain.expiry)
    sides = pc.take(pa.array(["P", "C"]), chain.is_call.astype(np.int64))
    thousandths = strings(pa.array(np.rint(chain.strike * 1000).astype(np.int64)))
    tickers = joined(heads, days, sides, pc.utf8_lpad(thousandths, 8, "0"))
    return np.asarray(tickers.to_numpy(zero_copy_only=False), dtype=np.bytes_)
