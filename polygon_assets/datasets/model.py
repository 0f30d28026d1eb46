"""What a row of the table says: its columns, how a day of it is bounded, what is checked, and how it is stored."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

ArrowType = Literal[
    "string", "float64", "int64", "int32", "int16", "list<int16>", "date32", "timestamp[us, UTC]", "timestamp[ns, UTC]"
]
"""``list<int16>``: codes with commas between, as the vendor writes conditions."""
Check = Literal[
    "ticker_text",
    "stock_tickers",
    "marked_tickers",
    "option_contracts",
    "futures_contracts",
    "bar_prices",
    "signed_bar_prices",
    "positive_amounts",
    "midnight_stamps",
    "session_stamps",
    "session_dates",
    "trade_prices",
    "signed_trade_prices",
    "trade_sizes",
    "quote_prices",
    "signed_quote_prices",
    "quote_sizes",
    "index_values",
    "further_stamps",
    "early_end",
    "one_size",
]
"""A group of quality rules; ``flatfile.quality`` says which rules are in it, and applies them."""
Derivation = Literal["option_contract", "futures_contract"]
"""What a ticker is taken apart as; ``flatfile.tickers`` does it."""

NEW_YORK = "America/New_York"
_EXPECTED_BY = dt.time(11)
MICROSECOND = 1_000
"""Nanoseconds."""
MINUTE = 60_000_000_000
"""Nanoseconds."""


def expected_by(day: dt.date) -> dt.datetime:
    """When the file of the session ``day`` is expected at the latest: on the next calendar day, in New York's time."""
    return dt.datetime.combine(day + dt.timedelta(1), _EXPECTED_BY, ZoneInfo(NEW_YORK))


@dataclass(frozen=True)
class Column:
    """A stored column."""

    name: str
    """As in the flat file's header, or as derived."""
    type: ArrowType
    """The type it is stored as, for all years alike."""
    description: str
    """What it means, with its unit."""
    nullable: bool = False
    """May a cell of the file be empty? It is stored as null. Text may be empty and stays so."""
    optional: bool = False
    """May the file lack the column? It is stored as nulls then."""
    zero_is_null: bool = False
    """Does 0 stand for "none"? It is stored as null."""
    byte_stream_split: bool = False
    """Stored byte by byte: for numbers whose high bytes repeat while they themselves do not."""
    delta: bool = False
    """Stored as differences from row to row: for numbers that rise."""
    searched: bool = False
    """Do readers filter by it? Then each row group's minimum and maximum are kept."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the rows of a kind of file look like: bars, trades, quotes or values."""

    name: str
    """For people."""
    columns: tuple[Column, ...]
    """In the order in which the vendor writes them today; files are read by their headers' names."""
    time: str
    """The column that says when a row happened: it bounds the day, and orders a ticker's rows."""
    granularity: int = 1
    """Nanoseconds of which each ``time`` is a whole multiple; a row that is not is rejected."""
    identity: tuple[str, ...]
    """The columns that identify a row."""
    is_sorted: bool = True
    """Are rows published by ticker and time? Else they stay in the file's order, and disorder is flagged."""
    sequence: str | None = None
    """The column that rises from row to row of a ticker; None: there is none."""
    parquet_per_source_byte: float = 1.35
    """Bytes stored for each of the csv.gz, rounded up from what was measured; for estimates where nothing is stored."""

    @property
    def has_codes(self) -> bool:
        """Has it lists of codes? Only those may stand in quotation marks."""
        return any(column.type == "list<int16>" for column in self.columns)


@dataclass(frozen=True)
class DayDefinition:
    """Which moments belong to a file's day."""

    zone: str = NEW_YORK
    """The time zone whose date is the day's."""
    start: dt.time = dt.time(0)
    """When the day begins there, inclusive; it lasts until the next day begins."""
    begins_the_evening_before: bool = False
    """Does it begin on the calendar day before, as sessions of futures do?"""
    certain: bool = True
    """Has it been seen in real files? If not, rows up to two days outside are published and flagged, not rejected."""

    def date_at(self, moment: dt.datetime) -> dt.date:
        """The date in the day's zone at ``moment``, which is aware."""
        return moment.astimezone(ZoneInfo(self.zone)).date()


@dataclass(frozen=True)
class Session:
    """The hours that a day's rows lie in, in the zone of the day; on half days too."""

    start: dt.time
    """Inclusive."""
    end: dt.time
    """Exclusive."""


@dataclass(frozen=True)
class Derived:
    """Columns that are stored beside the file's own, taken from the ticker."""

    derivation: Derivation
    columns: tuple[Column, ...]
    """Null where the ticker does not parse."""
    description: str
    """For people: "with …"."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset: where its files are, what is in them, and how they are handled."""

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
    layout: Layout
    """The columns of the file."""
    derived: Derived | None = None
    """What is stored beside them."""
    calendar: str = "XNYS"
    """On which days there is a file: a name of ``calendars``."""
    day: DayDefinition = field(default_factory=DayDefinition)
    """Which moments belong to a day."""
    session: Session | None = None
    """The hours that its rows lie in; None: they lie anywhere in the day, or have one stamp a day."""
    absent_rows: str
    """What has no row, for people: "a minute without trades"."""
    checks: tuple[Check, ...]
    """What each of its rows is held against."""
    dictionary: tuple[str, ...]
    """Columns of which a row group holds few different values: stored as a dictionary."""
    rolled_up_by_year: bool = False
    """Are its days also put into one file for each year, for reading one ticker's decades?"""
    ticker_mark: str = ""
    """What each ticker begins with; empty: nothing in common."""
    highest_price: float = 1e7
    """A price above it is beyond belief; in the units of the prices."""
    adjustable: bool = False
    """Are its rows bars whose prices and volumes the splits and dividends of their tickers change?"""
    made_of: str = ""
    """The dataset whose rows add up to these bars, ticker by ticker; empty: none, or it is not known which count."""
    universe: str = ""
    """The stored column whose distinct values are much the same from day to day; empty: none is."""
    without_range: tuple[int, ...] = ()
    """Conditions of trades that count for no bar's high and low."""
    without_volume: tuple[int, ...] = ()
    """Conditions of trades that count for no bar's volume."""
    row_group_bytes: int = 4 * 1024**2
    """Bytes of text that become a row group, hence what reading one ticker costs."""
    days_per_run: int
    """How many partitions one run of a backfill takes."""
    typical_bytes: int
    """Size of a compressed file of a recent day, in bytes; for estimates only."""
    schema_version: str
    """Raise it when stored columns, types or rules change: its stored days are then converted anew when asked for."""
    verified: str
    """What of this row was seen in real files, or is documented."""
    doubts: tuple[str, ...] = ()
    """What is assumed: rows that do not fit such an assumption are published and flagged, never rejected."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the flat file."""
        return self.layout.columns

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that identify a row."""
        return self.layout.identity

    @property
    def header(self) -> tuple[str, ...]:
        """The column names of the flat file, in the vendor's order."""
        return tuple(column.name for column in self.columns)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns of the Parquet file, in order; columns that the table does not know come behind them."""
        return self.columns + (self.derived.columns if self.derived else ())
