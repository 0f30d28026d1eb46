"""US stocks."""

import datetime as dt

from polygon_assets.datasets.layouts import BARS
from polygon_assets.datasets.model import Check, Dataset, Session

PREFIX = "us_stocks_sip"
_FIRST_DAY = dt.date(2003, 9, 10)
_CHECKS: tuple[Check, ...] = ("ticker_text", "stock_tickers", "bar_prices", "positive_amounts")
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
        days_per_run=10,
        typical_bytes=28_500_000,
        schema_version="3",
        verified=_VERIFIED,
    ),
)
