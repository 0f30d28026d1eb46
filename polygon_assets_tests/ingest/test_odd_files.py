"""Files that the vendor really has so: no gzip at all, or cut before the last newline; and days that have not begun."""

import datetime as dt
from pathlib import Path

import pytest

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.errors import ArchiveError, FutureDayError, UnusableDayError
from polygon_assets.flatfile.limits import Limits
from polygon_assets.ingest import DayStatus, ParquetStore, ingest_days
from polygon_assets_tests.factories import compressed, row, stamp, text, under_rules
from polygon_assets_tests.servers.origin import BUCKET, Origin, origin
from polygon_assets_tests.vendor import Vendor

DAY = "2024-01-02"
CUT = text([row("A", stamp()), row("B", stamp())]).removesuffix(b"\n")
ACCEPTING = Limits(accept_unterminated=True)


@pytest.mark.parametrize("body", [text([row("A", stamp())]), b""], ids=["plain text", "empty"])
async def test_what_is_no_gzip_is_refused_once_for_each_etag(vendor: Vendor, body: bytes) -> None:
    etag = vendor.put_bytes("stocks_daily", DAY, body)
    (first,) = await vendor.ingest("stocks_daily", DAY)
    (again,) = await vendor.ingest("stocks_daily", DAY)
    assert first.status is again.status is DayStatus.REFUSED
    assert isinstance(first.error, ArchiveError)
    assert vendor.downloader.get_statistics()["total_downloads"] == 1
    assert vendor.store.refused_etag("stocks_daily", DAY) == etag
    vendor.withdraw("stocks_daily", DAY)  # SeaweedFS takes a minute to replace an empty object
    vendor.put_bytes("stocks_daily", DAY, compressed(text([row("A", stamp())])))
    (mended,) = await vendor.ingest("stocks_daily", DAY)
    assert mended.status is DayStatus.PUBLISHED
    assert vendor.store.quarantined("stocks_daily") == []


async def test_a_file_without_its_last_newline_is_published_where_that_is_accepted(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAY, CUT)
    (refused,) = await vendor.ingest("stocks_daily", DAY)
    assert refused.status is DayStatus.REFUSED
    assert isinstance(refused.error, UnusableDayError)
    assert f"polygon-assets ingest stocks_daily --start {DAY} --accept-unterminated" in str(refused.error)
    (accepted,) = await vendor.ingest("stocks_daily", DAY, limits=ACCEPTING)
    assert (accepted.status, accepted.rows) == (DayStatus.PUBLISHED, 2)
    assert [(each.rule, each.count) for each in accepted.findings] == [("unterminated", 1)]
    assert vendor.store.quarantined("stocks_daily") == []
    (later,) = await vendor.ingest("stocks_daily", DAY)
    assert later.status is DayStatus.UNCHANGED
    assert [each.rule for each in later.findings] == ["unterminated"]


async def test_what_was_refused_for_something_else_stays_refused(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAY, text([]))
    await vendor.ingest("stocks_daily", DAY)
    (again,) = await vendor.ingest("stocks_daily", DAY, limits=ACCEPTING)
    assert again.status is DayStatus.REFUSED
    assert vendor.downloader.get_statistics()["total_downloads"] == 1


async def test_an_accepted_file_is_accepted_again_under_new_rules(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.put("stocks_daily", DAY, CUT)
    await vendor.ingest("stocks_daily", DAY, limits=ACCEPTING, keep_raw=True)
    under_rules(monkeypatch, "next")
    (anew,) = await vendor.ingest("stocks_daily", DAY)
    assert (anew.status, anew.schema_version) == (DayStatus.PUBLISHED, "next")
    vendor.put("stocks_daily", DAY, CUT.removesuffix(b"3"))
    (another,) = await vendor.ingest("stocks_daily", DAY)
    assert another.status is DayStatus.REFUSED


async def test_days_that_have_not_begun_are_refused_before_any_request(vendor: Vendor) -> None:
    calendar = vendor.catalog.get_calendar("stocks_daily")
    today = dt.datetime.now(dt.UTC).date()
    newest = calendar.newest_session(today).isoformat()
    future = calendar.between(today + dt.timedelta(1), today + dt.timedelta(14))[-1].isoformat()
    with pytest.raises(
        FutureDayError, match=f"{future} has not begun: the newest session of XNYS is {newest}, "
    ) as told:
        await vendor.ingest("stocks_daily", DAY, future)
    assert isinstance(told.value, ValueError)
    assert vendor.downloader.get_statistics()["total_downloads"] == 0


async def test_a_replaced_file_was_never_noticed_where_the_service_sent_no_etag(tmp_path: Path) -> None:
    catalog, store = S3Catalog(BUCKET), ParquetStore(str(tmp_path / "store"))
    key = catalog.get_key("stocks_daily", DAY)

    async def ingest(server: Origin) -> tuple[DayStatus, int | None]:
        async with AsyncS3Downloader(server.credentials, server.endpoint_url) as downloader:
            (done,) = await ingest_days("stocks_daily", [DAY], catalog=catalog, downloader=downloader, store=store)
        return done.status, done.rows

    with origin() as server:
        server.store(key, compressed(text([row("A", stamp())])), etag="")
        assert await ingest(server) == (DayStatus.PUBLISHED, 1)
        assert await ingest(server) == (DayStatus.UNCHANGED, 1)
        server.store(key, compressed(text([row("A", stamp()), row("B", stamp())])), etag="")
        assert await ingest(server) == (DayStatus.PUBLISHED, 2)
