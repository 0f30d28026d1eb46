"""The rules of a tick, on plain values."""

import datetime as dt

import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.orchestration.watching import new_day_rules as rules
from polygon_assets.orchestration.watching.new_day_rules import (
    DAY,
    HOUR,
    Memory,
    PastRun,
    months_to_list,
    next_attempt,
)

LAST = dt.date(2026, 11, 20)


def test_a_young_store_lists_the_current_and_the_previous_month() -> None:
    assert months_to_list(dt.date(2026, 10, 5), LAST, None) == (["2026-11", "2026-10"], None)
    assert months_to_list(dt.date(2026, 11, 5), LAST, None) == (["2026-11"], None)


def test_one_older_month_goes_round() -> None:
    seen, rotation = [], None
    for _ in range(4):
        months, rotation = months_to_list(dt.date(2026, 7, 15), LAST, rotation)
        assert months[:2] == ["2026-11", "2026-10"]
        seen.append(months[2])
    assert seen == ["2026-09", "2026-08", "2026-07", "2026-09"]


def test_never_more_than_three_months_over_twenty_years() -> None:
    months, _ = months_to_list(dt.date(2003, 9, 10), LAST, "2010-01")
    assert months == ["2026-11", "2026-10", "2009-12"]


def test_an_empty_store_wants_the_last_five_sessions() -> None:
    since = rules.first_wanted(trading_calendar(), None, dt.date(2003, 9, 10), LAST)
    assert since == dt.date(2026, 11, 16)


def test_a_store_wants_everything_since_its_oldest_day() -> None:
    assert rules.first_wanted(trading_calendar(), "2026-01-05", dt.date(2003, 9, 10), LAST) == dt.date(2026, 1, 5)


@pytest.mark.parametrize(("failures", "wait"), [(1, HOUR), (2, 4 * HOUR), (3, DAY), (4, DAY), (30, DAY)])
def test_after_a_failure_the_day_waits_one_hour_then_four_then_a_day(failures: int, wait: float) -> None:
    past = [PastRun(number + 1, 1000.0 + number) for number in range(failures)]
    ended = past[-1].ended
    assert next_attempt(past, ended + wait - 1) is None
    assert next_attempt(past, ended + wait) == failures + 1


def test_the_number_of_an_attempt_never_comes_again() -> None:
    """Counted instead, the third attempt had the second's number once the first run was deleted, and never began."""
    assert next_attempt([PastRun(2, 1000.0)], 1000.0 + 4 * HOUR) == 3


def test_the_first_attempt_is_due_at_once() -> None:
    assert next_attempt([], 0.0) == 1


def test_memory_survives_the_cursor_and_forgets_what_it_cannot_read() -> None:
    memory = Memory(rotation="2026-08", oldest="2026-01-05", oldest_known_until=12.5, not_entitled_until=7.0)
    assert Memory.load(memory.dump(), 0.0) == memory
    for cursor in (None, "", "no json", '{"of": "another version"}', "[]"):
        assert Memory.load(cursor, 0.0) == Memory()


def test_an_idle_tick_says_what_it_waits_for() -> None:
    early, late = (dt.datetime(2026, 11, 21, hour, 59, tzinfo=dt.UTC) for hour in (15, 16))
    said = "2026-11-20 is not published yet, {} by 11:00 New York on 2026-11-21."
    assert rules.waiting_for(LAST, early, published=False, months=[]) == said.format("expected")
    assert rules.waiting_for(LAST, late, published=False, months=[]) == said.format("was expected")
    stored = rules.waiting_for(LAST, late, published=True, months=["2026-11", "2026-10", "2026-03"])
    assert stored.startswith("Every published day of 2026-03, 2026-10, 2026-11 up to 2026-11-20 is stored;")
