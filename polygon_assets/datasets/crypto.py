"""Crypto currencies: a file every day."""

import datetime as dt
from functools import partial

from polygon_assets.datasets.layouts import BARS_OF_CURRENCIES, CRYPTO_TRADES
from polygon_assets.datasets.model import Check, Dataset, DayDefinition

_CHECKS: tuple[Check, ...] = ("ticker_text", "marked_tickers")
_BARS_DOUBTS = (
    "The header is likely that of stocks, not seen.",
    "Days by the date in UTC are likely, not seen.",
)
_Pairs = partial(
    Dataset,
    prefix="global_crypto",
    live_prefix="global_crypto",
    first_day=dt.date(2013, 11, 1),
    calendar="24/7",
    day=DayDefinition(zone="UTC", certain=False),
    ticker_mark="X:",
    universe="ticker",
    highest_price=1e12,
    schema_version="1",
)

ROWS = (
    _Pairs(
        name="crypto_daily",
        title="Crypto currencies, one row for each pair and day",
        kind="day_aggs_v1",
        layout=BARS_OF_CURRENCIES,
        absent_rows="a day without trades",
        checks=(*_CHECKS, "bar_prices", "positive_amounts", "midnight_stamps"),
        dictionary=("window_start",),
        rolled_up_by_year=True,
        days_per_run=60,
        typical_bytes=12_000,
        verified="Sizes, days and first day were seen.",
        doubts=_BARS_DOUBTS,
    ),
    _Pairs(
        name="crypto_minute",
        title="Crypto currencies, one row for each pair and minute with trades",
        kind="minute_aggs_v1",
        layout=BARS_OF_CURRENCIES,
        absent_rows="a minute without trades",
        checks=(*_CHECKS, "bar_prices", "positive_amounts"),
        dictionary=("ticker", "window_start"),
        days_per_run=30,
        typical_bytes=2_400_000,
        verified="Sizes, days and first day were seen.",
        doubts=_BARS_DOUBTS,
    ),
    _Pairs(
        name="crypto_trades",
        title="Crypto currencies, one row for each trade",
        kind="trades_v1",
        layout=CRYPTO_TRADES,
        absent_rows="a pair without trades",
        checks=(*_CHECKS, "trade_prices", "trade_sizes"),
        dictionary=("ticker", "conditions", "exchange"),
        days_per_run=10,
        typical_bytes=35_000_000,
        verified="Header, sizes, days and first day were seen.",
        doubts=_BARS_DOUBTS[1:],
    ),
)
