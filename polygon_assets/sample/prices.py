"""What each made-up symbol costs and trades on a day, continuous from one session to the next.

Belongs here: a symbol's day as a whole. Does not: its minutes (``minutes``), option contracts (``contracts``).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from polygon_assets.sample.sessions import Floats, Ints
from polygon_assets.sample.symbols import Universe

MICRO = 1_000_000
"""Prices are whole micro-dollars and volumes whole micro-shares, so that nothing is printed with float noise."""
_CENT = MICRO // 100
_OCTAVES = 11
_STEP = 0.007
_ABSENT = 0.005
_ALWAYS_TRADED = 40
_SHARES_OF_A_TYPICAL_SYMBOL = 8e8


@dataclass(frozen=True)
class Market:
    """One day of all symbols, sorted bytewise by ticker; every array has one element for each."""

    tickers: pa.StringArray
    """As in the file."""
    activity: Floats
    """Relative likelihood of a trade in a minute."""
    open: Ints
    """Micro-dollars, like the other prices."""
    close: Ints
    """At least ``low``."""
    high: Ints
    """At least ``open``, ``close``."""
    low: Ints
    """At least one ``tick``."""
    tick: Ints
    """The usual price step."""
    volume: Floats
    """Shares or contracts traded on the day."""
    trades: Floats
    """Transactions of the day."""

    def __len__(self) -> int:
        return len(self.tickers)


def log_walk(seed: int, session: int, count: int) -> Floats:
    """A random walk's value at ``session`` for ``count`` symbols, found without the sessions before it.

    The sum of noise on grids of 1, 2, 4, … sessions, each as steep as a random walk is over that span.
    """
    total = np.zeros(count)
    for octave in range(_OCTAVES):
        span = 2**octave
        cell, offset = divmod(session, span)
        here, there = (np.random.default_rng([seed, 1, octave, at]).standard_normal(count) for at in (cell, cell + 1))
        total += _STEP * span**0.5 * (here + (there - here) * offset / span)
    return total


def closing_dollars(universe: Universe, seed: int, session: int) -> Floats:
    """Each symbol's closing price of ``session``, not rounded."""
    nerve = np.random.default_rng([seed, 2]).uniform(0.5, 1.8, len(universe))
    return np.maximum(universe.base_price * np.exp(nerve * log_walk(seed, session, len(universe))), 0.0002)


def opening_dollars(universe: Universe, seed: int, session: int) -> Floats:
    """Each symbol's opening price: the previous close, and a small gap."""
    gap = np.random.default_rng([seed, 3, session]).normal(0, 0.002, len(universe))
    return np.maximum(closing_dollars(universe, seed, max(session - 1, 0)) * np.exp(gap), 0.0002)


def market(universe: Universe, seed: int, session: int) -> Market:
    """The day of stocks or indices."""
    count = len(universe)
    rng = np.random.default_rng([seed, 4, session])
    opening, closing = opening_dollars(universe, seed, session), closing_dollars(universe, seed, session)
    tick = np.where(closing < 1, _CENT // 100, _CENT)
    wick = np.abs(rng.normal(0, 0.006, (2, count)))
    busy = rng.lognormal(0, 0.35, count)
    volume = np.maximum(universe.liquidity * _SHARES_OF_A_TYPICAL_SYMBOL / (1 + closing / 100) * busy, 1)
    present = rng.random(count) >= _ABSENT
    present[:_ALWAYS_TRADED] = True
    chosen = np.flatnonzero(present)[np.argsort(universe.names[present])]
    return in_ticks(
        opening=opening[chosen],
        closing=closing[chosen],
        wick=wick[:, chosen],
        tick=tick[chosen],
        tickers=pa.array([name.decode() for name in universe.names[chosen]]),
        activity=(universe.liquidity * busy)[chosen],
        volume=volume[chosen],
        trades=np.maximum(volume / rng.uniform(40, 160, count), 1)[chosen],
    )


def in_ticks(
    *,
    opening: Floats,
    closing: Floats,
    wick: Floats,
    tick: Ints,
    tickers: pa.StringArray,
    activity: Floats,
    volume: Floats,
    trades: Floats,
) -> Market:
    """A market from dollars: prices on whole ticks, ``wick`` (shares of the price) above and below them."""
    first = np.maximum(np.rint(opening * MICRO / tick), 1).astype(np.int64) * tick
    last = np.maximum(np.rint(closing * MICRO / tick), 1).astype(np.int64) * tick
    above = np.rint(closing * wick[0] * MICRO / tick).astype(np.int64) * tick
    below = np.rint(closing * wick[1] * MICRO / tick).astype(np.int64) * tick
    return Market(
        tickers, activity, first, last, np.maximum(first, last) + above,
        np.maximum(np.minimum(first, last) - below, tick), tick, volume, trades,
    )  # fmt: skip
