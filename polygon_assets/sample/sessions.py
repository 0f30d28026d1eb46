"""Days and minutes of the made-up market: session numbers, midnight New York, opening hours, the day's profile.

Belongs here: time. Does not: symbols, prices, volumes.
"""

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import NEW_YORK, Dataset
from polygon_assets.errors import NotATradingDayError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NANOSECONDS = 1_000_000_000
_OPEN = dt.time(9, 30)
_FRIDAY, _SUNDAY = 4, 6
_FOREX_HOUR = 22
"""UTC, at which the week of foreign exchange begins on Sunday and ends on Friday."""


def session_number(dataset: Dataset, day: dt.date) -> int:
    """How many sessions lie before ``day`` since 2003; prices walk from one number to the next.

    Raises:
        NotATradingDayError: the exchange was closed.
    """
    calendar = trading_calendar(dataset.calendar)
    if not calendar.is_session(day):
        raise NotATradingDayError(day.isoformat(), dataset.calendar)
    return bisect_right(calendar.sessions, day) - 1


def nanoseconds(day: dt.date, time: dt.time = dt.time(), zone: str = NEW_YORK) -> int:
    """Unix nanoseconds of ``time`` on ``day`` in ``zone``."""
    return int(dt.datetime.combine(day, time, ZoneInfo(zone)).timestamp()) * NANOSECONDS


def day_start(dataset: Dataset, day: dt.date) -> int:
    """Unix nanoseconds at which ``day`` begins."""
    begins = day - dt.timedelta(days=dataset.day.begins_the_evening_before)
    return nanoseconds(begins, dataset.day.start, dataset.day.zone)


def closing_time(dataset: Dataset, day: dt.date) -> dt.time:
    """New York time at which regular trading ends: 16:00, on half days 13:00."""
    _opening, closing = trading_calendar(dataset.calendar).regular_hours[day]
    return closing.astimezone(ZoneInfo(NEW_YORK)).time()


@dataclass(frozen=True)
class Trading:
    """How trading is spread over a day."""

    outside_hours: bool = False
    """Does anything trade outside regular hours? Thinly."""
    even: bool = False
    """Is every minute as busy as the others? Else those after the opening and before the close are busier."""


def minute_profile(dataset: Dataset, day: dt.date, trading: Trading) -> tuple[Ints, Floats]:
    """Each minute's ``window_start`` in nanoseconds, and its share of the day's trading; shares sum to 1."""
    session = dataset.session
    if session is None:
        return _around_the_clock(dataset, day)
    start = nanoseconds(day, session.start)
    end = nanoseconds(day + dt.timedelta(days=session.end <= session.start), session.end)
    stamps = np.arange(start, end, 60 * NANOSECONDS, dtype=np.int64)
    since_open = (stamps - nanoseconds(day, _OPEN)) / (60 * NANOSECONDS)
    until_close = (nanoseconds(day, closing_time(dataset, day)) - stamps) / (60 * NANOSECONDS) - 1
    regular = (since_open >= 0) & (until_close >= 0)
    shares = np.where(regular, np.ones_like(since_open) if trading.even else _busy_ends(since_open, until_close), 0.0)
    if trading.outside_hours:
        outside = np.where(since_open < 0, 0.08 * np.exp(since_open / 90), 0.10 * np.exp(until_close / 60))
        shares = np.where(regular, shares, outside + 0.004)
    traded = shares > 0
    return stamps[traded], shares[traded] / shares.sum()


def _around_the_clock(dataset: Dataset, day: dt.date) -> tuple[Ints, Floats]:
    """Every minute of the market's day: futures pause for an hour, foreign exchange rests from Friday to Sunday."""
    start, minutes = day_start(dataset, day), 24 * 60
    if dataset.day.begins_the_evening_before:
        minutes -= 60
    first = _FOREX_HOUR * 60 if dataset.calendar == "24/6" and day.weekday() == _SUNDAY else 0
    last = _FOREX_HOUR * 60 if dataset.calendar == "24/6" and day.weekday() == _FRIDAY else minutes
    stamps = start + np.arange(first, last, dtype=np.int64) * 60 * NANOSECONDS
    return stamps, np.full(len(stamps), 1 / len(stamps))


def _busy_ends(since_open: Floats, until_close: Floats) -> Floats:
    return 1.0 + 2.0 * np.exp(-np.abs(since_open) / 25) + 1.5 * np.exp(-np.abs(until_close) / 20)
