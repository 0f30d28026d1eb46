"""Movers, compared with a slow and obvious way; tickers as they are, without control characters."""

from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.previews import Mover, movers, movers_rows, preview
from polygon_assets_tests.reading.conftest import DAYS
from polygon_assets_tests.stores import Place

pytestmark = pytest.mark.stores("disk", "s3")


def test_movers_of_minutes(filled: ParquetStore, place: Place) -> None:
    rows = defaultdict(list)
    for row in pq.read_table(pa.BufferReader(place.read(place.file("stocks_minute", DAYS[0])))).to_pylist():
        rows[row["ticker"]].append(row)
    changes = {ticker: own[-1]["close"] / own[0]["open"] - 1 for ticker, own in rows.items()}
    ranked = sorted(changes, key=lambda ticker: -changes[ticker])
    gainers, losers = movers(filled, "stocks_minute", DAYS[0])
    assert [each.ticker for each in gainers] == [ticker for ticker in ranked[:5] if changes[ticker] > 0]
    assert [each.ticker for each in losers] == [ticker for ticker in ranked[::-1][:5] if changes[ticker] < 0]
    for each in [*gainers, *losers]:
        assert abs(each.change - changes[each.ticker]) < 1e-12
        assert abs(each.volume - sum(row["volume"] for row in rows[each.ticker])) < 1e-6
    rows_shown = movers_rows(gainers, losers)
    assert [row["ticker"] for row in rows_shown] == [each.ticker for each in [*gainers, *losers[::-1]]]
    assert list(rows_shown[0]) == ["ticker", "change", "first", "last", "volume"]


def test_a_preview_has_all_columns_and_ten_rows(filled: ParquetStore) -> None:
    rows = preview(filled, "stocks_minute", DAYS[0])
    assert len(rows) == 10
    assert list(rows[0]) == [column.name for column in DATASETS["stocks_minute"].stored_columns]


def test_a_movers_ticker_is_shown_as_it_is_without_control_characters() -> None:
    ticker = "![|](http://x)<b>"
    (row,) = movers_rows([Mover(f"{ticker}\x1b\u202e", 2.0, 3.0, float("nan"))], [])
    shown = {"ticker": f"{ticker}\ufffd\ufffd", "change": "+50.0%", "first": 2.0, "last": 3.0, "volume": "nan"}
    assert row == shown
