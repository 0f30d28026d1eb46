"""Which days are trading days, from ``exchange_calendars``, with fixed bounds and strict dates.

Belongs here: dates, sessions and closures. Does not: keys, partitions, or when a file is published.
"""

import datetime as dt
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from polygon_assets.errors import InvalidInputError

FIRST_SUPPORTED_DAY = dt.date(2003, 1, 1)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_date(text: str) -> dt.date:
    """The date that ``text`` writes as exactly ``YYYY-MM-DD`` in ASCII digits.

    >>> parse_date("2024-02-29")
    datetime.date(2024, 2, 29)

    Raises:
        InvalidInputError: anything else, shown in the message.
    """
    if isinstance(text, str) and _ISO_DATE.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    raise InvalidInputError(f"Invalid date: {text!r}; a date is YYYY-MM-DD and exists")


def horizon(today: dt.date | None = None) -> dt.date:
    """The last day the calendar answers for: 31 December of next year, so that it changes once a year."""
    return dt.date((today or dt.datetime.now(dt.UTC).date()).year + 1, 12, 31)


class TradingCalendar:
    """The sessions of one exchange from 2003 to the horizon, less closures that the library does not know yet."""

    def __init__(self, name: str, extra_closures: Iterable[dt.date] = (), *, end: dt.date) -> None:
        """``name`` is one of exchange_calendars; ``end`` is the last day answered for, inclusive."""
        self.name = name
        self.end = end
        self._extra_closures = frozenset(extra_closures)

    @cached_property
    def sessions(self) -> tuple[dt.date, ...]:
        """All sessions, oldest first."""
        return tuple(day for day in self._exchange.sessions.date if day not in self._extra_closures)

    @cached_property
    def regular_hours(self) -> Mapping[dt.date, tuple[dt.datetime, dt.datetime]]:
        """When regular trading opens and closes on each session, in UTC; half days close early."""
        opens, closes = (
            times.dt.tz_convert("UTC").dt.to_pydatetime() for times in (self._exchange.opens, self._exchange.closes)
        )
        hours = zip(self._exchange.sessions.date, opens, closes, strict=True)
        return {day: (start, end) for day, start, end in hours if day not in self._extra_closures}

    @cached_property
    def _exchange(self) -> Any:
        import exchange_calendars  # noqa: PLC0415 (a second of import that only the first question needs)

        return exchange_calendars.get_calendar(self.name, start=FIRST_SUPPORTED_DAY, end=self.end)

    @cached_property
    def _session_set(self) -> frozenset[dt.date]:
        return frozenset(self.sessions)

    def is_session(self, day: dt.date) -> bool:
        """Was, or will, the exchange be open on ``day``?

        Raises:
            InvalidInputError: the day lies outside what the calendar knows.
        """
        self._require_known(day)
        return day in self._session_set

    def between(self, start: dt.date, end: dt.date) -> tuple[dt.date, ...]:
        """The sessions from ``start`` to ``end``, both inclusive, oldest first.

        Raises:
            InvalidInputError: ``start`` after ``end``, or a day outside what the calendar knows.
        """
        if start > end:
            raise InvalidInputError(f"The start {start} lies after the end {end}")
        self._require_known(start)
        self._require_known(end)
        return self.sessions[bisect_left(self.sessions, start) : bisect_right(self.sessions, end)]

    def closures(self, start: dt.date) -> tuple[dt.date, ...]:
        """The days without a session, weekends among them, from ``start`` to the horizon, oldest first."""
        days = (start + dt.timedelta(offset) for offset in range((self.end - start).days + 1))
        return tuple(day for day in days if day not in self._session_set)

    def _require_known(self, day: dt.date) -> None:
        if not FIRST_SUPPORTED_DAY <= day <= self.end:
            raise InvalidInputError(
                f"{day} is outside the trading calendar, which answers from {FIRST_SUPPORTED_DAY} "
                f"to its horizon, {self.end} (the end of next year)"
            )


@lru_cache
def _built(name: str, extra_closures: frozenset[dt.date], end: dt.date) -> TradingCalendar:
    return TradingCalendar(name, extra_closures, end=end)


def trading_calendar(name: str = "XNYS", extra_closures: Iterable[dt.date] = ()) -> TradingCalendar:
    """The calendar called ``name``, built once for each set of closures and each horizon."""
    return _built(name, frozenset(extra_closures), horizon())
