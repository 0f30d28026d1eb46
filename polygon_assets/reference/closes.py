"""The close of the session before each dividend's ex-date, looked up in the stored days, and remembered.

    {store}/_reference/dividend_closes/data.parquet   ticker, date of the session, close, version of the day's file

A remembered close counts while the day's file is the one that it was read from: so nothing has to be made anew when
days are replaced, and the table may be deleted. Belongs here: finding closes. Does not: what a dividend does to prices
(``reading``).
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.errors import StoreError
from polygon_assets.flatfile.rows import Ints
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import DIVIDENDS
from polygon_assets.reference.tables import read_events, read_parquet, write_parquet
from polygon_assets.store.roll_ups import scan_history

SOURCE = "stocks_daily"
"""The dataset whose closes count."""
_NAME = "dividend_closes"
DAY_BITS = 20
"""Days since 1970 need 15; a ticker's number stands above them."""
_FIELDS: Any = {"ticker": pa.string(), "date": pa.date32(), "close": pa.float64(), "version": pa.string()}


def ticker_days(tickers: "pa.Array[Any]", known: "pa.Array[Any]", days: Ints) -> Ints:
    """One number for each ticker and day, which sorts as they do in ``known``; negative where a ticker is not in it."""
    numbers: Any = pc.fill_null(pc.index_in(tickers, value_set=known), -1)  # type: ignore[type-var]
    found: Ints = (numbers.to_numpy(zero_copy_only=False).astype(np.int64) << DAY_BITS) + days
    return found


@dataclass(frozen=True)
class Wanted:
    """Tickers and the sessions of which their closes are wanted, in the order in which they are answered."""

    tickers: "pa.Array[Any]"
    sessions: Ints
    """Days since 1970."""


def sessions_before(days: Sequence[dt.date], sessions: Sequence[dt.date]) -> Ints:
    """The last of ``sessions`` before each of ``days``, in days since 1970; 0 where there is none."""
    epoch = dt.date(1970, 1, 1)
    known = [(session - epoch).days for session in sessions]
    places = (bisect_left(sessions, day) for day in days)
    return np.array([known[place - 1] if place else 0 for place in places], dtype=np.int64)


def closes_of(store: ParquetStore, wanted: Wanted) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The close of each ticker on its session, as traded; NaN where the day is not stored, or has no row of it."""
    closes = np.full(len(wanted.tickers), np.nan)
    if not len(closes):
        return closes
    versions = _versions(store)
    stored = np.isin(wanted.sessions, list(versions))
    known = pc.unique(wanted.tickers)
    keys = ticker_days(wanted.tickers, known, wanted.sessions)
    missing = stored & ~_remembered(store, known, keys, versions, closes)
    if missing.any():
        _look_up(store, known, keys, missing, closes)
    return closes


def remember_closes(store: ParquetStore, sessions: Sequence[dt.date]) -> int:
    """Look up the closes that all stored dividends need, and remember them; how many there are."""
    try:
        events = read_events(store, DIVIDENDS, columns=["ticker", DIVIDENDS.date, "problem"])
    except FileNotFoundError:
        return 0
    events = events.filter(pc.is_null(events.column("problem")))
    ex_dates: list[Any] = events.column(DIVIDENDS.date).to_pylist()
    before = sessions_before(ex_dates, sessions)
    versions = _versions(store)
    stored = np.isin(before, list(versions))
    tickers = events.column("ticker").combine_chunks().filter(pa.array(stored))
    wanted = Wanted(tickers, before[stored])
    closes = closes_of(store, wanted)
    days, places = np.unique(wanted.sessions, return_inverse=True)
    table = pa.table(
        [
            tickers,
            pa.array(wanted.sessions.astype(np.int32)).cast(pa.date32()),
            pa.array(closes, from_pandas=True),
            pa.array([versions[int(day)] for day in days], pa.string()).take(places),
        ],
        schema=pa.schema(_FIELDS),
    )
    if _versions(store) == versions:  # else a close may be of another file than is said
        write_parquet(store, _NAME, table, {"polygon.version": version("polygon-assets")})
    return table.num_rows


def _versions(store: ParquetStore) -> dict[int, str]:
    """What tells the stored days from others, by the days since 1970."""
    found = store.versions(SOURCE)
    days = np.array(list(found), dtype="datetime64[D]").astype(np.int64) if found else ()
    return dict(zip(map(int, days), found.values(), strict=True))


def _remembered(
    store: ParquetStore, known: "pa.Array[Any]", keys: Ints, versions: dict[int, str], closes: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Put what is remembered into ``closes``; for which of ``keys`` there was something."""
    found = np.zeros(len(keys), dtype=bool)
    try:
        table = read_parquet(store, _NAME, pc.field("ticker").isin(known))
    except (FileNotFoundError, StoreError):  # damaged, it is made anew with the next refresh
        return found
    days = table.column("date").combine_chunks().cast(pa.int32()).to_numpy().astype(np.int64)
    each, places = np.unique(days, return_inverse=True)
    now = pa.array([versions.get(int(day), "") for day in each], pa.string()).take(places)
    current = pc.equal(table.column("version").combine_chunks(), now).to_numpy(zero_copy_only=False)
    remembered = ticker_days(table.column("ticker").combine_chunks(), known, days)
    order = np.argsort(remembered, kind="stable")
    values = table.column("close").to_numpy()
    spots = np.minimum(np.searchsorted(remembered[order], keys), max(len(order) - 1, 0))
    if len(order):
        chosen = order[spots]
        found = (remembered[chosen] == keys) & current[chosen]
        closes[found] = values[chosen][found]
    return found


def _look_up(
    store: ParquetStore, known: "pa.Array[Any]", keys: Ints, missing: np.ndarray[Any, Any], closes: np.ndarray[Any, Any]
) -> None:
    """Read the stored rows of the ``missing`` keys into ``closes``, batch by batch."""
    places = np.flatnonzero(missing)
    order = places[np.argsort(keys[places], kind="stable")]
    sought = keys[order]
    days = pa.array(np.unique(sought & ((1 << DAY_BITS) - 1)).astype(np.int32)).cast(pa.date32())
    chosen = pc.field("ticker").isin(known) & pc.field("date").isin(days)
    first, last = str(days[0].as_py()), str(days[-1].as_py())
    for batch in scan_history(store, SOURCE, first, last).to_batches(["ticker", "date", "close"], filter=chosen):
        if batch.num_rows:
            of_rows = batch.column("date").cast(pa.int32()).to_numpy().astype(np.int64)
            found = ticker_days(batch.column("ticker"), known, of_rows)
            left, right = np.searchsorted(sought, found), np.searchsorted(sought, found, side="right")
            values = batch.column("close").to_numpy()
            for row in np.flatnonzero(right > left):
                closes[order[left[row] : right[row]]] = values[row]
