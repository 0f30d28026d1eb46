"""Datasets that check each other: made-up days agree, and each of the vendor's reported faults is found."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.errors import StoreError
from polygon_assets.filters import RowFilter
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.checking import CrossChecks
from polygon_assets.reading.cross.cross_rules import CROSS_RULES, CrossFinding
from polygon_assets.reference.events import SPLITS
from polygon_assets.sample.generators import Size, demo_size
from polygon_assets_tests.factories import compressed, row, text
from polygon_assets_tests.reading.made_days import SIZE, Change, is_of, multiplied, put_file, put_made
from polygon_assets_tests.reading.market import midnight, put_events
from polygon_assets_tests.servers.rest_api import split

pytestmark = pytest.mark.slow

BEFORE, DAY, HALF_DAY = "2024-07-01", "2024-07-02", "2024-07-03"
BUSY = Size(60, 24_000)
"""The most traded symbols trade in each minute, as they do in full files."""
CLEAN = [
    ("stocks", SIZE), ("stocks", BUSY), ("stocks", Size(20, 200)), ("stocks", Size(2_000, 60_000)),
    ("options", Size(20, 200)), ("options", Size(2_000, 10_000)), ("options", Size(20_000, 100_000)),
]  # fmt: skip


def found(store: ParquetStore, dataset: str, day: str = DAY) -> dict[str, CrossFinding]:
    findings = CrossChecks(store).check(DATASETS[dataset], day)
    assert {each.rule for each in findings} <= CROSS_RULES.keys()
    return {each.rule: each for each in findings}


def without(chosen: Callable[[pa.Table], Any]) -> Change:
    """Drop the rows that ``chosen`` is true of."""
    return lambda rows: rows.filter(pc.invert(chosen(rows)))


def from_minute(hour: int, minute: int, day: str = DAY) -> Callable[[pa.Table], Any]:
    """Is a row of this minute of New York or later?"""
    bound = int(midnight(dt.date.fromisoformat(day), dt.time(hour, minute)).timestamp()) * 10**9

    def later(rows: pa.Table) -> Any:
        stamps: Any = rows.column("window_start" if "window_start" in rows.column_names else "sip_timestamp")
        return pc.greater_equal(stamps, pa.scalar(bound))

    return later


@pytest.mark.parametrize(("asset_class", "size"), CLEAN)
def test_made_up_days_agree(store: ParquetStore, asset_class: str, size: Size) -> None:
    days = ["2024-06-25", "2024-06-26", "2024-06-27", "2024-06-28", BEFORE, DAY, HALF_DAY]
    datasets = f"{asset_class}_daily", f"{asset_class}_minute"
    for dataset in datasets:
        for day in days if size == SIZE else days[-2:]:
            put_made(store, dataset, day, size=size)
    checks = CrossChecks(store)
    for dataset in datasets:
        for day in checks.days(dataset):
            assert checks.check(DATASETS[dataset], day) == ()


@pytest.mark.parametrize("name", DATASETS)
def test_each_dataset_can_be_checked_and_made_up_days_of_it_are_sound(store: ParquetStore, name: str) -> None:
    """Bars of indices have no volume, and ended the command."""
    dataset = DATASETS[name]
    days = [str(day) for day in trading_calendar(dataset.calendar).between(dt.date(2024, 6, 26), dt.date(2024, 7, 3))]
    for day in days[-3:]:
        put_made(store, name, day, size=Size(40, 2_000))
    checks = CrossChecks(store)
    assert [checks.check(dataset, day) for day in checks.days(name)] == [()] * 3


@pytest.mark.parametrize("asset_class", ["stocks", "options"])
def test_made_up_trades_minutes_and_days_add_up(store: ParquetStore, asset_class: str) -> None:
    """The demo's checks warned of each of its days: its trades were those of other tickers and volumes."""
    for day in (DAY, HALF_DAY):
        for kind in ("trades", "minute", "daily"):
            put_made(store, f"{asset_class}_{kind}", day, size=demo_size(DATASETS[f"{asset_class}_{kind}"]))
        checks = CrossChecks(store)
        for kind in ("minute", "daily"):
            assert checks.check(DATASETS[f"{asset_class}_{kind}"], day) == ()


def test_a_session_cut_short(store: ParquetStore) -> None:
    """A day of the vendor's ended at 15:32, and nothing said so."""
    put_made(store, "stocks_minute", DAY, without(from_minute(15, 32)), size=BUSY)
    finding = found(store, "stocks_minute")["last_minutes_missing"]
    assert finding.count >= 20
    assert len(finding.worst) == 10
    assert {row["minutes_missing"] for row in finding.worst} == {28}
    assert {"AAPL", "AMZN"} <= {row["ticker"] for row in finding.worst}


def test_options_cut_short_are_counted_by_underlying(store: ParquetStore) -> None:
    put_made(store, "options_minute", DAY, without(from_minute(15, 32)), size=Size(2_000, 60_000))
    finding = found(store, "options_minute")["last_minutes_missing"]
    assert {row["minutes_missing"] for row in finding.worst} == {28}
    assert {"SPY", "NVDA"} <= {row["ticker"] for row in finding.worst}


def test_the_last_minute_of_some_names(store: ParquetStore) -> None:
    """In January 2025 the minutes of some forty names a day lacked the last one."""
    names = ("SPY", "AAPL", "MSFT", "TSLA")
    last, after = from_minute(15, 59), from_minute(16, 0)
    cut = without(lambda rows: pc.and_(is_of(*names)(rows), pc.and_not(last(rows), after(rows))))
    put_made(store, "stocks_minute", DAY, cut, size=BUSY)
    finding = found(store, "stocks_minute")["last_minutes_missing"]
    assert {row["ticker"] for row in finding.worst} == set(names)
    assert {row["minutes_missing"] for row in finding.worst} == {1}


def test_the_bell_of_a_half_day_is_its_own(store: ParquetStore) -> None:
    put_made(store, "stocks_minute", HALF_DAY, without(from_minute(12, 50, HALF_DAY)), size=BUSY)
    finding = found(store, "stocks_minute", HALF_DAY)["last_minutes_missing"]
    assert {row["minutes_missing"] for row in finding.worst} == {10}


def test_a_ticker_without_minutes(store: ParquetStore) -> None:
    """QQQ had no minutes from 2004-11-30 to 2011-03-23."""
    put_made(store, "stocks_daily", DAY)
    put_made(store, "stocks_minute", DAY, without(is_of("QQQ")))
    (finding,) = found(store, "stocks_daily").values()
    assert (finding.rule, finding.against, finding.count) == ("without_parts", "stocks_minute", 1)
    assert finding.worst[0]["ticker"] == "QQQ"


def test_minutes_without_a_daily_bar(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", DAY, without(is_of("MSFT", "META")))
    put_made(store, "stocks_minute", DAY)
    (finding,) = found(store, "stocks_daily").values()
    assert finding.rule == "without_bar"
    assert {row["ticker"] for row in finding.worst} == {"MSFT", "META"}


def test_a_ticker_of_the_evening_alone_needs_no_daily_bar(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", DAY, without(is_of("MSFT")))
    regular = without(lambda rows: pc.and_(is_of("MSFT")(rows), pc.invert(from_minute(16, 0)(rows))))
    put_made(store, "stocks_minute", DAY, regular)
    assert found(store, "stocks_daily") == {}


@pytest.mark.parametrize(
    ("rule", "names", "by"),
    [
        ("high_differs", ["high"], 1.002),
        ("high_differs", ["open", "close", "high", "low"], 0.99),
        ("low_differs", ["low"], 0.998),
        ("volume_differs", ["volume"], 0.85),
        ("volume_differs", ["volume"], 1.2),
        ("transactions_differ", ["transactions"], 1.2),
    ],
)
def test_a_daily_bar_that_is_not_its_minutes(store: ParquetStore, rule: str, names: list[str], by: float) -> None:
    put_made(store, "stocks_daily", DAY, multiplied(by, *names, ticker="TSLA"))
    put_made(store, "stocks_minute", DAY)
    finding = found(store, "stocks_daily")[rule]
    assert finding.count == 1
    assert finding.worst[0]["ticker"] == "TSLA"


@pytest.mark.parametrize(("names", "by"), [(["high"], 1.0005), (["volume", "transactions"], 1.08)])
def test_what_is_within_tolerance_is_no_finding(store: ParquetStore, names: list[str], by: float) -> None:
    put_made(store, "stocks_daily", DAY, multiplied(by, *names, ticker="TSLA"))
    put_made(store, "stocks_minute", DAY)
    assert found(store, "stocks_daily") == {}


def test_extremes_of_the_evening_may_count_or_not(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", DAY)
    evening = from_minute(16, 0)

    def higher(rows: pa.Table) -> pa.Table:
        chosen = pc.and_(is_of("SPY")(rows), evening(rows))
        high = pc.if_else(chosen, pc.multiply(rows.column("high"), 2), rows.column("high"))
        return rows.set_column(rows.column_names.index("high"), "high", high)

    put_made(store, "stocks_minute", DAY, higher)
    assert found(store, "stocks_daily") == {}


def test_days_that_hold_some_tickers_by_a_filter_are_compared_in_those(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", DAY, multiplied(1.01, "high", ticker="SPY"))
    put_made(store, "stocks_minute", DAY, row_filter=RowFilter(tickers=frozenset({"SPY", "AAPL"})))
    finding = found(store, "stocks_daily")
    assert finding.keys() == {"high_differs"}


def as_minutes(store: ParquetStore, trades: str, cut: Callable[[dict[str, Any]], bool] = lambda _: True) -> bytes:
    """The csv.gz of minute bars that stored trades make by the SIPs' rules, one by one."""
    without_range = {2, 7, 12, 13, 15, 16, 20, 21, 37, 52, 53} if trades == "stocks_trades" else set()
    without_volume = {15, 16, 38} if trades == "stocks_trades" else set()
    minutes: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for trade in store.scan(trades, DAY, DAY).to_table().to_pylist():
        if not trade["correction"] and cut(trade):
            stamp = int(trade["sip_timestamp"].timestamp()) // 60 * 60
            minutes[trade["ticker"], stamp].append(trade)
    lines = []
    for (ticker, stamp), inside in sorted(minutes.items(), key=lambda each: (each[0][0].encode(), each[0][1])):
        counting = [each for each in inside if not set(each["conditions"]) & without_range]
        prices = [each["price"] for each in counting or inside]
        counted = [each["size"] for each in inside if not set(each["conditions"]) & without_volume]
        if counted:
            bar = {"open": prices[0], "close": prices[-1], "high": max(prices), "low": min(prices)}
            lines.append(row(ticker, stamp * 10**9, volume=sum(counted), transactions=len(counted), **bar))
    return compressed(text(lines))


@pytest.mark.parametrize("asset_class", ["stocks", "options"])
def test_bars_agree_with_their_trades(store: ParquetStore, asset_class: str) -> None:
    put_made(store, f"{asset_class}_trades", DAY, size=Size(40, 20_000))
    put_file(store, f"{asset_class}_minute", DAY, as_minutes(store, f"{asset_class}_trades"))
    assert found(store, f"{asset_class}_minute") == {}


def test_sizes_that_are_plainly_wrong(store: ParquetStore) -> None:
    """On 2015-01-06 and 2015-01-07 the sizes of trades were 33 to 49, all day."""
    put_made(store, "stocks_trades", DAY, size=Size(40, 20_000))
    minutes = as_minutes(store, "stocks_trades")

    def small(rows: pa.Table) -> pa.Table:
        sizes = pa.array(np.random.default_rng(1).integers(33, 50, len(rows)))
        return rows.set_column(rows.column_names.index("size"), "size", sizes)

    put_made(store, "stocks_trades", DAY, small, size=Size(40, 20_000))
    put_file(store, "stocks_minute", DAY, minutes)
    (finding,) = found(store, "stocks_minute").values()
    assert (finding.rule, finding.against) == ("volume_differs", "stocks_trades")
    assert finding.count > 20


def test_daily_bars_without_minutes_were_held_against_nothing(store: ParquetStore) -> None:
    """Who stores trades and daily bars alone had no check of either."""

    def wrong(rows: pa.Table) -> pa.Table:
        return rows.set_column(rows.column_names.index("size"), "size", pc.multiply(rows.column("size"), 100))

    size = demo_size(DATASETS["stocks_trades"])
    put_made(store, "stocks_daily", DAY, size=size)
    put_made(store, "stocks_trades", DAY, size=size)
    assert found(store, "stocks_daily") == {}
    put_made(store, "stocks_trades", DAY, wrong, size=size)
    finding = found(store, "stocks_daily")["volume_differs"]
    assert finding.against == "stocks_trades"


def test_an_index_that_ends_before_new_yorks_bell_is_whole(store: ParquetStore) -> None:
    put_made(store, "indices_minute", DAY, without(from_minute(11, 35)), size=BUSY)
    assert "last_minutes_missing" not in found(store, "indices_minute")


@pytest.mark.parametrize("lacking", ["trades", "minutes"])
def test_trades_that_end_before_their_bars_and_the_reverse(store: ParquetStore, lacking: str) -> None:
    """On 2024-06-10 the trades of the largest underlyings ended at 15:32."""
    put_made(store, "options_trades", DAY, size=Size(40, 20_000))
    early = from_minute(15, 32)
    bound = midnight(dt.date.fromisoformat(DAY), dt.time(15, 32))
    cut = (lambda trade: trade["sip_timestamp"] < bound) if lacking == "minutes" else lambda _: True
    put_file(store, "options_minute", DAY, as_minutes(store, "options_trades", cut))
    if lacking == "trades":
        put_made(store, "options_trades", DAY, without(early), size=Size(40, 20_000))
    finding = found(store, "options_minute")["ends_differ"]
    assert finding.count > 20
    assert all(0 < row["minutes"] <= 28 for row in finding.worst)


def test_trades_after_the_last_bar_that_count_for_no_price(store: ParquetStore) -> None:
    """Of such kinds are reports of the official close and trades at prices of earlier."""
    late = from_minute(15, 40)

    def unpriced(rows: pa.Table) -> pa.Table:
        codes = pc.if_else(pc.and_(late(rows), is_of("AAPL")(rows)), "16", rows.column("conditions"))
        return rows.set_column(rows.column_names.index("conditions"), "conditions", codes)

    put_made(store, "stocks_trades", DAY, unpriced, size=Size(40, 20_000))
    put_file(store, "stocks_minute", DAY, as_minutes(store, "stocks_trades"))
    assert "ends_differ" not in found(store, "stocks_minute")


def test_a_whole_day_of_a_market_absent(store: ParquetStore) -> None:
    """Crypto's 2021-12-23 was absent for months."""
    for day in ("2021-12-21", "2021-12-22", "2021-12-24"):
        put_made(store, "crypto_daily", day, size=Size(60))
    assert found(store, "crypto_daily", "2021-12-22") == {}
    finding = found(store, "crypto_daily", "2021-12-24")["day_before_missing"]
    assert finding.against == "2021-12-23"
    assert "day_before_missing" not in found(store, "crypto_daily", "2021-12-21"), "nothing is stored before it"


def test_most_of_a_market_absent(store: ParquetStore) -> None:
    put_made(store, "crypto_daily", "2021-12-22", size=Size(100))
    put_made(store, "crypto_daily", "2021-12-23", lambda rows: rows.slice(0, 80), size=Size(100))
    finding = found(store, "crypto_daily", "2021-12-23")["universe_shrinks"]
    assert finding.worst[0]["now"] == 80
    assert finding.count == finding.of - 80


def test_the_universe_of_options_are_their_underlyings(store: ParquetStore) -> None:
    size = Size(2_000)
    put_made(store, "options_daily", BEFORE, size=size)
    put_made(store, "options_daily", DAY, lambda rows: rows.filter(np.arange(len(rows)) % 2 == 0), size=size)
    assert found(store, "options_daily") == {}, "half of the contracts, of the same underlyings"
    put_made(store, "options_daily", DAY, lambda rows: rows.slice(0, len(rows) // 2), size=size)
    assert found(store, "options_daily")["universe_shrinks"].worst[0]["counted"] == "underlyings"


PRICES = ("open", "close", "high", "low")


@pytest.mark.parametrize(("ratio", "shown"), [(1 / 4, 4), (10, 0.1), (2 / 3, 1.5), (1 / 20 * 1.02, 20)])
def test_a_close_that_moves_by_the_ratio_of_a_split_that_nobody_knows(
    store: ParquetStore, ratio: float, shown: float
) -> None:
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, multiplied(ratio, *PRICES, ticker="AAPL"))
    finding = found(store, "stocks_daily")["split_unknown"]
    assert finding.count == 1
    assert finding.worst[0]["ticker"] == "AAPL"
    assert finding.worst[0]["ratio"] == shown


def test_a_known_split_explains_the_move_and_one_without_a_move_is_found(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, multiplied(0.25, *PRICES, ticker="AAPL"))
    put_events(store, SPLITS, [split("AAPL", DAY, 1, 4), split("NVDA", BEFORE, 1, 10)])
    assert found(store, "stocks_daily") == {}
    put_events(store, SPLITS, [split("AAPL", DAY, 1, 4), split("NVDA", DAY, 1, 10)])
    finding = found(store, "stocks_daily")["split_unknown"]
    assert finding.worst[0]["ticker"] == "NVDA"
    assert finding.worst[0]["known_ratio"] == 10


@pytest.mark.parametrize("ratio", [0.6, 0.45, 1.8])
def test_a_fall_that_is_no_ratio_is_news(store: ParquetStore, ratio: float) -> None:
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, multiplied(ratio, *PRICES, ticker="AAPL"))
    assert found(store, "stocks_daily") == {}


def test_a_close_alone_at_a_ratio_is_news(store: ParquetStore) -> None:
    """It opened where it had closed: no split does that."""
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, multiplied(0.25, "close", "low", ticker="AAPL"))
    assert "split_unknown" not in found(store, "stocks_daily")


def test_below_a_dollar_a_tick_looks_like_a_ratio(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", BEFORE, multiplied(0.001, *PRICES, ticker="AAPL"))
    put_made(store, "stocks_daily", DAY, multiplied(0.0005, *PRICES, ticker="AAPL"))
    assert found(store, "stocks_daily") == {}


def test_splits_that_contradict_each_other_explain_nothing(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, multiplied(0.25, *PRICES, ticker="AAPL"))
    put_events(store, SPLITS, [split("AAPL", DAY, 1, 4, id="a"), split("AAPL", DAY, 1, 1, id="b")])
    finding = found(store, "stocks_daily")["split_unknown"]
    assert (finding.worst[0]["ticker"], finding.worst[0]["known_ratio"]) == ("AAPL", 1)


def test_a_filter_of_today_is_no_universe_that_shrinks(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, row_filter=RowFilter(tickers=frozenset({"AAPL", "MSFT"})))
    assert "universe_shrinks" not in found(store, "stocks_daily")


def test_row_counts_far_from_the_days_before(store: ParquetStore) -> None:
    for day in ("2024-06-24", "2024-06-25", "2024-06-26", "2024-06-27", "2024-06-28", BEFORE):
        put_made(store, "stocks_minute", day)
    put_made(store, "stocks_minute", DAY, lambda rows: rows.filter(np.arange(len(rows)) % 3 == 0))
    assert found(store, "stocks_minute")["rows_unusual"].worst[0]["rows"] < 10_000


def test_a_day_that_cannot_be_read_is_named(store: ParquetStore) -> None:
    put_made(store, "stocks_daily", DAY)
    put_made(store, "stocks_minute", DAY)
    Path(store.path("stocks_minute", DAY)).write_bytes(b"PAR1 not at all")
    with pytest.raises(StoreError, match="stocks_minute"):
        found(store, "stocks_daily")
