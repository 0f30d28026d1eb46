"""``ingest_days`` against a real S3 server: each status, order, isolation, and what is left behind."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from polygon_assets.errors import AccessDeniedError, ArchiveError, HeaderError, NotATradingDayError, UnavailableError
from polygon_assets.flatfile.limits import Limits
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore, ingest_days
from polygon_assets_tests.factories import compressed, row, stamp, text, under_rules
from polygon_assets_tests.ingest.scripted import DAYS, Scripted, day_text
from polygon_assets_tests.vendor import Vendor

pytestmark = pytest.mark.stores("disk", "s3")


async def test_days_are_published_in_the_order_asked(vendor: Vendor) -> None:
    for day in DAYS:
        vendor.put("stocks_daily", day, day_text(day))
    seen: list[DayResult] = []
    asked = [DAYS[2], DAYS[0], DAYS[3], DAYS[1], DAYS[0]]
    results = await vendor.ingest("stocks_daily", *asked, on_result=seen.append)
    assert [result.day for result in results] == asked
    assert {result.status for result in results} == {DayStatus.PUBLISHED}
    assert sorted(result.day for result in seen) == DAYS
    assert vendor.store.days("stocks_daily") == DAYS
    assert vendor.left_over() == []


async def test_a_result_says_all_there_is(vendor: Vendor) -> None:
    etag = vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert (result.rows, result.symbols, result.source_etag) == (2, 2, etag)
    assert result.source_key == "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz"
    assert result.uri == vendor.store.path("stocks_daily", DAYS[0])
    assert result.parquet_bytes == len(vendor.stored_bytes("stocks_daily", DAYS[0]))
    assert result.source_bytes > 0
    assert result.download_seconds > 0
    assert result.convert_seconds > 0
    assert (result.retries, result.error, result.findings, result.warning) == (0, None, (), None)


@pytest.mark.scorecard(39)
async def test_an_unchanged_source_is_not_fetched_again(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0], volume=0))
    (first,) = await vendor.ingest("stocks_daily", DAYS[0])
    (again,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert again.status is DayStatus.UNCHANGED
    assert vendor.downloader.get_statistics()["total_downloads"] == 1
    same = ("rows", "symbols", "source_etag", "source_bytes", "parquet_bytes", "findings", "uri")
    assert [getattr(again, name) for name in same] == [getattr(first, name) for name in same]


async def test_a_replaced_source_is_published_anew(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    await vendor.ingest("stocks_daily", DAYS[0])
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0], "A", "B", "C"))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert (result.status, result.rows) == (DayStatus.PUBLISHED, 3)


async def test_overwrite_fetches_what_is_unchanged(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    await vendor.ingest("stocks_daily", DAYS[0])
    before = vendor.stored_bytes("stocks_daily", DAYS[0])
    (result,) = await vendor.ingest("stocks_daily", DAYS[0], overwrite=True)
    assert result.status is DayStatus.PUBLISHED
    assert vendor.stored_bytes("stocks_daily", DAYS[0]) == before


@pytest.mark.scorecard(24)
async def test_one_bad_day_never_loses_the_others(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    vendor.put_bytes("stocks_daily", DAYS[1], compressed(day_text(DAYS[1]))[:-5])
    vendor.put("stocks_daily", DAYS[2], day_text(DAYS[2]))
    results = await vendor.ingest("stocks_daily", *DAYS)
    assert [result.status for result in results] == [
        DayStatus.PUBLISHED, DayStatus.REFUSED, DayStatus.PUBLISHED, DayStatus.NOT_PUBLISHED_YET,
    ]  # fmt: skip
    assert isinstance(results[1].error, ArchiveError)
    assert vendor.store.days("stocks_daily") == [DAYS[0], DAYS[2]]


@pytest.mark.scorecard(17)
@pytest.mark.parametrize("day", ["2024-01-01", "2024-01-06", "2024-1-2", "../../etc", "20240102"])
async def test_what_is_no_trading_day_is_refused_before_any_request(vendor: Vendor, day: str) -> None:
    downloader = Scripted({})
    with pytest.raises(ValueError, match=day.replace(".", r"\.")):
        await ingest_days(
            "stocks_daily", [DAYS[0], day], catalog=vendor.catalog, downloader=downloader, store=vendor.store
        )
    assert downloader.asked == []
    assert vendor.left_over() == []


async def test_a_holiday_names_the_exchange(vendor: Vendor) -> None:
    with pytest.raises(NotATradingDayError, match="2024-01-01 is not a trading day of XNYS"):
        await vendor.ingest("stocks_daily", "2024-01-01")


async def test_a_wrong_header_names_expected_and_found(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], text([], "symbol,price"))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert isinstance(result.error, HeaderError)
    assert "expected the columns ticker,volume" in str(result.error)
    assert "found symbol,price" in str(result.error)
    assert vendor.store.days("stocks_daily") == []


async def test_a_refused_file_is_kept_and_not_fetched_again(vendor: Vendor) -> None:
    etag = vendor.put("stocks_daily", DAYS[0], text([]))
    (first,) = await vendor.ingest("stocks_daily", DAYS[0])
    (again,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert first.status is again.status is DayStatus.REFUSED
    assert "refused before" in str(again.error)
    assert vendor.downloader.get_statistics()["total_downloads"] == 1
    assert vendor.store.refused_etag("stocks_daily", DAYS[0]) == etag
    (entry,) = vendor.store.quarantined("stocks_daily")
    assert (entry.refused, entry.cause, entry.source.etag) == (True, "it holds no rows", etag)
    assert vendor.files(entry.uri) == [f"{entry.version}.csv.gz", f"{entry.version}.refused.json"]
    (forced,) = await vendor.ingest("stocks_daily", DAYS[0], overwrite=True)
    assert "refused before" not in str(forced.error)
    assert vendor.downloader.get_statistics()["total_downloads"] == 2


async def test_a_good_file_clears_the_quarantine(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], text([]))
    await vendor.ingest("stocks_daily", DAYS[0])
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert result.status is DayStatus.PUBLISHED
    assert vendor.store.quarantined("stocks_daily") == []
    assert vendor.store.refused_etag("stocks_daily", DAYS[0]) is None


async def test_a_refused_replacement_leaves_the_stored_day(vendor: Vendor) -> None:
    etag = vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    await vendor.ingest("stocks_daily", DAYS[0])
    vendor.put("stocks_daily", DAYS[0], text([]))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert result.status is DayStatus.REFUSED
    stored = vendor.store.provenance("stocks_daily", DAYS[0])
    assert stored is not None
    assert stored.source_etag == etag


@pytest.mark.scorecard(34)
async def test_foreign_rows_are_rejected_and_counts_reconcile(vendor: Vendor) -> None:
    tomorrow = stamp(day=dt.date(2024, 1, 3))
    rows = [row(f"T{number:04}", tomorrow if number == 7 else stamp()) for number in range(200)]
    vendor.put("stocks_daily", DAYS[0], text(rows))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert (result.status, result.rows, result.symbols) == (DayStatus.PUBLISHED, 199, 199)
    (finding,) = result.findings
    assert (finding.rule, finding.count, finding.severity) == ("foreign_date", 1, "error")
    (entry,) = vendor.store.quarantined("stocks_daily")
    kept = vendor.store.quarantine.rows(entry)
    assert (entry.refused, kept.num_rows + result.rows) == (False, 200)
    assert kept.to_pylist()[0]["line"] == 9
    assert kept.to_pylist()[0]["window_start"] == tomorrow
    (again,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert (again.status, again.findings) == (DayStatus.UNCHANGED, result.findings)


async def test_limits_reach_the_conversion(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0], limits=Limits(max_raw_bytes=100))
    assert isinstance(result.error, ArchiveError)
    assert "more than 100 bytes" in str(result.error)


async def test_kept_raw_files_rebuild_a_day_without_the_network(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    await vendor.ingest("stocks_daily", DAYS[0], keep_raw=True)
    under_rules(monkeypatch, "next")
    offline = Scripted({})
    (result,) = await ingest_days(
        "stocks_daily", DAYS[:1], catalog=vendor.catalog, downloader=offline, store=vendor.store, keep_raw=True
    )
    assert (result.status, result.rows, result.source_etag) == (DayStatus.PUBLISHED, 2, etag)
    assert offline.asked == []
    stored = vendor.store.provenance("stocks_daily", DAYS[0])
    assert stored is not None
    assert stored.schema_version == "next"
    assert vendor.store.raw_files.source("stocks_daily", DAYS[0]) is not None


async def test_a_day_out_of_reach_is_rebuilt_from_its_raw_file(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    await vendor.ingest("stocks_daily", DAYS[0], keep_raw=True)
    vendor.lose("stocks_daily", DAYS[0])
    (result,) = await ingest_days(
        "stocks_daily", DAYS[:1], catalog=vendor.catalog, downloader=Scripted({}), store=vendor.store
    )
    assert (result.status, result.rows) == (DayStatus.PUBLISHED, 2)


async def test_a_stored_day_that_is_refused_now_stays_with_a_warning(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAYS[0], day_text(DAYS[0]))
    await vendor.ingest("stocks_daily", DAYS[0])
    results = await ingest_days(
        "stocks_daily", DAYS[:2], catalog=vendor.catalog, downloader=Scripted({}), store=vendor.store
    )
    assert [result.status for result in results] == [DayStatus.UNCHANGED, DayStatus.NOT_ENTITLED]
    assert results[0].rows == 2
    assert results[0].warning is not None
    assert "plan may not include" in results[0].warning
    assert isinstance(results[1].error, AccessDeniedError)


async def test_a_failed_transfer_and_a_bug_are_failed_days(vendor: Vendor) -> None:
    etag = vendor.put("stocks_daily", DAYS[2], day_text(DAYS[2]))
    key = vendor.catalog.get_stocks_daily_key
    downloader = Scripted(
        {key(DAYS[0]): UnavailableError("b", "k", "gone"), key(DAYS[1]): ZeroDivisionError("a bug")}, vendor
    )
    results = await ingest_days(
        "stocks_daily", DAYS[:3], catalog=vendor.catalog, downloader=downloader, store=vendor.store
    )
    assert [result.status for result in results] == [DayStatus.FAILED, DayStatus.FAILED, DayStatus.PUBLISHED]
    assert results[0].error is not None
    assert results[0].error.retryable
    assert "unexpected ZeroDivisionError: a bug" in str(results[1].error)
    assert results[2].source_etag == etag


@pytest.mark.scorecard(23)
async def test_cancelling_leaves_nothing_behind(vendor: Vendor) -> None:
    slow = Scripted({}, vendor, hang=True)
    call = ingest_days("stocks_daily", DAYS, catalog=vendor.catalog, downloader=slow, store=vendor.store)
    task = asyncio.create_task(call)
    await slow.all_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert vendor.left_over() == []


async def test_days_in_flight_are_bounded(vendor: Vendor) -> None:
    for day in DAYS:
        vendor.put("stocks_daily", day, day_text(day))
    downloader = Scripted({}, vendor)
    await ingest_days(
        "stocks_daily", DAYS, catalog=vendor.catalog, downloader=downloader, store=vendor.store, max_in_flight=2,
        workers=1, on_result=lambda _result: downloader.done(),
    )  # fmt: skip
    assert downloader.most == 2


def test_a_store_that_was_never_written_is_empty(tmp_path: Path) -> None:
    store = ParquetStore(str(tmp_path / "none"))
    assert store.days("stocks_daily") == []
    assert store.provenance("stocks_daily", DAYS[0]) is None
    assert store.quarantined("stocks_daily") == []
    assert store.scan("stocks_daily").count_rows() == 0
    assert not (tmp_path / "none").exists()
