"""``scan``: stored days as one Arrow dataset, by day, ticker and trading session, for notebooks and programs.

Belongs here: which rows. Does not: what is done with them. Nothing is read before the answer is.
"""

import datetime as dt
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from polygon_assets.calendars import parse_date, trading_calendar
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import InvalidInputError, NothingStoredWarning
from polygon_assets.flatfile.parquet_format import nanoseconds_in, stored_type
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.connections import existing_store
from polygon_assets.reading.absent import nothing_stored
from polygon_assets.reading.adjusting import AdjustedDataset
from polygon_assets.reading.factors import Adjustment, load_factors
from polygon_assets.settings import load_settings_of_folder
from polygon_assets.store.roll_ups import scan_history

Session = Literal["all", "regular"]
_DAY = 86_400
"""Seconds."""
_NANOSECONDS = 1_000_000_000
Day = str | dt.date
"""YYYY-MM-DD, a date, or what is one: a datetime or a pandas Timestamp, of which the date counts."""


def scan(
    dataset: str,
    start: Day | None = None,
    end: Day | None = None,
    *,
    tickers: str | Iterable[str] | None = None,
    session: Session = "all",
    store: ParquetStore | str | None = None,
    adjust: Adjustment | None = None,
    as_of: Day | None = None,
) -> pads.Dataset:
    """The stored rows of ``dataset`` from ``start`` to ``end`` (inclusive; None: open).

    Days are dates, YYYY-MM-DD, or pandas Timestamps, whose own date counts. ``tickers`` are as the vendor writes them,
    case-sensitive; one in small letters that is there in capitals alone is warned of. ``session="regular"`` keeps the
    minutes from the opening bell to the closing one, half days included. ``store`` is a store, a folder or an ``s3://``
    URI; unset, that of the settings. Column ``date`` is the trading day. Rows come in no particular order: tickers of
    daily data are read from the files of whole years, where those say what the days say.

    ``adjust`` applies splits, or splits and dividends, to bars of stocks, and adds the columns ``split_factor`` and
    ``dividend_factor``: prices are multiplied by both, volumes divided by the first. Where a factor cannot be known,
    they are null. Events count up to ``as_of``; unset, splits up to the day on which they were retrieved, and
    dividends up to the newest stored day, since later ones change no stored price against another.

    Warns with ``NothingStoredWarning`` where nothing of the dataset, or no day of the range, is stored.

    Raises:
        InvalidInputError: an unknown dataset, session or adjustment, an invalid date; a session of daily data;
            adjusting what has no splits, or without stored events; no such store.
    """
    row = get_dataset(dataset)
    start, end, as_of = day_text(start), day_text(end), day_text(as_of)
    _require_possible(row, session, adjust, as_of)
    settings = load_settings_of_folder()
    opened = opened_store(store).at_one_moment()
    if tickers is None or not row.rolled_up_by_year:
        found = opened.scan(dataset, start, end)
    else:
        found = scan_history(opened, dataset, start, end)
    _warn_of_nothing(found, opened, dataset, start, end)
    wanted = _tickers(tickers)
    if wanted is not None:
        found = found.filter(pc.field("ticker").isin(pa.array(wanted, pa.string())))
        _warn_of_case(opened, dataset, [each for each in wanted if each != each.upper()], start, end)
    if session == "regular":
        found = found.filter(_regular(row, days_between(opened, dataset, start, end), settings.extra_closures))
    if adjust is None:
        return found
    sessions = trading_calendar(row.calendar, settings.extra_closures).sessions
    factors = load_factors(opened, adjust, as_of, wanted, sessions, newest=max(opened.days(dataset), default=None))
    read = days_between(opened, dataset, start, end)
    if as_of is None and read and (lacking := factors.lacks_events_of(read[-1])):
        warn_caller(lacking)
    return AdjustedDataset(found, factors)


def _tickers(given: str | Iterable[str] | None) -> list[str] | None:
    """The tickers that are ``given``, one or several; none has a comma."""
    wanted = [given] if isinstance(given, str) else None if given is None else list(given)
    for each in wanted or ():
        if not isinstance(each, str) or "," in each:
            several = each.split(",") if isinstance(each, str) else ["AAPL", "MSFT"]
            raise InvalidInputError(f"Invalid ticker: {each!r}; several are a list of texts: {several}")
    return wanted


def _require_possible(row: Dataset, session: Session, adjust: Adjustment | None, as_of: str | None) -> None:
    """Refuse what no stored day could answer, before any is looked for."""
    if session not in {"all", "regular"}:
        raise InvalidInputError(f"Invalid session: {session!r}; it is 'regular' or 'all'")
    if session == "regular" and row.session is None:
        has = "only minutes and ticks of stocks, options and indices have one"
        raise InvalidInputError(f"{row.name} has no regular session; {has}")
    if adjust is None and as_of is not None:
        raise InvalidInputError("as_of says which events are applied: give it with adjust.")
    if adjust is not None and not row.adjustable:
        raise InvalidInputError(f"{row.name} cannot be adjusted: splits and dividends are of bars of stocks alone")


def _warn_of_nothing(
    found: pads.Dataset, store: ParquetStore, dataset: str, start: str | None, end: str | None
) -> None:
    """Warn where ``found`` has no file; files of years hold other days, too."""
    files = getattr(found, "files", None)
    if files == [] or (files is None and not days_between(store, dataset, start, end)):
        warn_caller(nothing_stored(store, dataset, start, end), NothingStoredWarning)


_PACKAGE = f"{Path(__file__).parent.parent}/"


def warn_caller(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line that called this package, however deep in it this is."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 (what warnings itself looks at)
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def day_text(given: Day | None) -> str | None:
    """``given`` as YYYY-MM-DD; None stays."""
    if not isinstance(given, dt.date):
        return given if given is None else parse_date(given).isoformat()
    if given != given:  # noqa: PLR0124 (pandas' NaT)
        raise InvalidInputError(f"Invalid date: {given}; a date is YYYY-MM-DD and exists")
    return (given.date() if isinstance(given, dt.datetime) else given).isoformat()


def _warn_of_case(store: ParquetStore, dataset: str, tickers: list[str], start: str | None, end: str | None) -> None:
    """Warn of ``tickers`` that the newest day read lacks and has in capitals: ``aapl`` would find nothing."""
    capitals = {each: each.upper() for each in tickers}
    days = days_between(store, dataset, start, end) if capitals else []
    if not days:
        return
    wanted = pc.field("ticker").isin(pa.array([*capitals, *capitals.values()], pa.string()))
    there = set(
        store.scan(dataset, days[-1], days[-1]).to_table(columns=["ticker"], filter=wanted)["ticker"].to_pylist()
    )
    for asked, meant in capitals.items():
        if asked not in there and meant in there:
            text = f"{dataset} has no ticker {asked!r} on {days[-1]}, but {meant!r}: tickers are case-sensitive"
            warn_caller(text)


def opened_store(store: ParquetStore | str | None) -> ParquetStore:
    """``store``, or that of a folder or URI, or of the settings."""
    return store if isinstance(store, ParquetStore) else existing_store(load_settings_of_folder(), store)


def stored_days(
    dataset: str, start: Day | None = None, end: Day | None = None, *, store: ParquetStore | str | None = None
) -> list[str]:
    """The stored days of ``dataset`` from ``start`` to ``end``, as YYYY-MM-DD, oldest first; all as in ``scan``.

    Raises:
        InvalidInputError: an unknown dataset, an invalid date; no such store.
    """
    row, first, last = get_dataset(dataset), day_text(start), day_text(end)
    return days_between(opened_store(store), row.name, first, last)


def days_between(store: ParquetStore, dataset: str, start: str | None, end: str | None) -> list[str]:
    """The stored days from ``start`` to ``end``, inclusive."""
    return [day for day in store.days(dataset) if (not start or day >= start) and (not end or day <= end)]


def _regular(dataset: Dataset, days: Iterable[str], extra_closures: tuple[dt.date, ...]) -> pc.Expression:
    """True for the windows of regular trading on ``days``.

    Days with the same hours in UTC share one term. Arrow knows each file's date, so that only one term is computed.
    """
    hours = trading_calendar(dataset.calendar, extra_closures).regular_hours
    alike: dict[tuple[int, int], list[dt.date]] = defaultdict(list)
    for day in map(dt.date.fromisoformat, days):
        if day in hours:
            opening, closing = hours[day]
            alike[_since_midnight(opening), _since_midnight(closing)].append(day)
    return reduce(or_, _terms(dataset, alike), pc.scalar(False))  # noqa: FBT003 (a value)


def _terms(dataset: Dataset, alike: dict[tuple[int, int], list[dt.date]]) -> Iterator[pc.Expression]:
    time = dataset.layout.time
    units = _NANOSECONDS // nanoseconds_in(stored_type(time, dataset))
    stamp: Any = pc.field(time).cast(pa.int64())
    within_day = stamp - pc.divide(stamp, pa.scalar(_DAY * units)) * pa.scalar(_DAY * units)
    for (opening, closing), days in alike.items():
        on_these = pc.field("date").isin(pa.array(days, pa.date32()))
        yield on_these & (within_day >= pa.scalar(opening * units)) & (within_day < pa.scalar(closing * units))


def _since_midnight(moment: dt.datetime) -> int:
    """Seconds since midnight UTC."""
    return (moment.hour * 60 + moment.minute) * 60
