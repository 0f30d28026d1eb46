"""The bucket's listing against the store: every way that one day can stand."""

import datetime as dt

import pytest

from polygon_assets.download.listing import RemoteObject, listed_days
from polygon_assets.reading.store_against_bucket import Footers, Standing, compare_days
from polygon_assets.store.s3_folder import S3Folder
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAYS = [f"2024-01-{number:02}" for number in (2, 3, 4, 5, 8, 9, 10)]
STORED, REPLACED, NEW, REFUSED, REFUSED_LATER, KEPT, ABSENT = DAYS


def raw(day: str, volume: int = 100) -> bytes:
    start = stamp(day=dt.date.fromisoformat(day))
    return text([row(f"T{number}", start, volume=volume) for number in range(3)])


@pytest.fixture
async def mixed(vendor: Vendor) -> Vendor:
    for day in (STORED, REPLACED, REFUSED_LATER, KEPT):
        vendor.put("stocks_daily", day, raw(day))
    vendor.put("stocks_daily", REFUSED, b"no,csv\n")
    await vendor.ingest("stocks_daily", *DAYS)
    vendor.put("stocks_daily", REFUSED_LATER, b"no,csv\n")
    await vendor.ingest("stocks_daily", REFUSED_LATER)
    for day in (REPLACED, NEW):
        vendor.put("stocks_daily", day, raw(day, volume=200))
    vendor.withdraw("stocks_daily", KEPT)
    return vendor


async def test_every_standing(mixed: Vendor) -> None:
    entries = await mixed.downloader.list_entries(mixed.bucket, mixed.catalog.get_prefix("stocks_daily"))
    listed = listed_days(entries, mixed.catalog, "stocks_daily")
    compared = compare_days(mixed.store, "stocks_daily", DAYS, listed)
    assert {each.day: each.standing for each in compared} == {
        STORED: Standing.STORED,
        REPLACED: Standing.REPLACED,
        NEW: Standing.NEW,
        REFUSED: Standing.REFUSED,
        REFUSED_LATER: Standing.REFUSED,
        KEPT: Standing.KEPT,
        ABSENT: Standing.ABSENT,
    }
    by_day = {each.day: each for each in compared}
    assert by_day[REFUSED_LATER].stored is not None
    assert not any(each.is_damaged for each in compared)
    mixed.place.write(mixed.place.file("stocks_daily", STORED), b"PAR1 no more")
    (damaged,) = compare_days(mixed.store, "stocks_daily", [STORED], listed)
    assert (damaged.is_damaged, damaged.standing) == (True, Standing.NEW)


def test_a_listing_of_other_files_has_no_days(vendor: Vendor) -> None:
    catalog, moment = vendor.catalog, dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
    keys = [
        catalog.get_key("stocks_daily", NEW),
        catalog.get_key("stocks_daily", STORED),
        catalog.get_key("stocks_minute", REPLACED),
        catalog.get_key("stocks_daily", KEPT) + ".tmp",
        "readme.txt",
    ]
    found = listed_days([RemoteObject(key, 1, "e", moment) for key in keys], catalog, "stocks_daily")
    assert list(found) == [STORED, NEW]
    assert found[NEW].key == keys[0]


@pytest.mark.stores("s3")
async def test_each_look_at_a_store_on_s3_once_read_every_footer_again(vendor: Vendor) -> None:
    for day in (STORED, REPLACED):
        vendor.put("stocks_daily", day, raw(day))
    await vendor.ingest("stocks_daily", STORED, REPLACED)
    entries = await vendor.downloader.list_entries(vendor.bucket, vendor.catalog.get_prefix("stocks_daily"))
    listed, footers, read = listed_days(entries, vendor.catalog, "stocks_daily"), Footers(), []
    store = vendor.place.open()
    folder = store._folder
    assert isinstance(folder, S3Folder)
    folder._client.meta.events.register("provide-client-params.s3.GetObject", lambda **event: read.append(event))

    def look() -> list[tuple[str, Standing, int | None]]:
        read.clear()
        compared = compare_days(store, "stocks_daily", [STORED, NEW, REPLACED], listed, footers)
        return [(each.day, each.standing, each.stored.rows if each.stored else None) for each in compared]

    whole = [(STORED, Standing.STORED, 3), (NEW, Standing.ABSENT, None), (REPLACED, Standing.STORED, 3)]
    assert (look(), len(read)) == (whole, 2)
    assert (look(), len(read)) == (whole, 0)
    vendor.put("stocks_daily", REPLACED, raw(REPLACED, volume=200))
    await vendor.ingest("stocks_daily", REPLACED)
    assert (look(), len(read)) == ([*whole[:2], (REPLACED, Standing.REPLACED, 3)], 1)
    vendor.place.write(vendor.place.file("stocks_daily", STORED), b"PAR1 no more")
    assert look()[0] == (STORED, Standing.NEW, None)
    vendor.place.delete(vendor.place.file("stocks_daily", REPLACED))
    assert look()[2] == (REPLACED, Standing.NEW, None)
