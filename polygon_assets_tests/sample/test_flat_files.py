"""The made-up files are in the vendor's exact format, the same each time, and plausible."""

import datetime as dt
import gzip
import re
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.errors import InvalidInputError, NotATradingDayError
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size, demo_size, full_size
from polygon_assets_tests.sample.rows import ALL, INDICES, PRICES, new_york, read, total
from polygon_assets_tests.session import in_ci

SMALL = Size(60, 900)
SESSIONS = trading_calendar().between(dt.date(2014, 6, 2), dt.date(2026, 11, 20))
OPTION = re.compile(r"O:[A-Z]+1?[0-9]{6}[CP][0-9]{8}")
WHOLE = re.compile(r"[1-9][0-9]*")
SIX_DECIMALS = re.compile(r"[0-9]+\.[0-9]{6}")
PRICE = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]{0,5}[1-9])?")


def by_ticker(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    found = defaultdict(list)
    for row in rows:
        found[row["ticker"]].append(row)
    return found


def ids(dataset: Dataset) -> str:
    return dataset.name


@settings(max_examples=in_ci(40), deadline=None)
@given(
    dataset=st.sampled_from(ALL),
    day=st.sampled_from(SESSIONS),
    symbols=st.integers(1, 80),
    rows=st.integers(1, 1_000),
    seed=st.integers(0, 5),
)
def test_every_day_keeps_to_the_format(dataset: Dataset, day: dt.date, symbols: int, rows: int, seed: int) -> None:
    body = flat_file(dataset, day.isoformat(), Size(symbols, rows), seed=seed)
    text = gzip.decompress(body).decode("ascii")
    assert text.startswith(",".join(dataset.header) + "\n")
    assert text.endswith("\n")
    assert "\r" not in text
    assert '"' not in text
    found = read(body)
    places = [(row["ticker"].encode(), int(row["window_start"])) for row in found]
    assert places == sorted(set(places))
    for row in found:
        assert new_york(row).date() == day
        low, high = Decimal(row["low"]), Decimal(row["high"])
        assert 0 < low <= Decimal(row["open"]) <= high
        assert low <= Decimal(row["close"]) <= high
        assert all(PRICE.fullmatch(row[name]) for name in PRICES)
        assert int(row.get("transactions", 1)) >= 1
        assert Decimal(row.get("volume", 1)) >= 1


@pytest.mark.parametrize("dataset", ALL, ids=ids)
def test_the_same_arguments_give_the_same_bytes(dataset: Dataset) -> None:
    first, second = (flat_file(dataset, "2026-05-13", SMALL, seed=3) for _ in range(2))
    assert first == second
    assert first[4:8] == bytes(4), "the archive holds no time"
    assert flat_file(dataset, "2026-05-13", SMALL, seed=4) != first
    assert flat_file(dataset, "2026-05-14", SMALL, seed=3) != first


@pytest.mark.parametrize("dataset", [DATASETS["stocks_daily"], DATASETS["stocks_minute"]], ids=ids)
def test_volumes_of_stocks_are_decimal_since_2026_02_23(dataset: Dataset) -> None:
    before, after = (read(flat_file(dataset, day, SMALL)) for day in ("2026-02-20", "2026-02-23"))
    assert all(WHOLE.fullmatch(row["volume"]) for row in before)
    assert all(SIX_DECIMALS.fullmatch(row["volume"]) for row in after)
    fractional = sum(not row["volume"].endswith(".000000") for row in after)
    assert 0 < fractional < len(after)


@pytest.mark.parametrize("dataset", [DATASETS["options_daily"], DATASETS["options_minute"]], ids=ids)
def test_volumes_of_options_stay_whole(dataset: Dataset) -> None:
    assert all(WHOLE.fullmatch(row["volume"]) for row in read(flat_file(dataset, "2026-05-13", SMALL)))


@pytest.mark.parametrize(
    ("day", "utc_hour"), [("2026-03-06", 5), ("2026-03-09", 4), ("2026-10-30", 4), ("2026-11-02", 5)]
)
@pytest.mark.parametrize("name", ["stocks_daily", "options_daily"])
def test_day_stamps_are_midnight_new_york_through_the_clock_changes(name: str, day: str, utc_hour: int) -> None:
    stamps = {row["window_start"] for row in read(flat_file(DATASETS[name], day, SMALL))}
    expected = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(utc_hour), dt.UTC)
    assert stamps == {f"{int(expected.timestamp())}000000000"}


@pytest.mark.parametrize("day", ["2026-05-13", "2025-11-28"])
def test_minutes_lie_between_four_and_twenty_hours_new_york(day: str) -> None:
    times = {new_york(row).time() for row in read(flat_file(DATASETS["stocks_minute"], day, Size(300, 30_000)))}
    assert dt.time(4) <= min(times) < dt.time(9, 30)
    assert dt.time(16) < max(times) < dt.time(20)


def test_minutes_are_busy_in_regular_hours_and_most_at_their_ends() -> None:
    rows = read(flat_file(DATASETS["stocks_minute"], "2026-05-13", Size(600, 12_000)))
    halves: dict[dt.time, int] = defaultdict(int)
    for row in rows:
        time = new_york(row).time()
        halves[time.replace(minute=time.minute // 30 * 30)] += 1
    assert halves[dt.time(9, 30)] > 1.3 * halves[dt.time(12)] > 13 * halves[dt.time(8)]
    assert halves[dt.time(15, 30)] > 1.2 * halves[dt.time(12)]


@pytest.mark.parametrize(("day", "close"), [("2025-11-28", dt.time(13)), ("2025-11-26", dt.time(16))])
def test_half_days_end_at_thirteen_hours(day: str, close: dt.time) -> None:
    options = {new_york(row).time() for row in read(flat_file(DATASETS["options_minute"], day, Size(2_000, 40_000)))}
    assert dt.time(9, 30) == min(options)
    assert max(options) == (dt.datetime.combine(dt.date.min, close) - dt.timedelta(minutes=1)).time()
    stocks = [new_york(row).time() for row in read(flat_file(DATASETS["stocks_minute"], day, SMALL))]
    assert sum(time >= close for time in stocks) < 0.2 * len(stocks)


@pytest.mark.parametrize("name", ["stocks_daily", "stocks_minute"])
def test_tickers_that_readers_get_wrong_are_there(name: str) -> None:
    tickers = {row["ticker"] for row in read(flat_file(DATASETS[name], "2026-05-13", SMALL))}
    assert {"NA", "NAN", "TRUE", "NULL", "CpP", "ZZrw", "BRK.A", "BACpB"} <= tickers


def test_contracts_are_written_as_occ_does_with_adjusted_roots() -> None:
    dataset = DATASETS["options_daily"]
    tickers = [row["ticker"] for row in read(flat_file(dataset, "2024-11-29", Size(5_000)))]
    assert len(tickers) == len(set(tickers)) == 5_000
    assert all(OPTION.fullmatch(ticker) for ticker in tickers)
    assert any(ticker[:-15] == "O:MU1" for ticker in tickers)
    dates = {dt.datetime.strptime(ticker[-15:-9], "%y%m%d").replace(tzinfo=dt.UTC).date() for ticker in tickers}
    assert min(dates) == dt.date(2024, 11, 29)
    assert all(trading_calendar().is_session(date) for date in dates)


def test_expirations_move_from_good_friday_to_thursday() -> None:
    tickers = [row["ticker"] for row in read(flat_file(DATASETS["options_daily"], "2026-03-30", Size(500)))]
    assert {ticker[-15:-9] for ticker in tickers} >= {"260402"}
    assert not any(ticker[-15:-9] == "260403" for ticker in tickers)


def test_prices_go_on_where_they_ended_the_day_before() -> None:
    days = [day.isoformat() for day in trading_calendar().between(dt.date(2026, 3, 2), dt.date(2026, 3, 31))]
    files = [by_ticker(read(flat_file(DATASETS["stocks_daily"], day, SMALL))) for day in days]
    for before, after in pairwise(files):
        for ticker in ("SPY", "AAPL", "NA"):
            close, opening = float(before[ticker][0]["close"]), float(after[ticker][0]["open"])
            assert opening == pytest.approx(close, rel=0.02)
    assert len({file["SPY"][0]["close"] for file in files}) > 15


def test_minutes_agree_with_the_day() -> None:
    size = Size(300, 9_000)
    daily, minute = (
        by_ticker(read(flat_file(DATASETS[name], "2026-05-13", size))) for name in ("stocks_daily", "stocks_minute")
    )
    assert daily.keys() == minute.keys()
    for ticker, rows in minute.items():
        (day,) = daily[ticker]
        assert float(total(rows, "volume")) == pytest.approx(float(day["volume"]), rel=0.02, abs=100 + len(rows))
        assert float(rows[0]["open"]) == pytest.approx(float(day["open"]), abs=0.0101)
        assert float(rows[-1]["close"]) == pytest.approx(float(day["close"]), rel=0.05)
        trades = int(day["transactions"])
        assert total(rows, "transactions") == pytest.approx(trades, rel=0.05, abs=10)
        if trades > 1:
            assert max(float(row["high"]) for row in rows) == float(day["high"])
            assert min(float(row["low"]) for row in rows) == float(day["low"])


@pytest.mark.parametrize("dataset", INDICES, ids=ids)
def test_a_new_row_of_the_table_has_files_without_another_line(dataset: Dataset) -> None:
    rows = read(flat_file(dataset, "2026-05-13", Size(7, 100_000)))
    assert list(rows[0]) == ["ticker", "open", "close", "high", "low", "window_start"]
    tickers = {row["ticker"] for row in rows}
    assert len(tickers) == 7
    assert "I:SPX" in tickers
    assert len(rows) == 7 * (390 if dataset.session else 1)


@pytest.mark.parametrize("rows", [500, 5_000, 50_000])
@pytest.mark.parametrize("name", ["stocks_minute", "options_minute"])
def test_a_minute_file_has_about_as_many_rows_as_asked_for(name: str, rows: int) -> None:
    found = len(read(flat_file(DATASETS[name], "2026-05-13", Size(300, rows))))
    assert found == pytest.approx(rows, rel=0.1)


@pytest.mark.parametrize("dataset", ALL, ids=ids)
def test_there_is_a_size_for_every_row_of_the_table(dataset: Dataset) -> None:
    assert demo_size(dataset).symbols < full_size(dataset).symbols


def test_a_holiday_has_no_file() -> None:
    with pytest.raises(NotATradingDayError, match="2024-12-25"):
        flat_file(DATASETS["stocks_daily"], "2024-12-25", SMALL)


@pytest.mark.parametrize(("name", "symbols"), [("stocks_daily", 0), ("stocks_daily", 1_000_000), ("options_daily", 0)])
def test_a_universe_has_an_end(name: str, symbols: int) -> None:
    with pytest.raises(InvalidInputError, match=str(symbols)):
        flat_file(DATASETS[name], "2024-12-24", Size(symbols))
