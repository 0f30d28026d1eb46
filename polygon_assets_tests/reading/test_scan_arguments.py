"""What is handed to ``polygon_assets.scan`` in notebooks: dates of every kind, tickers in small letters."""

import datetime as dt
import warnings
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import polygon_assets
from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets_tests.reading.conftest import DAYS

pytestmark = pytest.mark.stores("disk")
DAY = dt.date.fromisoformat(DAYS[1])


@pytest.mark.parametrize(
    "day",
    [
        DAY,
        dt.datetime(DAY.year, DAY.month, DAY.day, 15, 30, tzinfo=ZoneInfo("America/New_York")),
        pd.Timestamp(DAYS[1]),
        pd.Timestamp(f"{DAYS[1]} 23:59", tz="America/New_York"),
    ],
    ids=["date", "datetime", "Timestamp", "Timestamp of New York"],
)
def test_dates_and_timestamps_are_days(filled: ParquetStore, day: dt.date) -> None:
    for dataset in ("stocks_daily", "stocks_minute"):
        found = polygon_assets.scan(dataset, day, day, tickers="AAPL", store=filled).to_table()
        assert set(found["date"].to_pylist()) == {DAY}


def test_stored_days_are_those_that_a_scan_reads(filled: ParquetStore) -> None:
    assert polygon_assets.stored_days("stocks_daily", store=filled) == DAYS
    assert polygon_assets.stored_days("stocks_daily", DAY, pd.Timestamp(DAYS[2]), store=filled.uri) == DAYS[1:]
    assert polygon_assets.stored_days("options_daily", store=filled) == []
    with pytest.raises(InvalidInputError, match="Did you mean 'stocks_daily'"):
        polygon_assets.stored_days("stocks_dialy", store=filled)


def test_what_is_no_day_is_refused(filled: ParquetStore) -> None:
    for given in (pd.NaT, 20240103, "3 Jan"):
        with pytest.raises(InvalidInputError, match="Invalid date"):
            polygon_assets.scan("stocks_daily", given, store=filled)  # type: ignore[arg-type]


def test_a_ticker_in_small_letters_is_warned_of(filled: ParquetStore) -> None:
    """Once, ``aapl`` found nothing and said nothing."""
    for dataset in ("stocks_daily", "stocks_minute"):
        with pytest.warns(UserWarning, match=f"{dataset} has no ticker 'aapl' on {DAYS[-1]}, but 'AAPL'"):
            found = polygon_assets.scan(dataset, tickers=["aapl"], store=filled)
        assert found.count_rows() == 0


def test_a_ticker_that_is_nowhere_is_not_warned_of(filled: ParquetStore) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert polygon_assets.scan("stocks_daily", tickers=["BRKpZ"], store=filled).count_rows() == 0


def test_several_tickers_in_one_text_once_found_nothing_in_silence(filled: ParquetStore) -> None:
    several = r"Invalid ticker: 'AAPL,MSFT'; several are a list of texts: \['AAPL', 'MSFT'\]"
    for given in ("AAPL,MSFT", ["AAPL,MSFT"]):
        with pytest.raises(InvalidInputError, match=several):
            polygon_assets.scan("stocks_daily", tickers=given, store=filled)
    with pytest.raises(InvalidInputError, match="Invalid ticker: 1; several are a list of texts"):
        polygon_assets.scan("stocks_daily", tickers=[1], store=filled)  # type: ignore[list-item]
