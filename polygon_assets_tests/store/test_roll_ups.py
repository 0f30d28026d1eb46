"""Files of whole years: they hold what the days hold, by ticker, and know when they are out of date."""

import datetime as dt
import pickle

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.store import roll_ups as year_files
from polygon_assets.store.roll_ups import scan_history, stale_years, write_year, years
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAYS = ("2023-12-29", "2024-01-02", "2024-01-03")
pytestmark = pytest.mark.stores("disk", "s3")


def midnight(day: str) -> int:
    return stamp(day=dt.date.fromisoformat(day))


async def fill(vendor: Vendor, *tickers: str) -> None:
    for day in DAYS:
        rows = [row(ticker, midnight(day)) for ticker in tickers]
        vendor.put("stocks_daily", day, text(rows))
    await vendor.ingest("stocks_daily", *DAYS)


def tickers(vendor: Vendor) -> list[str]:
    return sorted(
        map(str, scan_history(vendor.store, "stocks_daily").to_table(["ticker"]).column("ticker").to_pylist())
    )


def by_ticker(table: pa.Table) -> pa.Table:
    return table.sort_by([("ticker", "ascending"), ("window_start", "ascending")]).combine_chunks()


@pytest.mark.parametrize("at_once", [4_000_000, 2, 1])
async def test_a_year_holds_what_its_days_hold(at_once: int, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(year_files, "SORTED_ROWS", at_once)
    await fill(vendor, "A", "B", "C")
    made = write_year(vendor.store, "stocks_daily", 2024)
    assert (made.days, made.rows) == (2, 6)
    stored = scan_history(vendor.store, "stocks_daily", "2024-01-01").to_table()
    days = vendor.store.scan("stocks_daily", "2024-01-01", "2024-12-31").to_table(stored.schema.names)
    assert stored.combine_chunks().equals(by_ticker(days))
    body = vendor.place.read(made.uri)
    assert made.bytes == len(body)
    assert pq.read_schema(pa.BufferReader(body)).field("ticker").type == pa.string()


async def test_one_ticker_is_read_from_years_and_from_days_that_are_in_none(vendor: Vendor) -> None:
    await fill(vendor, "A", "B")
    write_year(vendor.store, "stocks_daily", 2024)
    found = scan_history(vendor.store, "stocks_daily")
    paths = sorted(fragment.path for fragment in found.get_fragments())
    assert [path.split("stocks_daily/")[1] for path in paths] == [
        "year=2024/data.parquet",
        "date=2023-12-29/data.parquet",
    ]
    table = found.to_table(["date", "ticker"], filter=pc.field("ticker") == "B")
    assert sorted(str(day) for day in table.column("date").to_pylist()) == list(DAYS)


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, None), (DAYS[0], DAYS[0]), (DAYS[1], None), (None, DAYS[1]), (DAYS[2], DAYS[2]), ("2024-02-01", None)],
)
async def test_a_history_is_what_a_scan_gives(start: str | None, end: str | None, vendor: Vendor) -> None:
    await fill(vendor, "A", "B")
    write_year(vendor.store, "stocks_daily", 2024)
    of_days = vendor.store.scan("stocks_daily", start, end).to_table()
    of_years = scan_history(vendor.store, "stocks_daily", start, end).to_table(of_days.schema.names)
    assert by_ticker(of_years).equals(by_ticker(of_days))


async def test_a_year_that_its_days_have_left_behind_is_not_read(vendor: Vendor) -> None:
    """A replaced day and a new one, each, must be seen at once, whatever was rolled up before."""
    await fill(vendor, "A")
    assert list(stale_years(vendor.store, "stocks_daily")) == [2023, 2024]
    for year in (2023, 2024):
        write_year(vendor.store, "stocks_daily", year)
    assert stale_years(vendor.store, "stocks_daily") == {}
    vendor.put("stocks_daily", DAYS[1], text([row("Z", midnight(DAYS[1]))]))
    await vendor.ingest("stocks_daily", DAYS[1])
    assert list(stale_years(vendor.store, "stocks_daily")) == [2024]
    assert tickers(vendor) == ["A", "A", "Z"]
    write_year(vendor.store, "stocks_daily", 2024)
    vendor.put("stocks_daily", "2024-01-04", text([row("N", midnight("2024-01-04"))]))
    await vendor.ingest("stocks_daily", "2024-01-04")
    assert tickers(vendor) == ["A", "A", "N", "Z"]


async def test_a_day_that_is_replaced_while_its_year_is_read_leaves_the_older_file(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(vendor, "A")
    before = write_year(vendor.store, "stocks_daily", 2024)
    body, scan_days = vendor.place.read(before.uri), ParquetStore.scan_days

    def replaced(store: ParquetStore, dataset: str, days: list[str]) -> pads.Dataset:
        with vendor.store.staging() as staging:
            pq.write_table(scan_days(store, dataset, days[:1]).to_table(), staging / "other")
            vendor.store.publish(staging / "other", dataset, days[-1])
        return scan_days(store, dataset, days)

    monkeypatch.setattr(ParquetStore, "scan_days", replaced)
    with pytest.raises(StoreError, match="changed while it was read"):
        write_year(vendor.store, "stocks_daily", 2024)
    assert vendor.place.read(before.uri) == body


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more"])
async def test_a_damaged_year_is_not_read_and_made_again(damage: bytes, vendor: Vendor) -> None:
    """It once ended every reading of tickers, and the making of all years."""
    await fill(vendor, "A")
    vendor.place.write(write_year(vendor.store, "stocks_daily", 2024).uri, damage)
    assert tickers(vendor) == ["A", "A", "A"]
    assert list(stale_years(vendor.store, "stocks_daily")) == [2023, 2024]
    write_year(vendor.store, "stocks_daily", 2024)
    assert list(stale_years(vendor.store, "stocks_daily")) == [2023]


async def test_what_a_filter_leaves_out_stays_out_wherever_it_is_read(vendor: Vendor) -> None:
    """A filtered union of days and years was pickled without its filter: other processes read all rows."""
    await fill(vendor, "A")
    write_year(vendor.store, "stocks_daily", 2024)
    everything = pickle.loads(pickle.dumps(scan_history(vendor.store, "stocks_daily")))  # noqa: S301 (made here)
    assert everything.count_rows() == 3
    some = pickle.loads(pickle.dumps(scan_history(vendor.store, "stocks_daily", DAYS[2])))  # noqa: S301 (made here)
    assert some.count_rows() == len([day for day in DAYS if day >= DAYS[2]])


async def test_a_damaged_day_makes_no_year(vendor: Vendor) -> None:
    await fill(vendor, "A")
    with vendor.store.staging() as staging:
        (staging / "corrupt").write_bytes(b"PAR1 no more")
        vendor.store.publish(staging / "corrupt", "stocks_daily", DAYS[1])
    with pytest.raises(StoreError, match=r"stocks_daily of 2024 cannot be made: .*Try polygon-assets verify"):
        write_year(vendor.store, "stocks_daily", 2024)
    assert years(vendor.store, "stocks_daily") == []


async def test_only_stored_years_of_daily_data_have_files(vendor: Vendor) -> None:
    with pytest.raises(InvalidInputError, match="no daily dataset"):
        write_year(vendor.store, "stocks_minute", 2024)
    with pytest.raises(InvalidInputError, match="No day of 2024 is stored"):
        write_year(vendor.store, "stocks_daily", 2024)
    assert years(vendor.store, "stocks_daily") == []
    assert stale_years(vendor.store, "stocks_daily") == {}
    assert scan_history(vendor.store, "stocks_daily").count_rows() == 0
    assert vendor.left_over() == []
