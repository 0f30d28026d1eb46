"""Which days are trading days, from ``exchange_calendars``, with fixed bounds and strict dates.

Belongs here: dates, sessions and closures. Does not: keys, partitions, or when a file is published.
"""

import datetime as dt
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

from polygon_assets import session_table
from polygon_assets.errors import InvalidInputError

FIRST_SUPPORTED_DAY = dt.date(2003, 1, 1)
WEEKDAYS: Mapping[str, frozenset[int]] = {"24/7": frozenset(range(7)), "24/6": frozenset({0, 1, 2, 3, 4, 6})}
"""Markets that know no holidays, and the weekdays on which they are open; Monday is 0."""
MISSED_SESSIONS: Mapping[str, frozenset[dt.date]] = {"CMES": frozenset({dt.date(2018, 12, 5), dt.date(2025, 1, 9)})}
"""Sessions that exchange_calendars does not know: days of mourning, on which stocks did not trade, and futures did."""
_SATURDAY = 5
NEW_YORK_EXCHANGE = "XNYS"
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


def require_order(start: dt.date | str | None, end: dt.date | str | None) -> None:
    """Refuse a range that ends before it starts; either may be open, and texts are YYYY-MM-DD.

    Raises:
        InvalidInputError: ``start`` after ``end``, or a text that is no date.
    """
    first, last = (parse_date(day) if isinstance(day, str) else day for day in (start, end))
    if first and last and first > last:
        raise InvalidInputError(f"The start {first} lies after the end {last}")


def horizon(today: dt.date | None = None) -> dt.date:
    """The last day the calendar answers for: 31 December of next year, so that it changes once a year."""
    return dt.date((today or dt.datetime.now(dt.UTC).date()).year + 1, 12, 31)


class TradingCalendar:
    """The sessions of one exchange from 2003 to the horizon, less closures that the library does not know yet."""

    def __init__(self, name: str, extra_closures: Iterable[dt.date] = (), *, end: dt.date) -> None:
        """``name`` is one of ``WEEKDAYS`` or of exchange_calendars; ``end`` is the last day answered for, inclusive."""
        self.name = name
        self.end = end
        self._extra_closures = frozenset(extra_closures)

    @cached_property
    def sessions(self) -> tuple[dt.date, ...]:
        """All sessions, oldest first."""
        days = sorted({*self._days(), *(day for day in self._missed if day <= self.end)})
        return tuple(day for day in days if day not in self._extra_closures)

    @cached_property
    def regular_hours(self) -> Mapping[dt.date, tuple[dt.datetime, dt.datetime]]:
        """When regular trading opens and closes on each session, in UTC; half days close early.

        Empty for markets that are always open.
        """
        if self.name in WEEKDAYS:
            return {}
        hours = self._table.hours if self._table else self._library_hours()
        zone, opening, closing, *_ = session_table.MARKETS.get(self.name, ("UTC", "00:00", "00:00"))
        usual = {day: _in_utc(day, f"{opening}-{closing}", ZoneInfo(zone)) for day in self._missed}
        return {day: (hours.get(day) or usual[day]) for day in self.sessions}

    @property
    def _missed(self) -> frozenset[dt.date]:
        return MISSED_SESSIONS.get(self.name, frozenset())

    def _days(self) -> Iterable[dt.date]:
        if self.name in WEEKDAYS:
            return (day for day in _all_days(self.end) if day.weekday() in WEEKDAYS[self.name])
        if self._table:
            return (day for day in self._table.days if day <= self.end)
        days: Iterable[dt.date] = self._exchange.sessions.date
        return days

    @cached_property
    def _table(self) -> "_SessionTable | None":
        """What is known without a second's import; None: the installed library may say something else."""
        known = self.name in session_table.MARKETS and self.end <= session_table.LAST_DAY
        if known and version("exchange_calendars") == session_table.MADE_FROM:
            return _known_sessions(self.name)
        return None

    def _library_hours(self) -> dict[dt.date, tuple[dt.datetime, dt.datetime]]:
        opens, closes = (
            [time.to_pydatetime() for time in times.dt.tz_convert("UTC")]
            for times in (self._exchange.opens, self._exchange.closes)
        )
        return {day: (start, end) for day, start, end in zip(self._exchange.sessions.date, opens, closes, strict=True)}

    @cached_property
    def _exchange(self) -> Any:
        import exchange_calendars  # noqa: PLC0415 (a second of import, for what the table does not tell)

        return exchange_calendars.get_calendar(self.name, start=FIRST_SUPPORTED_DAY, end=self.end)

    @cached_property
    def _session_set(self) -> frozenset[dt.date]:
        return frozenset(self.sessions)

    @cached_property
    def _closures(self) -> tuple[dt.date, ...]:
        return tuple(day for day in _all_days(self.end) if day not in self._session_set)

    @cached_property
    def weekdays(self) -> frozenset[int]:
        """The days of the week that ever had a session; Monday is 0."""
        return frozenset(day.weekday() for day in self.sessions)

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
        require_order(start, end)
        self._require_known(start)
        self._require_known(end)
        return self.sessions[bisect_left(self.sessions, start) : bisect_right(self.sessions, end)]

    def newest_session(self, today: dt.date) -> dt.date:
        """The last session that is not after ``today``."""
        return self.sessions[bisect_right(self.sessions, today) - 1]

    def closures(self, start: dt.date) -> tuple[dt.date, ...]:
        """The days without a session, weekends among them, from ``start`` to the horizon, oldest first."""
        return self._closures[bisect_left(self._closures, start) :]

    def _require_known(self, day: dt.date) -> None:
        if not FIRST_SUPPORTED_DAY <= day <= self.end:
            raise InvalidInputError(
                f"{day} is outside the trading calendar, which answers from {FIRST_SUPPORTED_DAY} "
                f"to its horizon, {self.end} (the end of next year)"
            )


class _SessionTable:
    """The sessions of one exchange as ``session_table`` tells them."""

    def __init__(self, name: str) -> None:
        """Read the entry of the exchange called ``name``."""
        self._zone, opening, closing, closures, unusual = session_table.MARKETS[name]
        self._usual = f"{opening}-{closing}"
        self._unusual = dict(entry.split("=") for entry in unusual.split())
        closed = frozenset(map(dt.date.fromisoformat, closures.split()))
        days = _all_days(session_table.LAST_DAY)
        self.days = tuple(day for day in days if day.weekday() < _SATURDAY and day not in closed)
        """Oldest first."""

    @cached_property
    def hours(self) -> Mapping[dt.date, tuple[dt.datetime, dt.datetime]]:
        """When regular trading opens and closes on each of them, in UTC."""
        return {
            day: _in_utc(day, self._unusual.get(day.isoformat(), self._usual), ZoneInfo(self._zone))
            for day in self.days
        }


@lru_cache
def _known_sessions(name: str) -> _SessionTable:
    return _SessionTable(name)


def _all_days(end: dt.date) -> Iterator[dt.date]:
    return (FIRST_SUPPORTED_DAY + dt.timedelta(number) for number in range((end - FIRST_SUPPORTED_DAY).days + 1))


def _in_utc(day: dt.date, hours: str, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    opening, closing = map(dt.time.fromisoformat, hours.split("-"))
    opens_on = day - dt.timedelta(days=opening >= closing)  # the evening before
    start, end = (dt.datetime.combine(*each, zone).astimezone(dt.UTC) for each in ((opens_on, opening), (day, closing)))
    return start, end


@lru_cache
def _built(name: str, extra_closures: frozenset[dt.date], end: dt.date) -> TradingCalendar:
    return TradingCalendar(name, extra_closures, end=end)


def trading_calendar(
    name: str = NEW_YORK_EXCHANGE, extra_closures: Iterable[dt.date] = (), today: dt.date | None = None
) -> TradingCalendar:
    """The calendar called ``name`` as of ``today``, built once for each set of closures and each horizon.

    ``extra_closures`` are the New York Stock Exchange's: on such days other markets may well be open.

    It does not grow: who lives for years asks for it again.
    """
    return _built(name, frozenset(extra_closures if name == NEW_YORK_EXCHANGE else ()), horizon(today))
