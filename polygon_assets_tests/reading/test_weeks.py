"""Weeks as characters: what ``status`` and the asset ``coverage`` show at first sight."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polygon_assets.reading.inventory import DayState
from polygon_assets.reading.weeks import in_months, weeks_of_years

MONDAY = dt.date(2024, 1, 8)


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ([DayState.PUBLISHED, DayState.PUBLISHED], "■"),
        ([DayState.PUBLISHED, DayState.FLAGGED], "▲"),
        ([DayState.FLAGGED, DayState.MISSING], "◧"),
        ([DayState.MISSING, DayState.WAITING], "·"),
        ([DayState.PUBLISHED, DayState.MISSING, DayState.REFUSED], "✗"),
        ([DayState.DAMAGED, DayState.PUBLISHED], "✗"),
        ([DayState.WAITING], "○"),
        ([DayState.BEFORE, DayState.OUTSIDE], " "),
    ],
)
def test_the_worst_of_a_week_counts(states: list[DayState], shown: str) -> None:
    found = weeks_of_years({MONDAY + dt.timedelta(number): state for number, state in enumerate(states)})
    assert found.first == 2024
    assert found.years[2024][1] == shown
    assert {*found.years[2024]} <= {shown, " "}


def test_years_before_the_first_stored_day_are_not_shown() -> None:
    states = {dt.date(year, 3, 4): DayState.BEFORE for year in range(2003, 2024)}
    found = weeks_of_years({**states, MONDAY: DayState.PUBLISHED, MONDAY.replace(year=2026): DayState.MISSING})
    assert (found.first, list(found.years)) == (2003, [2024, 2025, 2026])
    assert list(weeks_of_years(states).years) == [2023]


@given(st.dictionaries(st.dates(dt.date(2003, 1, 1), dt.date(2027, 1, 1)), st.sampled_from(DayState), min_size=1))
def test_what_is_shown_at_once_has_room_and_ends_with_the_newest_year(states: dict[dt.date, DayState]) -> None:
    text = in_months(states, 900)
    assert len(text) < 900
    years = [line for line in text.splitlines() if line[:4].isdecimal()]
    assert years[-1].startswith(str(max(states).year))
    assert all(each.rstrip() == each for each in years)
