"""US stocks."""

import datetime as dt

from polygon_assets.datasets.layouts import BARS, STOCK_QUOTES, STOCK_TRADES
from polygon_assets.datasets.model import Check, Dataset, Session

PREFIX = "us_stocks_sip"
_FIRST_DAY = dt.date(2003, 9, 10)
_CHECKS: tuple[Check, ...] = ("ticker_text", "stock_tickers", "bar_prices", "positive_amounts")
_TICKS: tuple[Check, ...] = ("ticker_text", "stock_tickers", "further_stamps")
_TICK_DICTIONARY = ("ticker", "conditions", "exchange", "tape")
_TICKS_VERIFIED = "Header, values and sizes were seen in real files by third parties, and are documented."
_VERIFIED = "Header, types, sizes and time stamps were seen in real files by third parties, and are documented."

ROWS = (
    Dataset(
        name="stocks_daily",
        title="US stocks, one row for each ticker and day",
        prefix=PREFIX,
        live_prefix=PREFIX,
        kind="day_aggs_v1",
        first_day=_FIRST_DAY,
        layout=BARS,
        absent_rows="a day without trades",
        checks=(*_CHECKS, "midnight_stamps"),
        dictionary=("window_start",),
        rolled_up_by_year=True,
        adjustable=True,
        made_of="stocks_minute",
        universe="ticker",
        days_per_run=60,
        typical_bytes=306_000,
        schema_version="3",
        verified=_VERIFIED,
    ),
    Dataset(
        name="stocks_minute",
        title="US stocks, one row for each ticker and minute with trades",
        prefix=PREFIX,
        live_prefix=PREFIX,
        kind="minute_aggs_v1",
        first_day=_FIRST_DAY,
        layout=BARS,
        session=Session(dt.time(4), dt.time(20)),
        absent_rows="a minute without trades",
        checks=(*_CHECKS, "session_stamps"),
        dictionary=("ticker", "window_start"),
        adjustable=True,
        made_of="stocks_trades",
        universe="ticker",
        days_per_run=10,
        typical_bytes=28_500_000,
        schema_version="3",
        verified=_VERIFIED,
    ),
    Dataset(
        name="stocks_trades",
        title="US stocks, one row for each trade",
        prefix=PREFIX,
        live_prefix=PREFIX,
        kind="trades_v1",
        first_day=_FIRST_DAY,
        layout=STOCK_TRADES,
        session=Session(dt.time(4), dt.time(20)),
        absent_rows="a ticker without trades",
        checks=(*_TICKS, "trade_prices", "trade_sizes", "session_stamps", "early_end", "one_size"),
        dictionary=(*_TICK_DICTIONARY, "correction", "trf_id"),
        universe="ticker",
        without_range=(2, 7, 12, 13, 15, 16, 20, 21, 37, 52, 53),
        without_volume=(15, 16, 38),
        row_group_bytes=32 * 1024**2,
        days_per_run=1,
        typical_bytes=3_300_000_000,
        schema_version="1",
        verified=_TICKS_VERIFIED,
    ),
    Dataset(
        name="stocks_quotes",
        title="US stocks, one row for each change of the national best bid or offer",
        prefix=PREFIX,
        live_prefix=PREFIX,
        kind="quotes_v1",
        first_day=_FIRST_DAY,
        layout=STOCK_QUOTES,
        session=Session(dt.time(4), dt.time(20)),
        absent_rows="a ticker without quotes",
        universe="ticker",
        checks=(*_TICKS, "quote_prices", "quote_sizes", "session_stamps"),
        dictionary=(
            *_TICK_DICTIONARY[:2],
            "indicators",
            "ask_exchange",
            "bid_exchange",
            "ask_size",
            "bid_size",
            "tape",
        ),
        row_group_bytes=64 * 1024**2,
        days_per_run=1,
        typical_bytes=8_000_000_000,
        schema_version="1",
        verified=_TICKS_VERIFIED,
    ),
)
