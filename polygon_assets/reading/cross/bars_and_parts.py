"""Bars against the minutes or trades that they sum up, ticker by ticker; and minutes against the closing bell.

Belongs here: two summaries of one day. Does not: making them (``summaries``), or what is tolerated (``cross_rules``).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.reading.cross.cross_rules import (
    BUSY_MINUTES,
    FEWEST_TRADES,
    PRICE,
    CrossFinding,
    Floats,
    Mask,
    amount_tolerance,
    worst_of,
)
from polygon_assets.reading.cross.summaries import Summary, TradedMinutes


class _Side:
    """One summary's columns in the order of ``names``; NaN where a ticker is not in it."""

    def __init__(self, summary: Summary, names: "pa.Array[Any]") -> None:
        self._summary = summary
        places: Any = pc.index_in(names, value_set=summary.tickers)
        self.present: Mask = places.is_valid().to_numpy(zero_copy_only=False)
        self._places = pc.fill_null(places, 0).to_numpy(zero_copy_only=False)

    def __getattr__(self, name: str) -> Floats:
        values = self._summary.columns[name]
        if not len(values):
            return np.full(len(self.present), np.nan)
        found: Floats = np.where(self.present, values[self._places], np.nan)
        return found


def compare_with_parts(bars: Summary, parts: Summary) -> Iterator[CrossFinding]:
    """What is wrong with ``bars``, if ``parts`` are right, or the other way round; both of one day."""
    found: Any = pc.unique(pa.concat_arrays([bars.tickers, parts.tickers]))
    against = parts.dataset.name
    bar, part = _Side(bars, found), _Side(parts, found)
    both = bar.present & part.present
    if bars.is_whole and parts.is_whole:
        lonely = bar.present & ~part.present & (bar.transactions >= FEWEST_TRADES)
        shown = {"transactions": bar.transactions, "volume": bar.volume}
        yield from worst_of("without_parts", against, found, lonely, bar.transactions, shown)
        without = part.present & ~bar.present & (part.regular_transactions >= FEWEST_TRADES)
        shown = {"transactions": part.transactions, "volume": part.volume}
        yield from worst_of("without_bar", against, found, without, part.transactions, shown)
    told = both & (bar.transactions >= FEWEST_TRADES)
    yield from _prices(against, found, told, bar, part)
    for rule, name in (("volume_differs", "volume"), ("transactions_differ", "transactions")):
        here, there = getattr(bar, name), getattr(part, name)
        apart = np.abs(here - there)
        tolerance = amount_tolerance(np.fmax(bar.transactions, part.transactions))
        differs = told & (apart > tolerance * np.maximum(here, there))
        yield from worst_of(rule, against, found, differs, apart, {"bar": here, against: there})
    if bars.dataset.session and not parts.traded:
        yield from _ends(against, found, told, bar, part)


def _prices(against: str, names: Any, told: Mask, bar: _Side, part: _Side) -> Iterator[CrossFinding]:
    """Between the extremes of regular hours and those of all hours; which trades outside them count is the vendor's."""
    above, below = bar.high / part.high - 1, part.regular_high / bar.high - 1
    beyond = np.fmax(above, below)
    shown = {"bar": bar.high, "regular": part.regular_high, "all": part.high}
    yield from worst_of("high_differs", against, names, told & (beyond > PRICE), beyond, shown)
    under, over = part.low / bar.low - 1, bar.low / part.regular_low - 1
    beyond = np.fmax(under, over)
    shown = {"bar": bar.low, "regular": part.regular_low, "all": part.low}
    yield from worst_of("low_differs", against, names, told & (beyond > PRICE), beyond, shown)


def _ends(against: str, names: Any, told: Mask, bar: _Side, part: _Side) -> Iterator[CrossFinding]:
    """Minutes against trades: the last bar has a trade, and the last trade with a price has a bar."""
    traded = told & (bar.last >= 0)
    missing_trades, missing_bars = bar.last - part.last, part.last_with_price - bar.last
    apart = np.fmax(missing_trades, missing_bars)
    shown = {"last_bar": bar.last, "last_trade": part.last, "minutes": apart}
    yield from worst_of("ends_differ", against, names, traded & (apart > 0), apart * bar.transactions, shown)


def missing_at_the_end(traded: TradedMinutes) -> Iterator[CrossFinding]:
    """What was traded in each minute for two hours, and then not once until the closing bell."""
    minutes = traded.traded.shape[1]
    if not minutes or not traded.names:
        return
    any_trade = traded.traded.any(axis=1)
    last = minutes - 1 - np.argmax(traded.traded[:, ::-1], axis=1)
    counted = np.cumsum(traded.traded, axis=1, dtype=np.int32)
    first = last - BUSY_MINUTES
    rows = np.arange(len(last))
    busy = counted[rows, last] - np.where(first >= 0, counted[rows, np.maximum(first, 0)], 0)
    missing = (minutes - 1 - last).astype(np.float64)
    cut = any_trade & (busy >= BUSY_MINUTES) & (missing > 0)
    trades = traded.traded.sum(axis=1)
    shown = {"minutes_missing": missing, "minutes_traded": trades}
    names = np.array(traded.names, dtype=object)
    yield from worst_of("last_minutes_missing", "the closing bell", names, cut, missing * trades, shown)
