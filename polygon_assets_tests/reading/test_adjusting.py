"""``scan(…, adjust=…)``: against an independent reckoning, its properties, and what is said and not guessed."""

import datetime as dt
import math
import pickle
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polygon_assets
from polygon_assets.errors import InvalidInputError, NothingStoredWarning, PolygonAssetsError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.adjusting import adjust_batch, adjusted_schema
from polygon_assets.reading.factors import load_factors
from polygon_assets.reference.closes import remember_closes
from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets.store.folders import LocalFolder
from polygon_assets.store.roll_ups import write_year
from polygon_assets_tests.reading.market import (
    SESSIONS,
    SPLIT_EVENTS,
    Market,
    adjusted,
    make_market,
    midnight,
    put_day,
    put_events,
)
from polygon_assets_tests.servers.rest_api import dividend, split
from polygon_assets_tests.session import in_ci

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return make_market(tmp_path_factory.mktemp("market"))


def rows_of(table: pa.Table) -> dict[tuple[str, dt.date], dict[str, Any]]:
    return {(row["ticker"], row["date"]): row for row in table.to_pylist()}


@pytest.mark.parametrize("adjust", ["splits", "splits+dividends"])
def test_every_value_of_a_market_is_that_of_plain_python(market: Market, adjust: Any) -> None:
    found = rows_of(polygon_assets.scan("stocks_daily", store=market.store, adjust=adjust).to_table())
    assert len(found) == 30 * len(SESSIONS)
    changed = 0
    for (ticker, day), row in found.items():
        for name, value in adjusted(market.rows, ticker, day, dividends=adjust == "splits+dividends").items():
            assert math.isclose(row[name], value, rel_tol=1e-12, abs_tol=0), (ticker, day, name)
            changed += value != market.rows[ticker, day].get(name)
        assert row["transactions"] == 10
    assert changed > 50_000


def test_days_and_years_files_and_remembered_closes_say_the_same(tmp_path: Path) -> None:
    market = make_market(tmp_path)
    tickers = ["T00", "T07", "T08", "T29"]

    def read() -> pa.Table:
        found = polygon_assets.scan("stocks_daily", tickers=tickers, store=market.store, adjust="splits+dividends")
        return found.to_table().sort_by([("ticker", "ascending"), ("date", "ascending")])

    from_days = read()
    for year in (2021, 2022, 2023):
        write_year(market.store, "stocks_daily", year)
    assert read().equals(from_days)
    assert remember_closes(market.store, SESSIONS) == 12
    assert read().equals(from_days)
    # A day that is replaced takes its remembered close with it.
    bar = {
        "ticker": "T07",
        **market.rows["T07", SESSIONS[179]],
        "window_start": midnight(SESSIONS[179]),
        "transactions": 1,
    }
    put_day(
        market.store, "stocks_daily", SESSIONS[179], [{**bar, "close": 2 * market.rows["T07", SESSIONS[179]]["close"]}]
    )
    factor = rows_of(read())["T07", SESSIONS[178]]["dividend_factor"]
    assert factor == pytest.approx(1 - 0.27 / (2 * market.rows["T07", SESSIONS[179]]["close"]), rel=1e-12)


def test_minutes_have_the_factors_of_their_day(market: Market) -> None:
    found = polygon_assets.scan("stocks_minute", tickers="T00", store=market.store, adjust="splits", session="regular")
    factors = {row["date"]: row["split_factor"] for row in found.to_table().to_pylist()}
    expected = {99: 1 / 12, 100: 1 / 3, 399: 1 / 3, 400: 1.0}
    assert factors == {SESSIONS[at]: pytest.approx(factor, rel=1e-15) for at, factor in expected.items()}
    assert found.count_rows() == 8


def test_returns_across_a_split_and_turnover_are_those_without_it(market: Market) -> None:
    raw = rows_of(polygon_assets.scan("stocks_daily", store=market.store).to_table())
    found = rows_of(polygon_assets.scan("stocks_daily", store=market.store, adjust="splits").to_table())
    splits = {(ticker, SESSIONS[at]): after / before for ticker, at, before, after in SPLIT_EVENTS}
    for (ticker, day), row in found.items():
        assert row["close"] * row["volume"] == pytest.approx(raw[ticker, day]["close"] * raw[ticker, day]["volume"])
    for before, day in pairwise(SESSIONS):
        for ticker in ("T00", "T01", "T06"):
            raw_return = raw[ticker, day]["close"] / raw[ticker, before]["close"]
            adjusted_return = found[ticker, day]["close"] / found[ticker, before]["close"]
            assert adjusted_return == pytest.approx(raw_return * splits.get((ticker, day), 1.0), rel=1e-12)


def test_as_of_leaves_later_events_out(market: Market) -> None:
    def factor(as_of: str | None, at: int = 0) -> float:
        day = SESSIONS[at]
        options: Any = {"store": market.store, "adjust": "splits", "as_of": as_of}
        found = polygon_assets.scan("stocks_daily", day, day, tickers="T00", **options)
        return float(rows_of(found.to_table())["T00", day]["split_factor"])

    assert factor(str(SESSIONS[99])) == 1.0
    assert factor(str(SESSIONS[100])) == 1 / 4
    assert factor(str(SESSIONS[399])) == 1 / 4
    assert factor(str(SESSIONS[400])) == factor(None) == pytest.approx(1 / 12)
    with pytest.raises(InvalidInputError, match="as_of 2024-01-03 lies after 2024-01-02, when events were retrieved"):
        factor("2024-01-03")


@pytest.mark.parametrize("tickers", [None, ["T00", "t07"]], ids=["all", "two"])
def test_one_call_listed_the_store_five_times(
    market: Market, monkeypatch: pytest.MonkeyPatch, tickers: list[str] | None
) -> None:
    asked: list[str] = []
    listing = LocalFolder.holding

    def holding(folder: LocalFolder, name: str, file: str) -> dict[str, str]:
        asked.append(name)
        return listing(folder, name, file)

    monkeypatch.setattr(LocalFolder, "holding", holding)
    with warnings.catch_warnings(action="ignore"):
        found = polygon_assets.scan(
            "stocks_daily", "2021-01-04", tickers=tickers, store=market.store, adjust="splits+dividends"
        )
    assert asked == ["stocks_daily"]
    assert found.count_rows() > 0


def test_columns_and_conditions(market: Market) -> None:
    bars = polygon_assets.scan("stocks_daily", store=market.store, adjust="splits")
    day = pc.field("date") == pa.scalar(SESSIONS[0])
    assert bars.to_table(columns=["close"], filter=day).column_names == ["close"]
    dear = bars.to_table(columns=["ticker"], filter=day & (pc.field("close") > 60)).column("ticker").to_pylist()
    assert dear == [t for t in sorted(t for t, d in market.rows if d == SESSIONS[0])
                    if adjusted(market.rows, t, SESSIONS[0], dividends=False)["close"] > 60]  # fmt: skip
    assert bars.filter(day).filter(pc.field("split_factor") < 1).count_rows() == 6
    assert bars.count_rows() == 30 * len(SESSIONS)
    assert bars.head(3).num_rows == 3
    assert pickle.loads(pickle.dumps(bars.filter(day))).to_table() == bars.filter(day).to_table()  # noqa: S301
    doubled = bars.to_table(columns={"twice": pc.field("close") * 2}, filter=day)
    assert doubled.column_names == ["twice"]
    assert bars.sort_by("close").count_rows() == bars.count_rows()
    for refused in (lambda: list(bars.get_fragments()), lambda: bars.replace_schema(bars.schema)):
        with pytest.raises(InvalidInputError):
            refused()


def test_other_engines_read_adjusted_bars(market: Market) -> None:
    bars = polygon_assets.scan("stocks_daily", tickers=["T00"], store=market.store, adjust="splits")
    expected = adjusted(market.rows, "T00", SESSIONS[0], dividends=False)["close"]
    lazy = pl.scan_pyarrow_dataset(bars).filter(pl.col("date") == SESSIONS[0]).select("close").collect()
    assert lazy.item() == pytest.approx(expected, rel=1e-12)
    with duckdb.connect() as connection:
        connection.register("bars", bars)
        query = f"SELECT close FROM bars WHERE date = '{SESSIONS[0]}' AND split_factor < 1"  # noqa: S608
        assert connection.execute(query).fetchall() == [(pytest.approx(expected, rel=1e-12),)]


def test_adjusting_twice_is_refused(market: Market) -> None:
    bars = polygon_assets.scan("stocks_daily", store=market.store, adjust="splits")
    factors = load_factors(market.store, "splits")
    with pytest.raises(InvalidInputError, match="adjusted already"):
        adjusted_schema(bars.schema)
    with pytest.raises(InvalidInputError, match="adjusted already"):
        adjust_batch(next(bars.to_batches()), factors, bars.schema.names)


DAYS = [dt.date(2023, 5, 1) + dt.timedelta(number) for number in range(4)]


@pytest.fixture
def small(tmp_path: Path) -> ParquetStore:
    """One ticker on four days, at 100 dollars; no dividends, and one split of another ticker."""
    store = ParquetStore(str(tmp_path / "store"))
    for day in DAYS:
        put_bar(store, day)
    put_events(store, SPLITS, [split("OTHER", "2023-05-03")])
    put_events(store, DIVIDENDS, [])
    return store


def put_bar(store: ParquetStore, day: dt.date) -> None:
    bar = {"ticker": "A", "volume": 10.0, "open": 100.0, "close": 100.0, "high": 100.0, "low": 100.0}
    put_day(store, "stocks_daily", day, [{**bar, "window_start": midnight(day), "transactions": 1}])


def closes(store: ParquetStore, adjust: Any = "splits+dividends", **options: Any) -> list[float | None]:
    found = polygon_assets.scan("stocks_daily", store=store, adjust=adjust, **options).to_table()
    return [row["close"] for _, row in sorted(rows_of(found).items())]


UNKNOWN = {
    "a ratio of zero": ([split("A", "2023-05-03", 1, 0)], [], [None, None, 100, 100]),
    "a split without a day": ([split("A", "2023-02-30", 1, 2)], [], [None] * 4),
    "two different splits": ([split("A", "2023-05-03"), split("A", "2023-05-03", 1, 2)], [], [None, None, 100, 100]),
    "another currency": ([], [dividend("A", "2023-05-02", currency="CAD")], [None, 100, 100, 100]),
    "as large as the close": ([], [dividend("A", "2023-05-03", 100)], [None, None, 100, 100]),
    "on a split's day": ([split("A", "2023-05-03", 1, 2)], [dividend("A", "2023-05-03", 1)], [None, None, 100, 100]),
    "known": ([split("A", "2023-05-04", 1, 2)], [dividend("A", "2023-05-03", 5)], [47.5, 47.5, 50, 100]),
    "of nothing": ([], [dividend("A", "2023-05-08", 0)], [100] * 4),
    "reverse": ([split("A", "2023-05-04", 10, 1)], [], [1000, 1000, 1000, 100]),
}  # fmt: skip


@pytest.mark.parametrize(("splits", "dividends", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_factor_that_cannot_be_known_is_null(
    small: ParquetStore, splits: list[Any], dividends: list[Any], expected: list[float | None]
) -> None:
    put_events(small, SPLITS, splits)
    put_events(small, DIVIDENDS, dividends)
    assert closes(small) == pytest.approx(expected)


def test_without_the_close_of_the_session_before_a_dividend_is_not_known(small: ParquetStore) -> None:
    put_events(small, DIVIDENDS, [dividend("A", "2023-05-08", 1)])
    put_bar(small, dt.date(2023, 5, 8))
    assert closes(small) == [None, None, None, None, 100.0]


@pytest.mark.parametrize("currency", ["USD", "CAD"])
def test_every_morning_all_prices_were_null(small: ParquetStore, currency: str) -> None:
    """Events of today are known at half past six, the close before them comes at eleven: so it was each day of any."""
    put_events(small, DIVIDENDS, [dividend("A", "2023-05-08", 1, currency=currency)])
    put_events(small, SPLITS, [split("A", "2023-05-08", 1, 2)])
    assert closes(small) == [50.0] * 4, "a split is known without a close"
    assert closes(small, as_of="2023-05-05") == [100.0] * 4
    assert closes(small, as_of="2023-05-08") == [None] * 4, "asked for by name"


@pytest.mark.parametrize("executed", ["2023-05-06", "2023-05-08"])
def test_a_dividend_after_a_split_on_a_day_without_trading_was_a_part_of_the_wrong_close(
    small: ParquetStore, executed: str
) -> None:
    for day in (5, 8):
        put_bar(small, dt.date(2023, 5, day))
    put_events(small, SPLITS, [split("A", executed, 1, 10)])
    put_events(small, DIVIDENDS, [dividend("A", "2023-05-08", 1)])
    assert closes(small) == [None] * 5 + [100.0]
    put_events(small, SPLITS, [split("A", "2023-05-05", 1, 10)])
    assert closes(small)[4:] == [99.0, 100.0], "the close of that day is in new shares"


def test_volume_is_null_with_an_unknown_split_alone(small: ParquetStore) -> None:
    put_events(small, DIVIDENDS, [dividend("A", "2023-05-03", currency="CAD")])
    row = rows_of(polygon_assets.scan("stocks_daily", store=small, adjust="splits+dividends").to_table())["A", DAYS[0]]
    assert (row["close"], row["volume"], row["split_factor"], row["dividend_factor"]) == (None, 10.0, 1.0, None)


def test_what_is_known_of_both_is_known_until_the_older_of_them(small: ParquetStore) -> None:
    put_events(small, DIVIDENDS, [], dt.datetime(2023, 5, 10, 17, tzinfo=dt.UTC))
    polygon_assets.scan("stocks_daily", store=small, adjust="splits", as_of="2023-05-11")
    with pytest.raises(InvalidInputError, match="as_of 2023-05-11 lies after 2023-05-10"):
        polygon_assets.scan("stocks_daily", store=small, adjust="splits+dividends", as_of="2023-05-11")


def test_announced_events_are_not_in_effect(small: ParquetStore) -> None:
    put_events(small, SPLITS, [split("A", "2024-01-03")])
    assert closes(small, "splits") == [100.0] * 4


def test_days_after_the_events_are_known_are_warned_of(small: ParquetStore) -> None:
    day = dt.date(2024, 1, 3)
    put_day(small, "stocks_daily", day, [])
    with pytest.warns(UserWarning, match="known until 2024-01-02, and 2024-01-03 is read as well"):
        closes(small)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        polygon_assets.scan("stocks_daily", end="2024-01-02", store=small, adjust="splits")


def test_what_is_invalid(small: ParquetStore, tmp_path: Path) -> None:
    cases: dict[str, tuple[type[PolygonAssetsError], dict[str, Any]]] = {
        "Invalid adjust: 'both'": (InvalidInputError, {"adjust": "both"}),
        "give it with adjust": (InvalidInputError, {"as_of": "2023-01-01"}),
        "Invalid date": (InvalidInputError, {"adjust": "splits", "as_of": "2023-1-1"}),
    }
    for said, (error, options) in cases.items():
        with pytest.raises(error, match=said):
            polygon_assets.scan("stocks_daily", store=small, **options)
    with pytest.raises(InvalidInputError, match="options_daily cannot be adjusted"):
        polygon_assets.scan("options_daily", store=small, adjust="splits")
    with (
        pytest.warns(NothingStoredWarning),
        pytest.raises(InvalidInputError, match=r"No splits are stored in .*POLYGON_API_KEY: polygon-assets reference"),
    ):
        polygon_assets.scan("stocks_daily", store=ParquetStore(str(tmp_path / "empty")), adjust="splits")


@settings(max_examples=in_ci(20), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 50), st.integers(1, 50)), max_size=6, unique_by=lambda e: e[0]
    )
)
def test_factors_are_the_product_of_the_events_after_a_day(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[int, int, int]]
) -> None:
    store = ParquetStore(str(tmp_path_factory.mktemp("store")))
    start = dt.date(2023, 1, 1)
    days = [start + dt.timedelta(number) for number in range(42)]
    put_events(store, SPLITS, [split("B", str(days[at]), before, after) for at, before, after in events])
    factors = load_factors(store, "splits")
    numbers = pa.array(days).cast(pa.int32()).to_numpy().astype("int64")
    for ticker in ("A", "B", "C"):
        found, _ = factors.of(pa.array([ticker] * len(days)), numbers)
        for at, value in enumerate(found):
            later = [before / after for day, before, after in events if day > at and ticker == "B"]
            assert value == pytest.approx(math.prod(later), rel=1e-12)
