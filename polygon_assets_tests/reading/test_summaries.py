"""What a day says of each ticker, against a plain loop; and that a day of any length takes the same memory."""

import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.bars_and_parts import missing_at_the_end
from polygon_assets.reading.cross.summaries import TradedMinutes, summarise
from polygon_assets.sample.generators import Size
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.reading.made_days import is_of, put_file, put_made
from polygon_assets_tests.session import in_ci

pytestmark = pytest.mark.slow

DAY = "2024-07-02"
SUMMARISE = """
import re, sys
from pathlib import Path
from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.summaries import summarise
store, day = sys.argv[1:]
made = summarise(ParquetStore(store), DATASETS["stocks_trades"], day, trading_calendar())
print(len(made.tickers), int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1000)
"""
GROWTH = 40
"""Megabytes that a day five times as long may take besides: its footer, and memory that is not given back."""


@settings(max_examples=in_ci(40), deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(540, 980), st.integers(1, 9)), min_size=1, max_size=30))
def test_a_summary_is_what_a_plain_loop_gives(rows: list[tuple[str, int, int]]) -> None:
    day, opening, bell = dt.date.fromisoformat(DAY), 570, 960
    kept = {(ticker, minute): value for ticker, minute, value in rows}
    with tempfile.TemporaryDirectory() as folder:
        store = ParquetStore(folder)
        lines = [
            row(ticker, stamp(0, 0, day) + minute * 60 * 10**9, volume=value, transactions=2, open=value, close=value,
                high=value + 1, low=value - 0.5)
            for (ticker, minute), value in sorted(kept.items())
        ]  # fmt: skip
        put_file(store, "stocks_minute", DAY, compressed(text(lines)))
        made = summarise(store, DATASETS["stocks_minute"], DAY, trading_calendar())
    answer = {
        ticker: {name: None if np.isnan(values[at]) else values[at] for name, values in made.columns.items()}
        for at, ticker in enumerate(made.tickers.to_pylist())
    }
    expected = {}
    for ticker in {ticker for ticker, _ in kept}:
        own = {minute: value for (name, minute), value in kept.items() if name == ticker}
        regular = {minute: value for minute, value in own.items() if opening <= minute < bell}
        last = max(regular, default=opening - 1) - opening
        expected[ticker] = {
            "high": max(own.values()) + 1, "low": min(own.values()) - 0.5,
            "regular_high": max(regular.values()) + 1 if regular else None,
            "regular_low": min(regular.values()) - 0.5 if regular else None,
            "volume": sum(own.values()), "transactions": 2 * len(own), "regular_transactions": 2 * len(regular),
            "last": last, "last_with_price": last,
        }  # fmt: skip
    assert answer == expected


@given(st.lists(st.booleans(), min_size=150, max_size=150), st.integers(0, 149))
def test_two_hours_without_a_pause_and_then_nothing(minutes: list[bool], busy_until: int) -> None:
    traded = [each or number <= busy_until for number, each in enumerate(minutes)]
    last = max((number for number, each in enumerate(traded) if each), default=-1)
    expected = last < 149 and last >= 119 and all(traded[last - 119 : last + 1])
    findings = list(missing_at_the_end(TradedMinutes(["A"], np.array([traded]))))
    assert [each.worst[0]["minutes_missing"] for each in findings] == ([149 - last] if expected else [])


def peak(store: ParquetStore, copies: int) -> tuple[int, int]:
    """Tickers, and megabytes at the peak of a process that summarises ``copies`` of a day one after the other."""
    path = Path(store.path("stocks_trades", DAY))
    with pq.ParquetFile(path) as day:
        rows, schema = day.read(), day.schema_arrow
    with pq.ParquetWriter(path.with_suffix(".longer"), schema, compression="none", write_page_checksum=True) as writer:
        for _ in range(copies):
            writer.write_table(rows, row_group_size=50_000)
    longer = ParquetStore(f"{store.uri}-{copies}")
    with longer.staging() as staging:
        path.with_suffix(".longer").rename(staging / "day.parquet")
        longer.publish(staging / "day.parquet", "stocks_trades", DAY)
    command = [sys.executable, "-c", SUMMARISE, longer.uri, DAY]
    tickers, megabytes = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ}
    ).stdout.split()
    return int(tickers), int(megabytes)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_trades_of_a_day_once_took_more_memory_the_more_there_were(store: ParquetStore) -> None:
    """96 million of them took 2.3 GB: Arrow's scan of a dataset reads ahead as far as it gets."""
    put_made(store, "stocks_trades", DAY, size=Size(200, 100_000))
    short, long = peak(store, 12), peak(store, 60)
    assert short[0] == long[0]
    assert long[1] < short[1] + GROWTH


def test_row_groups_in_the_order_of_time_have_every_ticker_and_are_kept_once(
    store: ParquetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says that a file of trades is sorted by ticker."""
    put_made(store, "stocks_trades", DAY, size=Size(40, 20_000))
    calendar, dataset = trading_calendar(), DATASETS["stocks_trades"]
    expected = summarise(store, dataset, DAY, calendar)
    with pq.ParquetFile(Path(store.path("stocks_trades", DAY))) as day:
        rows = day.read().sort_by("sip_timestamp")
    other = ParquetStore(str(tmp_path / "other"))
    with other.staging() as staging:
        with pq.ParquetWriter(staging / "day.parquet", rows.schema) as writer:
            writer.write_table(rows, row_group_size=500)
        other.publish(staging / "day.parquet", "stocks_trades", DAY)
    monkeypatch.setattr("polygon_assets.reading.cross.summaries._BATCH_ROWS", 900)
    monkeypatch.setattr("polygon_assets.reading.cross.summaries._HELD_ROWS", 100)
    made = summarise(other, dataset, DAY, calendar)
    there = dict(zip(expected.tickers.to_pylist(), range(len(expected.tickers)), strict=True))
    order = [there[ticker] for ticker in made.tickers.to_pylist()]
    assert sorted(order) == list(range(len(expected.tickers)))
    for name, values in made.columns.items():
        np.testing.assert_allclose(values, expected.columns[name][order], rtol=1e-12)


def test_trades_that_count_for_neither_range_nor_volume(store: ParquetStore) -> None:
    """A cancelled one counts for nothing; 16 is the report of an official open, 2 an average price."""
    kinds = {
        "AAPL": ("correction", 8),
        "AMZN": ("correction", 1),
        "MSFT": ("conditions", "16"),
        "NVDA": ("conditions", "2"),
    }

    def change(rows: pa.Table) -> pa.Table:
        for ticker, (name, value) in kinds.items():
            column = pc.if_else(is_of(ticker)(rows), value, rows.column(name))
            rows = rows.set_column(rows.column_names.index(name), name, column)
        return rows

    put_made(store, "stocks_trades", DAY, change, size=Size(40, 20_000))
    made = summarise(store, DATASETS["stocks_trades"], DAY, trading_calendar())
    at = {ticker: place for place, ticker in enumerate(made.tickers.to_pylist())}
    counted = {ticker: made.columns["volume"][at[ticker]] > 0 for ticker in (*kinds, "SPY")}
    ranged = {ticker: bool(np.isfinite(made.columns["regular_high"][at[ticker]])) for ticker in (*kinds, "SPY")}
    assert counted == {"AAPL": False, "AMZN": True, "MSFT": False, "NVDA": True, "SPY": True}
    assert ranged == {"AAPL": False, "AMZN": True, "MSFT": False, "NVDA": False, "SPY": True}
    assert made.columns["transactions"][at["AAPL"]] == 0


def test_what_an_older_days_file_lacks_is_empty(store: ParquetStore) -> None:
    put_made(store, "stocks_trades", DAY, size=Size(40, 20_000))
    with pq.ParquetFile(Path(store.path("stocks_trades", DAY))) as day:
        rows = day.read().drop_columns(["correction"])
    with store.staging() as staging:
        pq.write_table(rows, staging / "day.parquet")
        store.publish(staging / "day.parquet", "stocks_trades", DAY)
    made = summarise(store, DATASETS["stocks_trades"], DAY, trading_calendar())
    assert made.columns["regular_transactions"].sum() > 0
