"""THE TABLE: one row for each data type. Everything that exists once per data type is derived from here.

Belongs here: facts that differ between data types. Does not: what is done with them.
Adding a data type is adding a row; keys, partitions, assets, checks, sensors, commands and the sample follow.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from polygon_assets.errors import InvalidInputError

Instrument = Literal["stock", "option", "index"]
Window = Literal["day", "minute"]
ArrowType = Literal["string", "float64", "int64", "date32", "timestamp[us, UTC]"]

NEW_YORK = "America/New_York"


@dataclass(frozen=True)
class Column:
    """A stored column."""

    name: str
    """As in the flat file's header, or as derived."""
    type: ArrowType
    """The type it is stored as, for all years alike."""
    description: str
    """What it means, with its unit."""


TICKER = Column(
    "ticker", "string", "Symbol as the vendor writes it, case-sensitive; renamed and reused over the years."
)
VOLUME = Column("volume", "float64", "Shares or contracts traded; decimal for stocks since 2026-02-23.")
OPEN = Column("open", "float64", "First price of the window, US dollars, not adjusted for splits or dividends.")
CLOSE = Column("close", "float64", "Last price of the window, US dollars, unadjusted.")
HIGH = Column("high", "float64", "Highest price of the window, US dollars, unadjusted.")
LOW = Column("low", "float64", "Lowest price of the window, US dollars, unadjusted.")
WINDOW_START = Column("window_start", "timestamp[us, UTC]", "Start of the window, UTC.")
TRANSACTIONS = Column("transactions", "int64", "Number of trades in the window.")

AGGREGATES = (TICKER, VOLUME, OPEN, CLOSE, HIGH, LOW, WINDOW_START, TRANSACTIONS)

OPTION_COLUMNS = (
    Column("underlying", "string", "Root symbol of the contract; adjusted roots hold digits. Null: no OCC ticker."),
    Column("expiration", "date32", "Expiration date of the contract. Null: the ticker does not parse."),
    Column("option_type", "string", "call or put. Null: the ticker does not parse."),
    Column("strike", "float64", "Strike price, US dollars. Null: the ticker does not parse."),
)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One data type: where its files are, what is in them, and how they are handled."""

    name: str
    """Asset key, folder of the store and word of the command line."""
    title: str
    """What it is, for people, in a few words."""
    prefix: str
    """First part of the key, as the specification writes it."""
    live_prefix: str
    """First part of the key on the vendor's bucket today."""
    kind: str
    """Second part of the key."""
    first_day: dt.date
    """The day of the oldest file, inclusive."""
    instrument: Instrument
    """What a ticker names; options gain ``OPTION_COLUMNS`` when stored."""
    window: Window
    """Length of the window that a row describes."""
    columns: tuple[Column, ...] = AGGREGATES
    """The header of the file, in its order."""
    identity: tuple[str, ...] = ("ticker", "window_start")
    """The columns that identify a row."""
    calendar: str = "XNYS"
    """Name of the trading calendar in exchange_calendars."""
    session_start: dt.time = dt.time(4)
    """New York time of the first window that a minute file may hold, inclusive."""
    session_end: dt.time = dt.time(20)
    """New York time at which a minute file's windows have ended, exclusive; on half days too."""
    days_per_run: int
    """How many partitions one run of a backfill takes."""
    typical_bytes: int
    """Size of a compressed file of a recent day, in bytes; for estimates only."""

    @property
    def header(self) -> tuple[str, ...]:
        """The column names of the flat file, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns of the Parquet file, in order."""
        return self.columns + (OPTION_COLUMNS if self.instrument == "option" else ())


_STOCKS_FIRST_DAY = dt.date(2003, 9, 10)
_OPTIONS_FIRST_DAY = dt.date(2014, 6, 2)

DATASETS: Mapping[str, Dataset] = {
    row.name: row
    for row in (
        Dataset(
            name="stocks_daily",
            title="US stocks, one row for each ticker and day",
            prefix="us_stocks_sip",
            live_prefix="us_stocks_sip",
            kind="day_aggs_v1",
            first_day=_STOCKS_FIRST_DAY,
            instrument="stock",
            window="day",
            days_per_run=60,
            typical_bytes=306_000,
        ),
        Dataset(
            name="stocks_minute",
            title="US stocks, one row for each ticker and minute with trades",
            prefix="us_stocks_sip",
            live_prefix="us_stocks_sip",
            kind="minute_aggs_v1",
            first_day=_STOCKS_FIRST_DAY,
            instrument="stock",
            window="minute",
            days_per_run=10,
            typical_bytes=28_500_000,
        ),
        Dataset(
            name="options_daily",
            title="US options, one row for each contract and day",
            prefix="us_options",
            live_prefix="us_options_opra",
            kind="day_aggs_v1",
            first_day=_OPTIONS_FIRST_DAY,
            instrument="option",
            window="day",
            days_per_run=30,
            typical_bytes=4_100_000,
        ),
        Dataset(
            name="options_minute",
            title="US options, one row for each contract and minute with trades",
            prefix="us_options",
            live_prefix="us_options_opra",
            kind="minute_aggs_v1",
            first_day=_OPTIONS_FIRST_DAY,
            instrument="option",
            window="minute",
            days_per_run=10,
            typical_bytes=26_500_000,
        ),
    )
}


def get_dataset(name: str) -> Dataset:
    """The row called ``name``.

    Raises:
        InvalidInputError: there is no such row; the message lists those there are.
    """
    try:
        return DATASETS[name]
    except (KeyError, TypeError):
        raise InvalidInputError(f"Invalid data_type: {name!r}; choose one of {', '.join(DATASETS)}") from None


def no_such_dataset(name: str) -> InvalidInputError:
    """The error for people who wrote ``name``: what they may have meant, and all that there are."""
    near = get_close_matches(name, DATASETS, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return InvalidInputError(f"There is no dataset {name!r}.{meant} There are: {', '.join(DATASETS)}.")
