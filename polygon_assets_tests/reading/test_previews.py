"""Movers, compared with a slow and obvious way; odd tickers in Markdown."""

from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.previews import markdown, movers, movers_table, preview
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
    assert movers_table(gainers, losers).count("\n") == 1 + len(gainers) + len(losers)


def test_a_preview_has_all_columns_and_ten_rows(filled: ParquetStore) -> None:
    lines = preview(filled, "stocks_minute", DAYS[0]).splitlines()
    assert lines[0].count("|") == 9
    assert len(lines) == 12


def test_a_table_in_markdown() -> None:
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
