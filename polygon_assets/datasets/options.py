"""US options. The specification's prefix is not the one of the live bucket."""

import datetime as dt

from polygon_assets.datasets.layouts import BARS, OPTION_COLUMNS, OPTION_QUOTES, OPTION_TRADES
from polygon_assets.datasets.model import Check, Dataset, Derived, Session

PREFIX = "us_options"
LIVE_PREFIX = "us_options_opra"
_FIRST_DAY = dt.date(2014, 6, 2)
_CONTRACT = Derived("option_contract", OPTION_COLUMNS, "with underlying, expiration, type and strike of each contract")
_CHECKS: tuple[Check, ...] = ("ticker_text", "option_contracts", "bar_prices", "positive_amounts")
# Prices of options are few, on a coarse grid.
_DICTIONARY = ("open", "close", "high", "low", "window_start", "underlying", "expiration", "option_type")
_TICKS: tuple[Check, ...] = ("ticker_text", "option_contracts")
_CONTRACT_DICTIONARY = ("ticker", "underlying", "expiration", "option_type", "strike")
_TICKS_VERIFIED = "Header, values and sizes were seen in real files by third parties, and are documented."
_VERIFIED = "Header, types, sizes and time stamps were seen in real files by third parties, and are documented."

ROWS = (
    Dataset(
        name="options_daily",
        title="US options, one row for each contract and day",
        prefix=PREFIX,
        live_prefix=LIVE_PREFIX,
        kind="day_aggs_v1",
        first_day=_FIRST_DAY,
        layout=BARS,
        derived=_CONTRACT,
        absent_rows="a day without trades",
        checks=(*_CHECKS, "midnight_stamps"),
        dictionary=_DICTIONARY,
        rolled_up_by_year=True,
        made_of="options_minute",
        universe="underlying",
        days_per_run=30,
        typical_bytes=4_100_000,
        schema_version="3",
        verified=_VERIFIED,
    ),
    Dataset(
        name="options_minute",
        title="US options, one row for each contract and minute with trades",
        prefix=PREFIX,
        live_prefix=LIVE_PREFIX,
        kind="minute_aggs_v1",
        first_day=_FIRST_DAY,
        layout=BARS,
        derived=_CONTRACT,
        session=Session(dt.time(4), dt.time(20)),
        absent_rows="a minute without trades",
        checks=(*_CHECKS, "session_stamps"),
        dictionary=("ticker", *_DICTIONARY),
        made_of="options_trades",
        universe="underlying",
        days_per_run=10,
        typical_bytes=26_500_000,
        schema_version="3",
        verified=_VERIFIED,
    ),
    Dataset(
        name="options_trades",
        title="US options, one row for each trade",
        prefix=PREFIX,
        live_prefix=LIVE_PREFIX,
        kind="trades_v1",
        first_day=_FIRST_DAY,
        layout=OPTION_TRADES,
        derived=_CONTRACT,
        session=Session(dt.time(4), dt.time(20)),
        absent_rows="a contract without trades",
        checks=(*_TICKS, "trade_prices", "trade_sizes", "early_end", "one_size"),
        dictionary=(*_CONTRACT_DICTIONARY, "conditions", "correction", "exchange"),
        universe="underlying",
        days_per_run=5,
        typical_bytes=70_000_000,
        schema_version="1",
        verified=_TICKS_VERIFIED,
    ),
    Dataset(
        name="options_quotes",
        title="US options, one row for each change of the best bid or offer",
        prefix=PREFIX,
        live_prefix=LIVE_PREFIX,
        kind="quotes_v1",
        first_day=dt.date(2022, 3, 7),
        layout=OPTION_QUOTES,
        derived=_CONTRACT,
        session=Session(dt.time(4), dt.time(20)),
        absent_rows="a contract without quotes",
        checks=(*_TICKS, "quote_prices", "quote_sizes"),
        dictionary=(*_CONTRACT_DICTIONARY, "ask_exchange", "bid_exchange", "ask_size", "bid_size"),
        row_group_bytes=128 * 1024**2,
        days_per_run=1,
        typical_bytes=140_000_000_000,
        schema_version="1",
        verified=_TICKS_VERIFIED,
    ),
)
