"""``polygon_assets.scan``: days, tickers and sessions."""

import datetime as dt
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import polygon_assets
from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import NEW_YORK
from polygon_assets.errors import InvalidInputError, NothingStoredWarning
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.queries import connect
from polygon_assets.reading.scanning import Session
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.reading.conftest import DAYS, HALF_DAY
from polygon_assets_tests.stores import Place

pytestmark = pytest.mark.stores("disk", "s3")

BELL, CLOSE, EARLY_CLOSE = dt.time(9, 30), dt.time(16), dt.time(13)


def expected(place: Place, day: str, ticker: str) -> list[dt.time]:
    """New York times of the regular rows of a ticker, the slow and obvious way."""
    rows = pq.read_table(pa.BufferReader(place.read(place.file("stocks_minute", day)))).to_pylist()
    times = [row["window_start"].astimezone(ZoneInfo(NEW_YORK)).time() for row in rows if row["ticker"] == ticker]
    return sorted(time for time in times if BELL <= time < (EARLY_CLOSE if day == HALF_DAY else CLOSE))


def test_regular_hours_on_whole_and_half_days_in_summer_and_winter(filled: ParquetStore, place: Place) -> None:
    found = polygon_assets.scan("stocks_minute", tickers="AAPL", session="regular", store=filled).to_table()
    times = [(str(row["date"]), row["window_start"].astimezone(ZoneInfo(NEW_YORK)).time()) for row in found.to_pylist()]
    for day in DAYS:
        assert sorted(time for date, time in times if date == day) == expected(place, day, "AAPL")
    assert len(times) > 20
    assert max(time for date, time in times if date == HALF_DAY) < EARLY_CLOSE
    everything = polygon_assets.scan("stocks_minute", tickers="AAPL", store=filled)
    assert everything.count_rows() > len(times)


def test_every_session_since_2003_opens_at_half_past_nine() -> None:
    hours = trading_calendar().regular_hours
    zone = ZoneInfo(NEW_YORK)
    assert {opens.astimezone(zone).time() for opens, _ in hours.values()} == {BELL}
    assert {closes.astimezone(zone).time() for _, closes in hours.values()} == {CLOSE, EARLY_CLOSE}
    assert hours[dt.date(2024, 7, 3)][1].astimezone(zone).time() == EARLY_CLOSE
    assert tuple(hours) == trading_calendar().sessions


def test_days_and_tickers(filled: ParquetStore) -> None:
    found = polygon_assets.scan("stocks_daily", DAYS[1], DAYS[1], tickers=["AAPL", "MSFT"], store=filled)
    assert set(found.to_table(columns=["ticker"]).column("ticker").to_pylist()) == {"AAPL", "MSFT"}
    assert polygon_assets.scan("stocks_daily", tickers=[], store=filled).count_rows() == 0


def test_only_the_files_of_the_days_are_read(filled: ParquetStore, place: Place) -> None:
    place.write(place.file("stocks_minute", DAYS[0]), b"corrupt")
    sessions: tuple[Session, ...] = ("all", "regular")
    for session in sessions:
        found = polygon_assets.scan("stocks_minute", DAYS[1], session=session, store=filled)
        assert found.count_rows() > 0


@pytest.mark.usefixtures("filled")
def test_the_store_of_the_settings(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    assert polygon_assets.scan("stocks_daily", store=place.uri).count_rows() == 60
    assert polygon_assets.scan("stocks_daily").count_rows() == 60


def test_what_is_invalid(filled: ParquetStore) -> None:
    with pytest.raises(InvalidInputError, match="stocks_daily has no regular session"):
        polygon_assets.scan("stocks_daily", session="regular", store=filled)
    with pytest.raises(InvalidInputError, match="Invalid session: 'extended'"):
        polygon_assets.scan("stocks_minute", session="extended", store=filled)  # type: ignore[arg-type]
    for read in (polygon_assets.scan, partial(polygon_assets.bars, every="15m"), filled.scan, filled.days):
        with pytest.raises(InvalidInputError, match=r"There is no dataset 'stocks_dialy'. Did you mean 'stocks_daily'"):
            read("stocks_dialy")
    with pytest.raises(InvalidInputError, match=r"There is no dataset 'bonds'. There are: stocks_daily, "):
        polygon_assets.scan("bonds", store=filled)
    with pytest.raises(AttributeError, match="has no attribute 'read'"):
        polygon_assets.read  # noqa: B018


def test_views_read_only_the_days_asked_for(filled: ParquetStore, place: Place) -> None:
    place.write(place.file("stocks_daily", DAYS[0]), b"corrupt")
    with connect(filled) as connection:
        query = f"SELECT count(*) FROM stocks_daily WHERE date = '{DAYS[1]}'"  # noqa: S608
        assert connection.execute(query).fetchall() == [(20,)]


def test_views_have_the_columns_of_a_scan(filled: ParquetStore) -> None:
    with connect(filled) as connection:
        for name in FOUR:
            columns = connection.sql(f"SELECT * FROM {name}").columns  # noqa: S608
            assert columns == filled.scan(name).schema.names


@pytest.mark.stores("disk")  # only there does DuckDB take paths
def test_a_store_whose_path_looks_like_a_pattern(filled: ParquetStore, tmp_path: Path) -> None:
    odd = tmp_path / "it's [a] *store?"
    Path(filled.uri).rename(odd)
    with connect(ParquetStore(str(odd))) as connection:
        assert connection.sql("SELECT count(*) FROM stocks_daily").fetchall() == [(60,)]


@pytest.mark.stores("s3")
def test_a_prefix_where_nothing_lies_is_no_market_without_trades(
    filled: ParquetStore, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.warns(NothingStoredWarning):
        assert polygon_assets.scan("stocks_daily", "2030-01-01", store=filled.uri).count_rows() == 0
    with pytest.raises(InvalidInputError, match=r"There is no store at s3://.*/mistyped.*POLYGON_STORE"):
        polygon_assets.scan("stocks_daily", store=f"{place.uri}/mistyped")


@pytest.mark.stores("disk")
def test_a_store_that_is_not_there_is_no_market_without_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook started in another folder once computed on nothing."""
    monkeypatch.chdir(tmp_path)
    for store in (None, "nowhere"):
        with pytest.raises(InvalidInputError, match=f"There is no store at {tmp_path}.*POLYGON_STORE"):
            polygon_assets.scan("stocks_daily", store=store)
