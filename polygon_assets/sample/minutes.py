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
    """About ``rows`` rows; each symbol has at least one, ends its day at its close, and touches its high and low."""
    symbol, minute = _traded_minutes(market, shares, rows, rng)
    count = np.bincount(symbol, minlength=len(market))
    start = np.cumsum(count) - count
    weight = shares[minute] * rng.lognormal(0, 0.7, len(symbol))
    weight /= np.add.reduceat(weight, start)[symbol]
    opening, closing = _path(market, symbol, start, count, rng)
    wick = np.abs(rng.normal(0, 0.6, (2, len(symbol)))) * (_step(market, count) / market.tick)[symbol]
    above, below = np.rint(wick).astype(np.int64) * market.tick[symbol]
    high = np.minimum(np.maximum(opening, closing) + above, market.high[symbol])
    low = np.maximum(np.minimum(opening, closing) - below, market.low[symbol])
    trades = 1 + np.maximum(market.trades - count, 0)[symbol] * weight
    fewest = np.where(np.rint(market.trades) > 1, 2, 1)
    highest, lowest = _last_largest(high, symbol, start), _last_largest(-low, symbol, start)
    high[highest], low[lowest] = market.high, market.low
    for rows_with_a_range in (highest, lowest, start + count - 1):
        trades[rows_with_a_range] = np.maximum(trades[rows_with_a_range], fewest)  # of one trade, it has one price
    return _rows(
        symbol=symbol,
        window_start=stamps[minute],
        opening=opening,
        closing=closing,
        high=high,
        low=low,
        volume=market.volume[symbol] * weight,
        trades=trades,
    )


def _last_largest(values: Ints, symbol: Ints, start: Ints) -> Ints:
    """For each symbol, the row with its largest value; the last of several."""
    largest = np.flatnonzero(values == np.maximum.reduceat(values, start)[symbol])
    found = np.zeros(len(start), dtype=np.int64)
    found[symbol[largest]] = largest
    return found


def _traded_minutes(market: Market, shares: Floats, rows: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Which symbol traded in which minute, sorted: trades fall like rain, more where both are busy."""
    symbols, minutes = len(market), len(shares)
    if rows >= symbols * minutes:
        cells = np.arange(symbols * minutes)
        return cells // minutes, cells % minutes
    expected, most = _expected_events(market, shares, rows)
    events = np.clip(rng.poisson(expected), 1, most)
    lookup = np.minimum(np.searchsorted(np.cumsum(shares), (np.arange(65_536) + 0.5) / 65_536), minutes - 1)
    drawn = lookup[rng.integers(0, 65_536, events.sum(), dtype=np.uint16)]
    cells = np.repeat(np.arange(symbols, dtype=np.int32) * minutes, events) + drawn.astype(np.int32)
    cells.sort()
    cells = cells[np.concatenate([[True], cells[1:] != cells[:-1]])].astype(np.int64)
    return cells // minutes, cells % minutes


def _expected_events(market: Market, shares: Floats, rows: int) -> tuple[Floats, Ints]:
    """Events of each symbol, in proportion to its activity, that leave about ``rows`` minutes with any; and the most.

    None has more than it has trades, unless there are too few for so many rows.
    """
    grid = np.geomspace(1e-3, _MOST_EVENTS, 200)
    distinct = (1 - np.exp(-grid[:, None] * shares)).sum(axis=1)
    likely, most = market.activity / market.activity.mean(), np.maximum(np.rint(market.trades), 1)
    if np.interp(most, grid, distinct).sum() < rows:
        most = np.full(len(market), 100 * _MOST_EVENTS)
    low, high = 0.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2
        events = np.minimum(likely * np.expm1(middle), np.minimum(most, _MOST_EVENTS))
        enough = np.maximum(np.interp(events, grid, distinct, left=0), 1).sum() >= rows
        low, high = (low, middle) if enough else (middle, high)
    return np.minimum(likely * np.expm1(high), np.minimum(most, _MOST_EVENTS)), most.astype(np.int64)


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
