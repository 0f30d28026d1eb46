"""What real stock prints have and tidy models lack: prices between cents, fractional shares, round lots.

Belongs here: adding noise to rows that are already valid. Does not: making them.
"""

from dataclasses import replace

import numpy as np

from polygon_assets.sample.minutes import Rows
from polygon_assets.sample.prices import MICRO
from polygon_assets.sample.sessions import Ints

_ROUND_LOTS = 0.25
_BETWEEN_CENTS = 0.35
_SIX_DECIMALS = 0.004
_FRACTIONAL = 0.3
_FOUR_DECIMALS = 100
_LOT = 100 * MICRO


def with_market_noise(
    rows: Rows, rng: np.random.Generator, *, fractional_shares: bool, highest: Ints | None = None
) -> Rows:
    """``rows`` with some prices of four and six decimals, some round lots and, if so told, fractional shares.

    Of minutes, no price is raised above ``highest``, one for each row, and the last of each symbol keeps its close.
    """
    single = rows.transactions == 1
    opening, closing, high = (_off_cents(price, rng) for price in (rows.open, rows.close, rows.high))
    if highest is not None:
        opening, closing, high = (np.minimum(price, highest) for price in (opening, closing, high))
        last = np.append(rows.symbol[1:] != rows.symbol[:-1], True)
        closing[last] = rows.close[last]
    closing, high = np.where(single, opening, closing), np.where(single, opening, high)
    low = np.where(single, opening, np.minimum(rows.low, rows.open))
    return replace(
        rows,
        open=opening,
        close=closing,
        high=np.maximum(np.maximum(high, low), np.maximum(opening, closing)),
        low=np.minimum(low, np.minimum(opening, closing)),
        volume=_lots(rows.volume, rng, fractional_shares=fractional_shares),
    )


def _off_cents(price: Ints, rng: np.random.Generator) -> Ints:
    chance = rng.random(len(price), dtype=np.float32)
    some = np.flatnonzero(chance < _BETWEEN_CENTS)
    few = np.flatnonzero(chance > 1 - _SIX_DECIMALS)
    moved = price.copy()
    moved[some] += rng.choice((5_000, 5_000, 0), len(some)) + rng.integers(0, 50, len(some)) * _FOUR_DECIMALS
    moved[few] += rng.integers(1, 10_000, len(few))
    return moved


def _lots(volume: Ints, rng: np.random.Generator, *, fractional_shares: bool) -> Ints:
    chance = rng.random(len(volume), dtype=np.float32)
    round_lot = (chance < _ROUND_LOTS) & (volume >= _LOT)
    lots = np.where(round_lot, volume // _LOT * _LOT, volume)
    if fractional_shares:
        some = np.flatnonzero(chance > 1 - _FRACTIONAL)
        lots[some] += rng.integers(0, MICRO, len(some))
    return lots
