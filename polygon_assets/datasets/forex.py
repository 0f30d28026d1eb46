"""Foreign exchange: files from Sunday to Friday."""

import datetime as dt
from functools import partial

from polygon_assets.datasets.layouts import BARS_OF_CURRENCIES, FOREX_QUOTES
from polygon_assets.datasets.model import Check, Dataset, DayDefinition

_CHECKS: tuple[Check, ...] = ("ticker_text", "marked_tickers")
_BARS_DOUBTS = (
    "The header is likely that of stocks, not seen.",
    "Days by the date in UTC are likely, not seen.",
)
_Pairs = partial(
    Dataset,
    prefix="global_forex",
    live_prefix="global_forex",
    first_day=dt.date(2009, 9, 25),
    calendar="24/6",
    day=DayDefinition(zone="UTC", certain=False),
    ticker_mark="C:",
    highest_price=1e12,
    schema_version="1",
)

ROWS = (
    _Pairs(
        name="forex_daily",
        title="Foreign exchange, one row for each pair and day",
        kind="day_aggs_v1",
        layout=BARS_OF_CURRENCIES,
        absent_rows="a day without quotes",
        checks=(*_CHECKS, "bar_prices", "positive_amounts", "midnight_stamps"),
        dictionary=("window_start",),
        rolled_up_by_year=True,
        days_per_run=60,
        typical_bytes=32_000,
        verified="Sizes, days and first day were seen.",
        doubts=_BARS_DOUBTS,
    ),
    _Pairs(
        name="forex_minute",
        title="Foreign exchange, one row for each pair and minute with quotes",
        kind="minute_aggs_v1",
        layout=BARS_OF_CURRENCIES,
        absent_rows="a minute without quotes",
        checks=(*_CHECKS, "bar_prices", "positive_amounts"),
        dictionary=("ticker", "window_start"),
        days_per_run=10,
        typical_bytes=13_000_000,
        verified="Sizes, days and first day were seen.",
        doubts=_BARS_DOUBTS,
    ),
    _Pairs(
        name="forex_quotes",
        title="Foreign exchange, one row for each quote",
        kind="quotes_v1",
        layout=FOREX_QUOTES,
        absent_rows="a pair without quotes",
        checks=(*_CHECKS, "quote_prices"),
        dictionary=("ticker", "ask_exchange", "bid_exchange"),
        days_per_run=3,
        typical_bytes=250_000_000,
        verified="Header, sizes, days and first day were seen; there are no sizes of bids and asks.",
        doubts=_BARS_DOUBTS[1:],
    ),
)
