"""Some tickers of a day: what is stored, what is counted, and that it never passes for the whole."""

import datetime as dt

import pyarrow.compute as pc
import pytest

from polygon_assets.datasets import get_dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.ingest import DayStatus
from polygon_assets.reading.inventory import take_inventory
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.vendor import Vendor

DAY = "2024-01-03"
SIZE = Size(symbols=300, rows=20_000)


@pytest.fixture
def minutes(both: Vendor) -> Vendor:
    both.put_bytes("stocks_minute", DAY, flat_file(get_dataset("stocks_minute"), DAY, SIZE))
    return both


def tickers_of(vendor: Vendor, dataset: str, column: str = "ticker") -> set[str]:
    return {str(each) for each in vendor.store.scan(dataset).to_table(columns=[column])[column].to_pylist()}


async def test_only_the_named_tickers_are_stored_and_the_rest_is_counted(minutes: Vendor) -> None:
    (whole,) = await minutes.ingest("stocks_minute", DAY)
    expected = minutes.store.scan("stocks_minute").to_table()
    some = RowFilter(frozenset({"AAPL", "MSFT", "NO SUCH"}))
    (result,) = await minutes.ingest("stocks_minute", DAY, row_filter=some)
    assert (result.status, result.filter) == (DayStatus.PUBLISHED, "tickers=AAPL,MSFT,NO SUCH")
    assert result.rows + result.dropped_rows == whole.rows
    stored = minutes.store.scan("stocks_minute").to_table()
    assert stored.equals(expected.filter(pc.is_in(expected["ticker"], value_set=pc.unique(stored["ticker"]))))
    assert tickers_of(minutes, "stocks_minute") == {"AAPL", "MSFT"}
    footer = minutes.store.provenance("stocks_minute", DAY)
    assert footer is not None
    assert (footer.filter, footer.dropped_rows, footer.symbols) == (result.filter, result.dropped_rows, 2)
    verified = verify_day(minutes.store, "stocks_minute", DAY)
    assert (verified.whole, verified.filter, verified.outdated) == (True, result.filter, False)


async def test_a_filtered_day_is_not_taken_for_another(minutes: Vendor) -> None:
    some = RowFilter(frozenset({"AAPL"}))
    assert (await minutes.ingest("stocks_minute", DAY, row_filter=some))[0].status is DayStatus.PUBLISHED
    assert (await minutes.ingest("stocks_minute", DAY, row_filter=some))[0].status is DayStatus.UNCHANGED
    (other,) = await minutes.ingest("stocks_minute", DAY, row_filter=RowFilter(frozenset({"MSFT"})))
    assert other.status is DayStatus.PUBLISHED
    assert tickers_of(minutes, "stocks_minute") == {"MSFT"}
    (whole,) = await minutes.ingest("stocks_minute", DAY)
    assert (whole.status, whole.filter, whole.dropped_rows) == (DayStatus.PUBLISHED, "", 0)


async def test_a_file_that_is_kept_is_filtered_again_without_the_network(minutes: Vendor) -> None:
    await minutes.ingest("stocks_minute", DAY, keep_raw=True)
    before = minutes.downloader.get_statistics()["total_downloads"]
    some = RowFilter(frozenset({"AAPL"}))
    (result,) = await minutes.ingest("stocks_minute", DAY, keep_raw=True, row_filter=some)
    assert (result.status, result.filter) == (DayStatus.PUBLISHED, "tickers=AAPL")
    assert minutes.downloader.get_statistics()["total_downloads"] == before


async def test_contracts_by_their_underlying(vendor: Vendor) -> None:
    vendor.put_bytes("options_daily", DAY, flat_file(get_dataset("options_daily"), DAY, Size(symbols=40, rows=4000)))
    (whole,) = await vendor.ingest("options_daily", DAY)
    (underlying, *_) = sorted(tickers_of(vendor, "options_daily", "underlying"))
    (result,) = await vendor.ingest("options_daily", DAY, row_filter=RowFilter(underlyings=frozenset({underlying})))
    assert tickers_of(vendor, "options_daily", "underlying") == {underlying}
    assert 0 < result.rows == whole.rows - result.dropped_rows


async def test_contracts_by_name_beside_all_of_an_underlying(vendor: Vendor) -> None:
    vendor.put_bytes("options_daily", DAY, flat_file(get_dataset("options_daily"), DAY, Size(symbols=40, rows=4000)))
    await vendor.ingest("options_daily", DAY)
    (underlying, other, *_) = sorted(tickers_of(vendor, "options_daily", "underlying"))
    contract = next(each for each in tickers_of(vendor, "options_daily") if each.startswith(f"O:{other}2"))
    await vendor.ingest("options_daily", DAY, row_filter=RowFilter(frozenset({contract}), frozenset({underlying})))
    assert tickers_of(vendor, "options_daily", "underlying") == {underlying, other}
    assert {each for each in tickers_of(vendor, "options_daily") if each.startswith(f"O:{other}2")} == {contract}


async def test_a_day_without_the_ticker_is_stored_empty(minutes: Vendor) -> None:
    (result,) = await minutes.ingest("stocks_minute", DAY, row_filter=RowFilter(frozenset({"NONE"})))
    assert (result.status, result.rows, result.symbols) == (DayStatus.PUBLISHED, 0, 0)
    assert result.dropped_rows > 0
    assert minutes.store.scan("stocks_minute").count_rows() == 0
    assert verify_day(minutes.store, "stocks_minute", DAY).problems == ()


async def test_a_filter_that_cannot_be_is_refused_before_any_request(vendor: Vendor) -> None:
    with pytest.raises(InvalidInputError, match="stocks_daily has no underlyings"):
        await vendor.ingest("stocks_daily", DAY, row_filter=RowFilter(underlyings=frozenset({"SPY"})))


async def test_the_inventory_knows_which_days_are_filtered(vendor: Vendor) -> None:
    for day, row_filter in ((DAY, RowFilter(frozenset({"AAPL"}))), ("2024-01-04", ALL_ROWS)):
        vendor.put_bytes("stocks_daily", day, flat_file(get_dataset("stocks_daily"), day, Size(symbols=50)))
        await vendor.ingest("stocks_daily", day, row_filter=row_filter)
    row, now = get_dataset("stocks_daily"), dt.datetime(2024, 1, 9, tzinfo=dt.UTC)
    found = take_inventory(vendor.store, row, vendor.catalog.get_calendar(row.name), now=now)
    assert found.filtered == {"tickers=AAPL": (dt.date.fromisoformat(DAY),)}
