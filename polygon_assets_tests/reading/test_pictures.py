"""Coverage pictures: each day of a year has a cell of its own, whatever market it is of."""

import datetime as dt
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.inventory import DayState, StoredDay, take_inventory
from polygon_assets.reading.pictures import COLOURS, draw_coverage

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("name", "days"), [("stocks_daily", 250), ("futures_cme_daily", 258), ("forex_daily", 313), ("crypto_daily", 365)]
)
def test_every_day_of_a_year_has_a_cell(tmp_path: Path, name: str, days: int) -> None:
    dataset = DATASETS[name]
    calendar = trading_calendar(dataset.calendar)
    assert len(calendar.between(dt.date(2025, 1, 1), dt.date(2025, 12, 31))) == days
    store = ParquetStore(str(tmp_path))
    missing = take_inventory(store, dataset, calendar, now=NOW, history_start=dt.date(2025, 1, 1))
    with Image.open(BytesIO(draw_coverage(missing))) as image:
        pixels = image.convert("RGB")
    wanted = tuple(bytes.fromhex(COLOURS[DayState.MISSING].removeprefix("#")))
    first, second = (
        [column for column in range(60, pixels.width) if _is_near(pixels.getpixel((column, row)), wanted)]
        for row in (58, 75)
    )
    width, rest = divmod(len(first), days)
    assert (rest, width) == (0, 2 if days > 300 else 3)  # cells of one width, and none upon another
    assert len(second) // width == len(
        calendar.between(dt.date(2026, 1, 1), dt.date(2026, 2, 28))
    )  # the next one is not due


def test_ten_days_once_had_twenty_four_grey_years(tmp_path: Path) -> None:
    dataset = DATASETS["stocks_daily"]
    empty = take_inventory(ParquetStore(str(tmp_path)), dataset, trading_calendar(dataset.calendar), now=NOW)
    days = list(empty.states)[-10:]
    ten = dict.fromkeys(empty.states, DayState.BEFORE) | dict.fromkeys(days, DayState.PUBLISHED)
    since_2003 = dict.fromkeys(empty.states, DayState.MISSING)
    heights = []
    for states in (ten, since_2003):
        stored = {day: StoredDay(day, 1000, 10) for day in days}
        with Image.open(BytesIO(draw_coverage(replace(empty, states=states, stored=stored)))) as image:
            heights.append(image.height)
    assert days[0].year == days[-1].year
    assert heights[1] - heights[0] >= 23 * 10, "a row for each year since 2003"
    assert heights[0] < 400


def _is_near(pixel: object, wanted: tuple[int, ...]) -> bool:
    assert isinstance(pixel, tuple)
    return sum(abs(int(a) - b) for a, b in zip(pixel, wanted, strict=True)) < 30
