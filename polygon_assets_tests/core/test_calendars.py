"""Trading days: known closures, strict dates, bounds."""

import datetime as dt
from importlib.metadata import version
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polygon_assets import session_table
from polygon_assets.calendars import TradingCalendar, horizon, parse_date, trading_calendar
from polygon_assets.errors import InvalidInputError

SPECIAL_CLOSURES = ["2004-06-11", "2007-01-02", "2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"]


@pytest.mark.parametrize("day", [*SPECIAL_CLOSURES, "2026-11-26", "2026-11-21", "2026-11-22"])
def test_closures_are_no_sessions(day: str) -> None:
    assert not trading_calendar().is_session(parse_date(day))


@pytest.mark.parametrize("day", ["2003-09-10", "2014-06-02", "2024-01-02", "2026-11-20", "2026-11-27"])
def test_sessions_are_sessions(day: str) -> None:
    assert trading_calendar().is_session(parse_date(day))


@pytest.mark.parametrize(
    "text",
    [
        "20240102", "2024-W01-2", "2024-1-2", "2024-01-02T00:00:00", " 2024-01-02", "2024-01-02\n", "2024-02-30",
        "٢٠٢٤-٠١-٠٢", "../../etc", "", "2024/01/02",
    ],
)  # fmt: skip
def test_only_exact_existing_dates_are_dates(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid date") as caught:
        parse_date(text)
    assert repr(text) in str(caught.value)


@given(st.dates())
def test_every_iso_date_parses_to_itself(day: dt.date) -> None:
    assert parse_date(day.isoformat()) == day


def test_a_closure_that_the_library_does_not_know_can_be_added() -> None:
    closed = dt.date(2026, 11, 20)
    assert closed not in trading_calendar("XNYS", [closed]).sessions
    assert closed in trading_calendar("XNYS").sessions


def test_days_outside_the_calendar_name_its_horizon() -> None:
    with pytest.raises(InvalidInputError, match=f"horizon, {horizon()}"):
        trading_calendar().is_session(horizon() + dt.timedelta(1))
    with pytest.raises(InvalidInputError, match="2003-01-01"):
        trading_calendar().is_session(dt.date(2002, 12, 31))


def test_the_horizon_is_the_end_of_next_year() -> None:
    assert horizon(dt.date(2026, 11, 22)) == dt.date(2027, 12, 31)


@pytest.mark.locked
@pytest.mark.parametrize("name", session_table.MARKETS)
def test_the_stored_sessions_are_those_of_exchange_calendars(name: str) -> None:
    """Whoever upgrades it runs python tools/sessions.py; until then, what is installed is asked itself."""
    assert version("exchange_calendars") == session_table.MADE_FROM, "python tools/sessions.py"
    end = session_table.LAST_DAY
    stored, asked = TradingCalendar(name, end=end), TradingCalendar(name, end=end)
    asked.__dict__["_table"] = None
    assert stored.sessions == asked.sessions
    assert stored.regular_hours == asked.regular_hours


def test_another_version_of_exchange_calendars_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_table, "MADE_FROM", "0")
    monkeypatch.setattr(session_table, "MARKETS", {"XNYS": ("America/New_York", "09:30", "16:00", "2024-01-02", "")})
    assert TradingCalendar("XNYS", end=dt.date(2024, 12, 31)).is_session(dt.date(2024, 1, 2))


def test_markets_without_holidays_are_open_on_their_weekdays() -> None:
    days = [dt.date(2026, 11, 6) + dt.timedelta(number) for number in range(4)]
    always, six = (TradingCalendar(name, end=dt.date(2026, 12, 31)) for name in ("24/7", "24/6"))
    assert [always.is_session(day) for day in days] == [True, True, True, True]
    assert [six.is_session(day) for day in days] == [True, False, True, True]
    assert six.regular_hours == {}


def test_futures_traded_on_days_of_mourning() -> None:
    """They had no partition: exchange_calendars closes CME's calendar with the stock exchange's, which is not so."""
    futures, stocks = trading_calendar("CMES"), trading_calendar()
    for day in (dt.date(2018, 12, 5), dt.date(2025, 1, 9)):
        assert futures.is_session(day)
        assert not stocks.is_session(day)
        opens, closes = futures.regular_hours[day]
        assert (closes.astimezone(ZoneInfo("America/Chicago")).date(), closes - opens) == (day, dt.timedelta(1))
    assert list(futures.sessions) == sorted(set(futures.sessions))
