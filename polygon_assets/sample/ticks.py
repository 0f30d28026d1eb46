"""Made-up trades, quotes and values, printed as the vendor prints them; and the bars of futures.

Belongs here: from minutes to single events, and the texts that no bar has. Does not: the market (``prices``).
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import Dataset
from polygon_assets.sample.csv_text import decimals, pc, strings
from polygon_assets.sample.minutes import Rows
from polygon_assets.sample.prices import MICRO, Market
from polygon_assets.sample.sessions import NANOSECONDS, Ints

_MINUTE = 60 * NANOSECONDS
_STOCK_CONDITIONS = ("", "12", "37", "14", '"12,37"', '"14,37,41"', '"14,12,41"')
_TRF = 4
"""Number of the exchange that stands for trade reporting facilities."""
_ABSENT_SHARE = 0.01


@dataclass(frozen=True)
class Events:
    """Single events, by ticker and time; every array has one element for each."""

    market: Market
    symbol: Ints
    """Index into the market's tickers."""
    stamp: Ints
    """Unix nanoseconds."""
    price: Ints
    """Millionths."""
    size: Ints
    """Whole shares or contracts, in millionths."""
    tick: Ints
    """The usual step of the price, in millionths."""
    rng: np.random.Generator
    day: dt.date
    has_decimal_sizes: bool
    """Are the sizes of the day printed with decimals?"""

    def __len__(self) -> int:
        return len(self.symbol)


def events_of(
    market: Market, rows: Rows, wanted: int, rng: np.random.Generator, day: dt.date, *, has_decimal_sizes: bool
) -> Events:
    """About ``wanted`` events, at least one in each of the minutes ``rows``."""
    weights = rows.transactions / rows.transactions.sum()
    repeats = 1 + rng.multinomial(max(wanted - len(rows.symbol), 0), weights)
    at = np.repeat(np.arange(len(rows.symbol)), repeats)
    stamp = rows.window_start[at] + rng.integers(0, _MINUTE, len(at))
    order = np.lexsort((stamp, rows.symbol[at]))
    at, stamp = at[order], stamp[order]
    span = np.maximum(rows.high - rows.low, 0)[at]
    tick = market.tick[rows.symbol[at]]
    price = rows.low[at] + np.rint(rng.random(len(at)) * span / tick).astype(np.int64) * tick
    size = np.maximum(rows.volume[at] // rows.transactions[at] // MICRO, 1) * MICRO
    return Events(market, rows.symbol[at], stamp, price, size, tick, rng, day, has_decimal_sizes)


def trades_of(market: Market, rows: Rows, rng: np.random.Generator, day: dt.date, *, has_decimal_sizes: bool) -> Events:
    """The trades of which the minutes ``rows`` are made: as many, of their volume, between their low and high."""
    at = np.repeat(np.arange(len(rows.symbol)), rows.transactions)
    first = np.cumsum(rows.transactions) - rows.transactions
    place, count = np.arange(len(at)) - first[at], rows.transactions[at]
    stamp = rows.window_start[at] + rng.integers(0, _MINUTE, len(at))
    stamp = stamp[np.lexsort((stamp, at))]
    tick = market.tick[rows.symbol[at]]
    between = rows.low[at] + np.rint(rng.random(len(at)) * (rows.high - rows.low)[at] / tick).astype(np.int64) * tick
    price = np.minimum(between, rows.high[at])
    for number, name in enumerate(("open", "high", "low")):  # two trades are the high and the low, three the close, too
        chosen = place == number - ((count == 2) | (count == 3))  # noqa: PLR2004
        price = np.where(chosen & ((count > 1) | (name == "open")), getattr(rows, name)[at], price)
    price = np.where((place == count - 1) & (count > 2), rows.close[at], price)  # noqa: PLR2004
    whole = rows.volume[at] // MICRO
    size = np.maximum(whole // count + (place < whole % count), 1) * MICRO
    return Events(market, rows.symbol[at], stamp, price, size, tick, rng, day, has_decimal_sizes)


Cells = Callable[[Events], Any]
"""The texts, or whole numbers, of a column."""


def _choice(*values: Any, shares: tuple[float, ...] | None = None) -> Cells:
    def cells(events: Events) -> Any:
        chosen = events.rng.choice(len(values), len(events), p=shares)
        return pc.take(pa.array(values), chosen)

    return cells


def _sizes(events: Events) -> Any:
    if not events.has_decimal_sizes:
        return pa.array(events.size // MICRO)
    some = events.rng.random(len(events)) < 0.1  # noqa: PLR2004 (fractional shares)
    return decimals(np.where(some, events.size + events.rng.integers(0, MICRO, len(events)), events.size))


def _fractional_sizes(events: Events) -> Any:
    return decimals(events.rng.integers(1, 5 * MICRO, len(events)), 8)


def _whole_sizes(events: Events) -> Any:
    return pa.array(events.size // MICRO)


def _before(events: Events) -> Ints:
    """A little before the event; nothing is known of some."""
    earlier = events.stamp - events.rng.integers(10_000, 20_000_000, len(events))
    return np.where(events.rng.random(len(events)) < _ABSENT_SHARE, 0, earlier)


def _sequence(events: Events) -> Ints:
    """Rises within a ticker, with gaps."""
    return np.cumsum(events.rng.integers(1, 40, len(events))) + 1_000


def _corrections(events: Events) -> Any:
    """Few, and of small trades: a bar's volume hardly knows of them."""
    small = events.size <= np.median(events.size) if len(events) else events.size
    return pa.array((small & (events.rng.random(len(events)) < 0.002)).astype(np.int64))  # noqa: PLR2004


def _ids(events: Events) -> Any:
    return strings(pa.array(np.arange(len(events)) + 52_983_525_000_000))


def _quoted(side: int, places: int, *, empty: str = "0") -> Cells:
    """The bid (-1) or the ask (1); ``empty`` where there is none."""

    def cells(events: Events) -> Any:
        width = 1 + (events.symbol % 3)
        prices = events.price + side * width * events.tick
        texts = decimals(np.maximum(prices, 0) if empty else prices, places)
        return pc.if_else(pa.array(_absent(events, side)), empty, texts)

    return cells


def _absent(events: Events, side: int) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Where there is no bid, or no ask; the same for its price, its size and its time."""
    flags: np.ndarray[Any, np.dtype[np.bool_]] = (events.stamp // 7 + side) % 101 == 0
    return flags


def _quoted_size(side: int, *, empty: str = "0") -> Cells:
    def cells(events: Events) -> Any:
        sizes = strings(pa.array(events.rng.integers(1, 60, len(events))))
        return pc.if_else(pa.array(_absent(events, side)), empty, sizes)

    return cells


def _quoted_at(side: int) -> Cells:
    def cells(events: Events) -> Any:
        return np.where(_absent(events, side), 0, events.stamp - events.rng.integers(0, 1_000_000, len(events)))

    return cells


def _stamps(events: Events) -> Ints:
    return events.stamp


def _tape(events: Events) -> Ints:
    return events.symbol % 3 + 1


def _prices(places: int = 6) -> Cells:
    return lambda events: decimals(events.price, places)


def _session_end(events: Events) -> Any:
    return pa.array([events.day.isoformat()] * len(events))


_STOCK: Mapping[str, Cells] = {
    "participant_timestamp": _before,
    "sequence_number": _sequence,
    "sip_timestamp": _stamps,
    "tape": _tape,
    "price": _prices(),
    "correction": _corrections,
    "id": _ids,
}
_OPTION: Mapping[str, Cells] = {
    "conditions": _choice(209, 227, 232, 219),
    "correction": _choice(0),
    "exchange": _choice(300, 302, 308, 313, 322),
    "price": _prices(),
    "sip_timestamp": _stamps,
    "size": _whole_sizes,
    "sequence_number": _sequence,
}
_QUOTE: Mapping[str, Cells] = {
    "ask_price": _quoted(1, 6),
    "ask_size": _quoted_size(1),
    "bid_price": _quoted(-1, 6),
    "bid_size": _quoted_size(-1),
}
_FUTURE: Mapping[str, Cells] = {
    "timestamp": _stamps,
    "sequence_number": _sequence,
    "report_sequence": _sequence,
    "price": _prices(9),
    "size": _whole_sizes,
    "correction": _choice(0),
    "exchange": _choice(4, 11, 12),
    "session_end_date": _session_end,
    "ask_timestamp": _quoted_at(1),
    "ask_price": _quoted(1, 9, empty=""),
    "ask_size": _quoted_size(1, empty=""),
    "bid_timestamp": _quoted_at(-1),
    "bid_price": _quoted(-1, 9, empty=""),
    "bid_size": _quoted_size(-1, empty=""),
}
CELLS: Mapping[str, Mapping[str, Cells]] = {
    "stocks_trades": {
        **_STOCK,
        "conditions": _choice(*_STOCK_CONDITIONS, shares=(0.2, 0.1, 0.3, 0.05, 0.2, 0.1, 0.05)),
        "size": _sizes,
    },
    "stocks_quotes": {
        **_STOCK,
        **_QUOTE,
        "conditions": _choice("1", "", '"1,81"'),
        "indicators": _choice("", "604", '"1,2"', shares=(0.8, 0.15, 0.05)),
        "ask_exchange": _choice(7, 8, 11, 12, 19),
        "bid_exchange": _choice(7, 8, 11, 12, 19),
        "trf_timestamp": _choice(0),
    },
    "options_trades": _OPTION,
    "options_quotes": {**_OPTION, **_QUOTE, "ask_exchange": _OPTION["exchange"], "bid_exchange": _OPTION["exchange"]},
    "indices_values": {"value": _prices(14), "timestamp": _stamps},
    "forex_quotes": {
        **_QUOTE, "ask_exchange": _choice(48), "bid_exchange": _choice(48), "participant_timestamp": _stamps,
    },
    "crypto_trades": {
        "conditions": _choice(1, 2), "exchange": _choice(1, 2, 6, 23), "id": _ids, "participant_timestamp": _stamps,
        "price": _prices(8), "size": _fractional_sizes,
    },
}  # fmt: skip


def tick_table(dataset: Dataset, events: Events) -> pa.Table:
    """The columns of a file of ticks, as texts or whole numbers."""
    made = CELLS.get(dataset.name, _FUTURE)
    columns: dict[str, Any] = {"ticker": pc.take(events.market.tickers, events.symbol)}
    reported = _reported(events) if "trf_id" in dataset.header else {}
    for name in dataset.header:
        if name in made and name not in columns:
            columns[name] = made[name](events)
    columns |= reported
    return pa.table({name: columns[name] for name in dataset.header if name in columns})


def _reported(events: Events) -> dict[str, Any]:
    """Trades off the exchanges are reported by a facility, which has a number and a stamp; others have neither."""
    exchange = events.rng.choice((_TRF, 1, 8, 11, 12, 19), len(events), p=(0.4, 0.1, 0.1, 0.1, 0.2, 0.1))
    reported = exchange == _TRF
    return {
        "exchange": pa.array(exchange),
        "trf_id": pa.array(np.where(reported, 201 + events.symbol % 3, 0)),
        "trf_timestamp": pa.array(np.where(reported, events.stamp - 1_000_000, 0)),
    }


_PRICES = ("open", "high", "low", "close")
_TWICE = 50
"""Every so many rows of futures' minutes has another one with its ticker and minute."""


def futures_bars(dataset: Dataset, day: dt.date, market: Market, rows: Rows, rng: np.random.Generator) -> pa.Table:
    """Bars of futures: nine decimals, negative where spreads are, some minutes twice with other values."""
    count = len(rows.symbol)
    at = np.arange(count)
    if dataset.kind == "minute_aggs_v1":
        at = np.sort(np.concatenate([at, at[::_TWICE]]))
    again = np.concatenate([[False], at[1:] == at[:-1]])
    columns: dict[str, Any] = {
        "ticker": pc.take(market.tickers, rows.symbol[at]),
        "exchange": pa.array(np.where(again, 11, rng.choice((4, 12), len(at)))),
        "session_end_date": pa.array([day.isoformat()] * len(at)),
        "window_start": pa.array(rows.window_start[at]),
        **{name: decimals(getattr(rows, name)[at], 9) for name in _PRICES},
        "volume": strings(pa.array(np.where(again, 1, rows.volume[at] // MICRO))),
        "dollar_volume": decimals(rows.volume[at] // MICRO * np.abs(rows.close[at]), 9),
        "transactions": pa.array(np.where(again, 1, rows.transactions[at])),
        "settlement_price": decimals(rows.close[at], 9),
    }
    return pa.table({name: columns[name] for name in dataset.header})


def spread_prices(market: Market, base: Ints) -> Market:
    """``market`` with the prices of spreads near zero, and often below it; ``base`` is taken off them."""
    off = np.where([("-" in name or " " in name) for name in map(str, market.tickers.to_pylist())], base, 0)
    return Market(
        market.tickers, market.activity, market.open - off, market.close - off, market.high - off, market.low - off,
        market.tick, market.volume, market.trades,
    )  # fmt: skip
