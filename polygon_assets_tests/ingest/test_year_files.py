"""Files of whole years: they hold what the days hold, by ticker, and know when they are out of date."""

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import year_files
from polygon_assets.ingest.year_files import is_current, scan_years, write_year, years
from polygon_assets_tests.ingest.conftest import Vendor
from polygon_assets_tests.ingest.made import row, stamp, text

DAYS = ("2023-12-29", "2024-01-02", "2024-01-03")
pytestmark = pytest.mark.stores("disk", "s3")


def midnight(day: str) -> int:
    return stamp(day=dt.date.fromisoformat(day))


async def fill(vendor: Vendor, *tickers: str) -> None:
    for day in DAYS:
        rows = [row(ticker, midnight(day)) for ticker in tickers]
        vendor.put("stocks_daily", day, text(rows))
    await vendor.ingest("stocks_daily", *DAYS)


def by_ticker(table: pa.Table) -> pa.Table:
    return table.sort_by([("ticker", "ascending"), ("window_start", "ascending")]).combine_chunks()


@pytest.mark.parametrize("at_once", [4_000_000, 2, 1])
async def test_a_year_holds_what_its_days_hold(at_once: int, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(year_files, "SORTED_ROWS", at_once)
    await fill(vendor, "A", "B", "C")
    made = write_year(vendor.store, "stocks_daily", 2024)
    assert (made.days, made.rows) == (2, 6)
    stored = scan_years(vendor.store, "stocks_daily").to_table()
    days = vendor.store.scan("stocks_daily", "2024-01-01", "2024-12-31").to_table(stored.schema.names)
    assert stored.combine_chunks().equals(by_ticker(days))
    body = vendor.place.read(made.uri)
    assert made.bytes == len(body)
    assert pq.read_schema(pa.BufferReader(body)).field("ticker").type == pa.string()


async def test_one_ticker_is_read_across_years(vendor: Vendor) -> None:
    await fill(vendor, "A", "B")
    for year in (2023, 2024):
        write_year(vendor.store, "stocks_daily", year)
    assert years(vendor.store, "stocks_daily") == [2023, 2024]
    table = scan_years(vendor.store, "stocks_daily").to_table(["date"], filter=pc.field("ticker") == "B")
    assert [str(day) for day in table.column("date").to_pylist()] == list(DAYS)


async def test_a_year_knows_when_its_days_have_changed(vendor: Vendor) -> None:
    await fill(vendor, "A")
    assert not is_current(vendor.store, "stocks_daily", 2024)
    write_year(vendor.store, "stocks_daily", 2024)
    assert is_current(vendor.store, "stocks_daily", 2024)
    vendor.put("stocks_daily", DAYS[1], text([row("Z", midnight(DAYS[1]))]))
    await vendor.ingest("stocks_daily", DAYS[1])
    assert not is_current(vendor.store, "stocks_daily", 2024)


async def test_only_stored_years_of_daily_data_have_files(vendor: Vendor) -> None:
    with pytest.raises(InvalidInputError, match="no daily data type"):
        write_year(vendor.store, "stocks_minute", 2024)
    with pytest.raises(InvalidInputError, match="No day of 2024 is stored"):
        write_year(vendor.store, "stocks_daily", 2024)
    assert years(vendor.store, "stocks_daily") == []
    assert scan_years(vendor.store, "stocks_daily").count_rows() == 0
    assert vendor.left_over() == []
