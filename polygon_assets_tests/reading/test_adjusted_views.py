"""The SQL views of adjusted bars: what ``scan`` gives, from the store alone."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import polygon_assets
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.queries import connect, run
from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets_tests.reading.market import SESSIONS, Market, adjusted, make_market, midnight, put_day, put_events
from polygon_assets_tests.servers.rest_api import dividend, split

pytestmark = pytest.mark.slow

_BY_ROW: Any = [("date", "ascending"), ("ticker", "ascending"), ("window_start", "ascending")]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return make_market(tmp_path_factory.mktemp("market"))


def ask(store: ParquetStore, query: str) -> pa.Table:
    with connect(store) as connection:
        return run(connection, query).read_all()


def test_every_value_of_a_market_is_that_of_plain_python(market: Market) -> None:
    found = ask(market.store, "FROM stocks_daily_adjusted").to_pylist()
    assert len(found) == 30 * len(SESSIONS)
    for row in found:
        for name, value in adjusted(market.rows, row["ticker"], row["date"], dividends=True).items():
            assert math.isclose(row[name], value, rel_tol=1e-12, abs_tol=0), (row, name)
        assert row["transactions"] == 10


@pytest.mark.parametrize("dataset", ["stocks_daily", "stocks_minute"])
def test_a_view_gives_what_scan_gives(market: Market, dataset: str) -> None:
    scanned = polygon_assets.scan(dataset, store=market.store, adjust="splits+dividends").to_table()
    found = ask(market.store, f"FROM {dataset}_adjusted")
    assert found.column_names == scanned.column_names
    assert found.num_rows == scanned.num_rows
    ours, theirs = (each.sort_by(_BY_ROW).drop(["window_start"]).to_pylist() for each in (found, scanned))
    assert ours == theirs


def test_a_factor_that_cannot_be_known_is_null(tmp_path: Path) -> None:
    store, day = ParquetStore(str(tmp_path)), dt.date(2023, 5, 1)
    bars = [
        {"ticker": ticker, "volume": 10.0, "open": 100.0, "close": 100.0, "high": 100.0, "low": 100.0}
        for ticker in ("BAD", "CAD", "NONE")
    ]
    put_day(store, "stocks_daily", day, [{**bar, "window_start": midnight(day), "transactions": 1} for bar in bars])
    put_day(store, "stocks_daily", dt.date(2023, 5, 2), [])
    put_events(store, SPLITS, [split("BAD", "2023-05-03", 1, 0)])
    put_events(store, DIVIDENDS, [dividend("CAD", "2023-05-02", currency="CAD")])
    query = "SELECT close, volume, split_factor, dividend_factor FROM stocks_daily_adjusted ORDER BY ticker"
    assert [tuple(row.values()) for row in ask(store, query).to_pylist()] == [
        (None, None, None, 1.0),
        (None, 10.0, 1.0, None),
        (100.0, 10.0, 1.0, 1.0),
    ]


def bar_of(day: dt.date) -> dict[str, Any]:
    bar = {"ticker": "A", "volume": 1.0, "open": 1.0, "close": 1.0, "high": 1.0, "low": 1.0, "transactions": 1}
    return {**bar, "window_start": midnight(day)}


def test_events_are_read_when_a_view_is_asked_for_and_said_to_be_missing_then(tmp_path: Path) -> None:
    store, day = ParquetStore(str(tmp_path)), dt.date(2023, 5, 1)
    put_day(store, "stocks_daily", day, [bar_of(day)])
    assert ask(store, "FROM stocks_daily").num_rows == 1
    with pytest.raises(InvalidInputError, match=r"^No splits are stored in .*: polygon-assets reference$"):
        ask(store, "FROM stocks_daily_adjusted")


def test_events_that_are_out_of_date_were_used_in_silence(tmp_path: Path) -> None:
    """``scan`` warned: a split after the last refresh is not applied."""
    store, day = ParquetStore(str(tmp_path)), dt.date(2024, 1, 3)
    put_day(store, "stocks_daily", day, [bar_of(day)])
    put_events(store, SPLITS, [])
    put_events(store, DIVIDENDS, [])
    said: list[str] = []
    with connect(store, said.append) as connection:
        assert run(connection, "FROM stocks_daily").read_all().num_rows == 1
        assert said == []
        assert run(connection, "FROM stocks_daily_adjusted").read_all().num_rows == 1
    (warning,) = said
    assert warning.startswith("Splits and dividends are known until 2024-01-02, and 2024-01-03 is read as well")
    with pytest.warns(UserWarning, match="To have them: polygon-assets reference"):
        ask(store, "FROM stocks_daily_adjusted")


def test_each_view_has_the_dividends_of_its_own_days(tmp_path: Path) -> None:
    """Minutes of a day may come hours after its daily bars, and the other way round."""
    store, days = ParquetStore(str(tmp_path)), [dt.date(2023, 5, 1), dt.date(2023, 5, 2)]
    for day in days:
        put_day(store, "stocks_daily", day, [bar_of(day)])
    put_day(store, "stocks_minute", days[0], [bar_of(days[0])])
    put_events(store, SPLITS, [])
    put_events(store, DIVIDENDS, [dividend("A", "2023-05-02", 0.5)])
    query = "SELECT close FROM stocks_{}_adjusted WHERE date = '2023-05-01'"
    assert ask(store, query.format("daily")).to_pylist() == [{"close": 0.5}]
    assert ask(store, query.format("minute")).to_pylist() == [{"close": 1.0}]
    assert ask(store, "SELECT ticker, dividend_factor FROM adjustment_factors").to_pylist() == [
        {"ticker": "A", "dividend_factor": 0.5}
    ]


def test_a_condition_on_the_day_reads_that_day_alone(tmp_path: Path) -> None:
    store, days = ParquetStore(str(tmp_path)), [dt.date(2023, 5, number) for number in (1, 2, 3)]
    for day in days:
        put_day(store, "stocks_daily", day, [bar_of(day)])
    put_events(store, SPLITS, [split("A", "2023-05-03", 1, 2)])
    put_events(store, DIVIDENDS, [])
    Path(store.path("stocks_daily", "2023-05-02")).write_bytes(b"no Parquet")
    query = "SELECT close FROM stocks_daily_adjusted WHERE date = '2023-05-01'"
    assert ask(store, query).to_pylist() == [{"close": 0.5}]
    with pytest.raises(StoreError):
        ask(store, "SELECT sum(close) FROM stocks_daily_adjusted")
