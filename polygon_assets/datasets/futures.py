"""Futures of CME, CBOT, COMEX and NYMEX: a file for each session, which begins the evening before."""

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import partial

from polygon_assets.datasets.layouts import (
    FUTURES_COLUMNS,
    FUTURES_MINUTES,
    FUTURES_QUOTES,
    FUTURES_SESSIONS,
    FUTURES_TRADES,
)
from polygon_assets.datasets.model import Check, Dataset, DayDefinition, Derived

_CHECKS: tuple[Check, ...] = ("futures_contracts", "session_dates")
_DICTIONARY = ("ticker", "exchange", "session_end_date", "root", "kind", "expiry")
_DAYS = "Files on CME's sessions, and a file's day being that of session_end_date, are likely, not seen."
_SEQUENCES = "The vendor's page has a column conditions, and neither report_sequence nor, of quotes, sequence_number."
_Futures = partial(
    Dataset,
    first_day=dt.date(2017, 4, 3),
    derived=Derived("futures_contract", FUTURES_COLUMNS, "with root, kind and month of each contract"),
    calendar="CMES",
    day=DayDefinition(zone="America/Chicago", start=dt.time(17), begins_the_evening_before=True, certain=False),
    schema_version="2",
)

SIZES: Mapping[str, tuple[int, int, int, int]] = {
    "cme": (23_000, 1_700_000, 49_000_000, 3_850_000_000),
    "cbot": (16_000, 1_500_000, 14_500_000, 700_000_000),
    "comex": (12_000, 800_000, 6_500_000, 200_000_000),
    "nymex": (16_000, 1_500_000, 16_000_000, 1_400_000_000),
}
"""Bytes of a day's sessions, minutes, trades and quotes; those of COMEX' and NYMEX' bars are guesses."""
_LARGE = 1_000_000_000


def _rows(exchange: str) -> Iterator[Dataset]:
    """The four datasets of ``exchange``."""
    prefix, name = f"us_futures_{exchange}", exchange.upper()
    sessions, minutes, trades, quotes = SIZES[exchange]
    row = partial(_Futures, prefix=prefix, live_prefix=prefix)
    yield row(
        name=f"futures_{exchange}_daily",
        title=f"{name} futures, one row for each contract and session",
        kind="session_aggs_v1",
        layout=FUTURES_SESSIONS,
        absent_rows="a session without trades",
        checks=(*_CHECKS, "signed_bar_prices", "positive_amounts"),
        dictionary=(*_DICTIONARY, "window_start"),
        rolled_up_by_year=True,
        days_per_run=60,
        typical_bytes=sessions,
        verified="The header is documented; settlement_price is on newer pages, its place unknown.",
        doubts=(_DAYS, "What window_start is of a session is not known."),
    )
    yield row(
        name=f"futures_{exchange}_minute",
        title=f"{name} futures, one row for each contract and minute with trades",
        kind="minute_aggs_v1",
        layout=FUTURES_MINUTES,
        absent_rows="a minute without trades",
        checks=(*_CHECKS, "signed_bar_prices", "positive_amounts"),
        dictionary=(*_DICTIONARY, "window_start"),
        days_per_run=20,
        typical_bytes=minutes,
        verified="The header was seen on 2026-07-14: open, high, low, close, in this order.",
        doubts=(_DAYS, "What identifies a row is not known: two rows of one ticker and minute occur, and are flagged."),
    )
    yield row(
        name=f"futures_{exchange}_trades",
        title=f"{name} futures, one row for each trade",
        kind="trades_v1",
        layout=FUTURES_TRADES,
        absent_rows="a contract without trades",
        checks=(*_CHECKS, "signed_trade_prices", "trade_sizes"),
        dictionary=(*_DICTIONARY, "correction", "conditions"),
        days_per_run=10,
        typical_bytes=trades,
        verified="The header was seen twice; sizes were seen.",
        doubts=(_DAYS, _SEQUENCES),
    )
    yield row(
        name=f"futures_{exchange}_quotes",
        title=f"{name} futures, one row for each change of the best bid or offer",
        kind="quotes_v1",
        layout=FUTURES_QUOTES,
        absent_rows="a contract without quotes",
        checks=(*_CHECKS, "signed_quote_prices", "quote_sizes", "further_stamps"),
        dictionary=(*_DICTIONARY, "ask_size", "bid_size"),
        row_group_bytes=(32 if quotes > _LARGE else 16) * 1024**2,
        days_per_run=1,
        typical_bytes=quotes,
        verified="The header was seen; sizes were seen.",
        doubts=(_DAYS, _SEQUENCES),
    )


ROWS = tuple(row for exchange in SIZES for row in _rows(exchange))
