"""Asking for what is not stored: an empty answer once looked like a market without trades."""

import warnings
from pathlib import Path

import pytest

import polygon_assets
from polygon_assets.errors import NothingStoredWarning
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.marker import mark_made_up
from polygon_assets_tests.reading.conftest import DAYS

pytestmark = pytest.mark.stores("disk")


@pytest.mark.parametrize("tickers", [None, "AAPL"], ids=["all", "one"])
def test_a_dataset_of_which_nothing_is_stored(filled: ParquetStore, tickers: str | None) -> None:
    with pytest.warns(NothingStoredWarning) as said:
        assert polygon_assets.scan("options_daily", tickers=tickers, store=filled).count_rows() == 0
    (one,) = said
    assert str(one.message) == (
        f"Nothing of options_daily is stored in {filled.uri}; stored are stocks_daily, stocks_minute. "
        "To have some: polygon-assets ingest options_daily --last 5"
    )
    assert one.filename == __file__, "the line that asked is named, and none of the package's own"


@pytest.mark.parametrize(
    ("start", "end", "asked", "remedy"),
    [
        ("2024-02-01", "2024-02-05", "from 2024-02-01 to 2024-02-05", "--start 2024-02-01 --end 2024-02-05"),
        ("2030-01-01", None, "since 2030-01-01", "--start 2030-01-01 --end DAY"),
        (None, "2020-01-01", "up to 2020-01-01", "--start DAY --end 2020-01-01"),
    ],
)
@pytest.mark.parametrize("tickers", [None, "AAPL"], ids=["all", "one"])
def test_days_of_which_none_is_stored(
    filled: ParquetStore, start: str | None, end: str | None, asked: str, remedy: str, tickers: str | None
) -> None:
    with pytest.warns(NothingStoredWarning) as said:
        polygon_assets.scan("stocks_daily", start, end, tickers=tickers, store=filled)
    assert [str(each.message) for each in said] == [
        f"No day of stocks_daily {asked} is stored; stored are 3 days, {DAYS[0]} to {DAYS[-1]}. "
        f"To have them: polygon-assets ingest stocks_daily {remedy}"
    ]


def test_bars_say_it_once_and_of_the_callers_line(filled: ParquetStore) -> None:
    with pytest.warns(NothingStoredWarning) as said:
        assert polygon_assets.bars("stocks_minute", "2030-01-01", every="15m", store=filled).fetchall() == []
    assert [each.filename for each in said] == [__file__]


def test_of_the_demos_store_nobody_is_told_to_ingest_into_it(filled: ParquetStore) -> None:
    mark_made_up(Path(filled.uri))
    with pytest.warns(NothingStoredWarning, match="It is the demo's store, and gets no others"):
        polygon_assets.scan("stocks_daily", "2024-01-10", "2024-01-12", store=filled)


def test_a_range_with_one_stored_day_is_not_warned_of(filled: ParquetStore) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert polygon_assets.scan("stocks_daily", "2024-01-01", "2024-01-31", store=filled).count_rows() > 0
