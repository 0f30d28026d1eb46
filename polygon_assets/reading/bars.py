"""``bars``: stored minute bars put together into longer ones, with DuckDB, when they are asked for.

Belongs here: which window a minute lies in, and what a window says. Does not: which minutes (``scanning``).
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import ConfigurationMissingError, InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.factors import Adjustment
from polygon_assets.reading.scanning import Day, Session, day_text, days_between, opened_store, scan
from polygon_assets.settings import load_settings_of_folder
from polygon_assets.wording import how_to_install

if TYPE_CHECKING:
    import duckdb

Anchor = Literal["open", "midnight"]
Fill = Literal["grid"]

_LENGTH = re.compile(r"([1-9][0-9]{0,3})(m|h)")
_SECONDS = {"m": 60, "h": 3600}
_DAY = 86_400
_MICROSECONDS = 1_000_000
_FORMULAS = {
    "open": "arg_min(open, window_start)",
    "high": "max(high)",
    "low": "min(low)",
    "close": "arg_max(close, window_start)",
    "volume": "sum(volume)",
    "transactions": "sum(transactions)::BIGINT",
    "split_factor": "any_value(split_factor)",
    "dividend_factor": "any_value(dividend_factor)",
}
"""What a window says of its minutes, where they have the column."""
_CARRIED = {"open", "high", "low", "close"}
_COUNTED = {"volume", "transactions"}
_FACTORS = {"split_factor", "dividend_factor"}


def bars(
    dataset: str = "stocks_minute",
    start: Day | None = None,
    end: Day | None = None,
    *,
    every: str,
    tickers: str | Iterable[str] | None = None,
    session: Session = "regular",
    anchor: Anchor = "open",
    fill: Fill | None = None,
    store: ParquetStore | str | None = None,
    adjust: Adjustment | None = None,
    as_of: Day | None = None,
) -> "duckdb.DuckDBPyRelation":
    """Bars of length ``every`` ("15m", "1h", up to "24h") from minute bars, as a lazy DuckDB relation.

    Nothing is read before ``.pl()`` or ``.to_arrow_table()``; rows come in no particular order. Windows
    never span two days; they are counted from the session's open, or from midnight in New York, and named by their
    start (UTC). Without ``fill``, a window without trades has no row. ``fill="grid"`` gives each ticker with trades on
    a day all windows of that day's regular session: empty ones have the day's last close before them as their prices
    (null before the first trade), and volumes of 0. The rest is as in ``scan``.

    Raises:
        InvalidInputError: as ``scan``; no minute bars with a session, an invalid length, anchor or fill, or a grid of
            all hours.
        ConfigurationMissingError: DuckDB is not installed.
    """
    row = get_dataset(dataset)
    if row.session is None or not dataset.endswith("_minute"):
        raise InvalidInputError(f"{dataset} are no minute bars with a session; stocks_minute and options_minute are")
    length = _seconds(every)
    if anchor not in {"open", "midnight"}:
        raise InvalidInputError(f"Invalid anchor: {anchor!r}; it is 'open' or 'midnight'")
    if fill not in {None, "grid"}:
        raise InvalidInputError(f"Invalid fill: {fill!r}; it is 'grid' or None")
    if fill and session != "regular":
        raise InvalidInputError("A grid needs session='regular': trading outside it has no fixed end.")
    start, end = day_text(start), day_text(end)
    opened = opened_store(store)
    minutes = scan(dataset, start, end, tickers=tickers, session=session, store=opened, adjust=adjust, as_of=as_of)
    connection = _connection()
    connection.register("minutes", minutes)
    connection.register("days", _days(row, days_between(opened, dataset, start, end), anchor, length))
    columns = [name for name in _FORMULAS if name in minutes.schema.names]
    windows = _windows(columns, length)
    return connection.sql(_on_grid(windows, columns, length) if fill else windows + _as_found(columns))


def _connection() -> "duckdb.DuckDBPyConnection":
    try:
        import duckdb  # noqa: PLC0415 (an optional part)
    except ModuleNotFoundError:
        raise ConfigurationMissingError(
            f"bars needs DuckDB, which is not installed here: {how_to_install('sql')}"
        ) from None
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _seconds(every: str) -> int:
    found = _LENGTH.fullmatch(every) if isinstance(every, str) else None
    length = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < length <= _DAY:
        raise InvalidInputError(f"Invalid every: {every!r}; it is a number of minutes or hours up to a day: 15m, 1h")
    return length


def _days(dataset: Dataset, days: Iterable[str], anchor: Anchor, length: int) -> pa.Table:
    """Each stored day with where its windows are counted from (microseconds since 1970), and those of its session."""
    return pa.Table.from_pylist(list(_day_rows(dataset, days, anchor, length)), schema=_DAYS)


_DAY_FIELDS: Any = {
    "date": pa.date32(),
    "anchor": pa.int64(),
    "first_number": pa.int64(),
    "end_number": pa.int64(),
}
_DAYS = pa.schema(_DAY_FIELDS)


def _day_rows(dataset: Dataset, days: Iterable[str], anchor: Anchor, length: int) -> Iterator[dict[str, object]]:
    hours = trading_calendar(dataset.calendar, load_settings_of_folder().extra_closures).regular_hours
    zone = ZoneInfo(dataset.day.zone)
    for day in map(dt.date.fromisoformat, days):
        midnight = int(dt.datetime.combine(day, dt.time(0), zone).timestamp())
        opening, closing = (int(each.timestamp()) for each in hours[day]) if day in hours else (midnight, midnight)
        start = opening if anchor == "open" else midnight
        yield {
            "date": day,
            "anchor": start * _MICROSECONDS,
            "first_number": (opening - start) // length,
            "end_number": -((start - closing) // length),
        }


def _windows(columns: list[str], length: int) -> str:
    """``windows``: what each window with minutes says. Its number counts from the day's anchor, negative before it."""
    formulas = ", ".join(f"{_FORMULAS[name]} AS {name}" for name in columns)
    number = f"floor((epoch_us(window_start) - anchor) / {length * _MICROSECONDS})::BIGINT"
    return (
        f"WITH windows AS (SELECT date, ticker, {_start(length)} AS window_start, number, {formulas} "  # noqa: S608
        f"FROM (SELECT *, {number} AS number "
        "FROM minutes JOIN days USING (date)) GROUP BY date, ticker, anchor, number)"
    )


def _start(length: int) -> str:
    return f"make_timestamptz(anchor + number * {length * _MICROSECONDS})"


def _as_found(columns: list[str]) -> str:
    return f" SELECT {', '.join(['date', 'ticker', 'window_start', *columns])} FROM windows"  # noqa: S608 (our own names)


def _on_grid(windows: str, columns: list[str], length: int) -> str:
    """All windows of the session of each ticker and day with rows, the last close carried into those without."""
    carried = "last_value(close IGNORE NULLS) OVER (PARTITION BY date, ticker ORDER BY number)"
    empty = {
        **dict.fromkeys(_CARRIED, carried),
        **dict.fromkeys(_COUNTED, "0"),
        **{name: f"max({name}) OVER (PARTITION BY date, ticker)" for name in _FACTORS},
    }
    filled = ", ".join(f"CASE WHEN had THEN {name} ELSE {empty[name]} END AS {name}" for name in columns)
    return (
        f"{windows}, traded AS (SELECT DISTINCT date, ticker FROM windows), "  # noqa: S608 (our own names)
        "grid AS (SELECT date, ticker, anchor, unnest(range(first_number, end_number)) AS number "
        "FROM traded JOIN days USING (date)), "
        f"cells AS (SELECT date, ticker, {_start(length)} AS window_start, number, had IS NOT NULL AS had, "
        f"{', '.join(columns)} FROM grid LEFT JOIN (SELECT * EXCLUDE (window_start), true AS had FROM windows) "
        f"USING (date, ticker, number)) SELECT date, ticker, window_start, {filled} FROM cells"
    )
