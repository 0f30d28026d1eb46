"""The state of every day: what is due when, and what is missing."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS, NEW_YORK
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.inventory import DayState, Inventory, take_inventory
from polygon_assets_tests.reading.conftest import DAYS
from polygon_assets_tests.stores import Place

pytestmark = pytest.mark.stores("disk", "s3")


def taken(store: ParquetStore, moment: str, history_start: str | None = None) -> Inventory:
    """The inventory of stocks_daily at a time in New York."""
    now = dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(NEW_YORK))
    start = dt.date.fromisoformat(history_start) if history_start else None
    return take_inventory(store, DATASETS["stocks_daily"], trading_calendar(), now=now, history_start=start)


@pytest.mark.parametrize(
    ("moment", "next_day", "due", "state"),
    [
        ("2024-07-05 10:59", "2024-07-05", False, None),  # the day is not over: it has no state yet
        ("2024-07-06 10:59", "2024-07-05", False, DayState.WAITING),
        ("2024-07-06 11:00", "2024-07-05", True, DayState.MISSING),
    ],
)
def test_the_next_day(filled: ParquetStore, moment: str, next_day: str, due: bool, state: DayState | None) -> None:
    """2024-07-03 is stored, the 4th is a holiday."""
    found = taken(filled, moment)
    assert found.next_day.isoformat() == next_day
    assert found.is_due is due
    assert found.states.get(dt.date(2024, 7, 5)) is state


def test_states_and_gaps(filled: ParquetStore, place: Place) -> None:
    place.write(place.file("stocks_daily", DAYS[1]), b"corrupt")
    found = taken(filled, "2024-07-08 12:00", "2024-06-28")
    assert {str(day): state for day, state in found.states.items() if day >= dt.date(2024, 6, 27)} == {
        "2024-06-27": DayState.OUTSIDE,
        "2024-06-28": DayState.MISSING,
        "2024-07-01": DayState.MISSING,
        "2024-07-02": DayState.DAMAGED,
        "2024-07-03": DayState.PUBLISHED,
        "2024-07-05": DayState.MISSING,
    }
    assert found.states[dt.date(2024, 1, 3)] is DayState.PUBLISHED
    gaps = [(str(gap.first), str(gap.last), gap.days) for gap in found.gaps]
    assert gaps == [("2024-07-05", "2024-07-05", 1), ("2024-06-28", "2024-07-02", 3)]
    assert found.parquet_bytes > 0


def test_an_empty_store(place: Place) -> None:
    found = taken(place.open(), "2024-07-08 12:00")
    assert found.next_day == dt.date(2024, 7, 5)
    assert found.count(DayState.MISSING) == len(found.states)
    assert len(found.gaps) == 1
