"""Days and minutes of the made-up market: session numbers, midnight New York, opening hours, the day's profile.

Belongs here: time. Does not: symbols, prices, volumes.
"""

import datetime as dt
from bisect import bisect_right
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from polygon_assets.datasets import NEW_YORK, Dataset, Instrument
from polygon_assets.errors import NotATradingDayError
from polygon_assets.trading_calendar import FIRST_SUPPORTED_DAY, horizon, trading_calendar

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NANOSECONDS = 1_000_000_000
_OPEN = dt.time(9, 30)
_CLOSE = dt.time(16)


def session_number(dataset: Dataset, day: dt.date) -> int:
    """How many sessions lie before ``day`` since 2003; prices walk from one number to the next.

    Raises:
        NotATradingDayError: the exchange was closed.
    """
    calendar = trading_calendar(dataset.calendar)
    if not calendar.is_session(day):
        raise NotATradingDayError(day.isoformat(), dataset.calendar)
    return bisect_right(calendar.sessions, day) - 1


def nanoseconds(day: dt.date, time: dt.time = dt.time()) -> int:
    """Unix nanoseconds of New York's ``time`` on ``day``."""
    return int(dt.datetime.combine(day, time, ZoneInfo(NEW_YORK)).timestamp()) * NANOSECONDS


@lru_cache
def _early_closes(calendar: str, end: dt.date) -> dict[dt.date, dt.time]:
    import exchange_calendars  # noqa: PLC0415 (a second of import that only minute files need)

    found = exchange_calendars.get_calendar(calendar, start=FIRST_SUPPORTED_DAY, end=end)
    closes = found.closes[found.early_closes].dt.tz_convert(NEW_YORK)
    return {close.date(): close.time() for close in closes}


def closing_time(dataset: Dataset, day: dt.date) -> dt.time:
    """New York time at which regular trading ends: 16:00, on half days 13:00."""
    return _early_closes(dataset.calendar, horizon()).get(day, _CLOSE)


def minute_profile(dataset: Dataset, day: dt.date) -> tuple[Ints, Floats]:
    """Each minute's ``window_start`` in nanoseconds, and its share of the day's trading; shares sum to 1.

    Busy after the opening and before the close; outside regular hours stocks trade thinly and the others do not.
    """
    start, end = nanoseconds(day, dataset.session_start), nanoseconds(day, dataset.session_end)
    stamps = np.arange(start, end, 60 * NANOSECONDS, dtype=np.int64)
    since_open = (stamps - nanoseconds(day, _OPEN)) / (60 * NANOSECONDS)
    until_close = (nanoseconds(day, closing_time(dataset, day)) - stamps) / (60 * NANOSECONDS) - 1
    regular = (since_open >= 0) & (until_close >= 0)
    shares = np.where(regular, _regular(since_open, until_close, dataset.instrument), 0.0)
    if dataset.instrument == "stock":
        outside = np.where(since_open < 0, 0.08 * np.exp(since_open / 90), 0.10 * np.exp(until_close / 60))
        shares = np.where(regular, shares, outside + 0.004)
    traded = shares > 0
    return stamps[traded], shares[traded] / shares.sum()


def _regular(since_open: Floats, until_close: Floats, instrument: Instrument) -> Floats:
    if instrument == "index":
        return np.ones_like(since_open)
    return 1.0 + 2.0 * np.exp(-np.abs(since_open) / 25) + 1.5 * np.exp(-np.abs(until_close) / 20)
