"""A made-up day's rows: one for each symbol, or one for each symbol and minute with trades.

Belongs here: spreading a symbol's day over its minutes. Does not: the day itself (``prices``, ``contracts``), text.
"""

from dataclasses import dataclass

import numpy as np

from polygon_assets.sample.prices import MICRO, Market
from polygon_assets.sample.sessions import Floats, Ints

_MOST_EVENTS = 4_000.0
"""A symbol with so many trades has one in nearly every minute."""


@dataclass(frozen=True)
class Rows:
    """Rows sorted by symbol, then window; every array has one element for each."""

    symbol: Ints
    """Index into the market's tickers."""
    window_start: Ints
    """Unix nanoseconds."""
    open: Ints
    """Micro-dollars, like the other prices."""
    close: Ints
    """At least ``low``."""
    high: Ints
    """At least ``open``, ``close`` and ``low``."""
    low: Ints
    """More than zero."""
    volume: Ints
    """Micro-shares."""
    transactions: Ints
    """At least one."""


def day_rows(market: Market, midnight: int) -> Rows:
    """One row for each symbol, stamped ``midnight``."""
    count = len(market)
    return _rows(
        symbol=np.arange(count),
        window_start=np.full(count, midnight),
        opening=market.open,
        closing=market.close,
        high=market.high,
        low=market.low,
        volume=market.volume,
        trades=market.trades,
    )


def minute_rows(market: Market, stamps: Ints, shares: Floats, rows: int, rng: np.random.Generator) -> Rows:
    """About ``rows`` rows; each symbol has at least one, and ends its day at its close."""
    symbol, minute = _traded_minutes(market.activity, shares, rows, rng)
    count = np.bincount(symbol, minlength=len(market))
    start = np.cumsum(count) - count
    weight = shares[minute] * rng.lognormal(0, 0.7, len(symbol))
    weight /= np.add.reduceat(weight, start)[symbol]
    opening, closing = _path(market, symbol, start, count, rng)
    wick = np.abs(rng.normal(0, 0.6, (2, len(symbol)))) * (_step(market, count) / market.tick)[symbol]
    above, below = np.rint(wick).astype(np.int64) * market.tick[symbol]
    return _rows(
        symbol=symbol,
        window_start=stamps[minute],
        opening=opening,
        closing=closing,
        high=np.minimum(np.maximum(opening, closing) + above, market.high[symbol]),
        low=np.maximum(np.minimum(opening, closing) - below, market.low[symbol]),
        volume=market.volume[symbol] * weight,
        trades=market.trades[symbol] * weight,
    )


def _traded_minutes(activity: Floats, shares: Floats, rows: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Which symbol traded in which minute, sorted: trades fall like rain, more where both are busy."""
    symbols, minutes = len(activity), len(shares)
    if rows >= symbols * minutes:
        cells = np.arange(symbols * minutes)
        return cells // minutes, cells % minutes
    events = np.maximum(rng.poisson(_expected_events(activity, shares, rows)), 1)
    lookup = np.minimum(np.searchsorted(np.cumsum(shares), (np.arange(65_536) + 0.5) / 65_536), minutes - 1)
    drawn = lookup[rng.integers(0, 65_536, events.sum(), dtype=np.uint16)]
    cells = np.repeat(np.arange(symbols, dtype=np.int32) * minutes, events) + drawn.astype(np.int32)
    cells.sort()
    cells = cells[np.concatenate([[True], cells[1:] != cells[:-1]])].astype(np.int64)
    return cells // minutes, cells % minutes


def _expected_events(activity: Floats, shares: Floats, rows: int) -> Floats:
    """Events of each symbol, in proportion to its activity, that leave about ``rows`` minutes with any."""
    grid = np.geomspace(1e-3, _MOST_EVENTS, 200)
    distinct = (1 - np.exp(-grid[:, None] * shares)).sum(axis=1)
    low, high = 0.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2
        events = np.minimum(activity / activity.mean() * np.expm1(middle), _MOST_EVENTS)
        enough = np.maximum(np.interp(events, grid, distinct, left=0), 1).sum() >= rows
        low, high = (low, middle) if enough else (middle, high)
    expected: Floats = np.minimum(activity / activity.mean() * np.expm1(high), _MOST_EVENTS)
    return expected


def _step(market: Market, count: Ints) -> Floats:
    """How far a price usually moves from one row to the next, in micro-dollars."""
    room = np.maximum(market.high - market.low, market.tick)
    step: Floats = 0.8 * room / np.sqrt(np.maximum(count, 1))
    return step


def _path(market: Market, symbol: Ints, start: Ints, count: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Each row's open and close: a bridge from the day's open to its close, within the day's low and high."""
    size = len(symbol)
    walk = np.cumsum(rng.standard_normal(size))
    before = np.concatenate([[0.0], walk])[start]
    length = (walk[start + count - 1] - before)[symbol]
    done = (np.arange(1, size + 1) - start[symbol]) / count[symbol]
    bridge = (walk - before[symbol] - done * length) * _step(market, count)[symbol]
    tick = market.tick[symbol]
    exact = market.open[symbol] * (1 - done) + market.close[symbol] * done + bridge
    low, high = market.low[symbol], market.high[symbol]
    closing = np.clip(np.rint(exact / tick).astype(np.int64) * tick, low, high)
    opening = np.concatenate([[0], closing[:-1]])
    opening += rng.integers(-1, 2, size) * tick
    opening[start] = market.open
    return np.clip(opening, low, high), closing


def _rows(
    *,
    symbol: Ints,
    window_start: Ints,
    opening: Ints,
    closing: Ints,
    high: Ints,
    low: Ints,
    volume: Floats,
    trades: Floats,
) -> Rows:
    """Rows with whole numbers; a window with one trade has one price."""
    transactions = np.maximum(np.rint(trades), 1).astype(np.int64)
    micro = np.maximum(np.rint(volume), 1).astype(np.int64) * MICRO
    single = transactions == 1
    closing, high, low = (np.where(single, opening, price) for price in (closing, high, low))
    return Rows(
        symbol, window_start, opening, closing, np.maximum(np.maximum(high, opening), closing),
        np.minimum(np.minimum(low, opening), closing), micro, transactions,
    )  # fmt: skip
