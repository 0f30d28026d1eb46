"""What was kept, and what may be lost: rotten raw files, replaced and refused ones, a publish that fails."""

import datetime as dt
from pathlib import Path

import pytest

from polygon_assets.ingest import DayStatus, ParquetStore, ingest_days
from polygon_assets.ingest.verification import verify_store
from polygon_assets_tests.ingest.conftest import Vendor
from polygon_assets_tests.ingest.made import row, stamp, text
from polygon_assets_tests.ingest.test_pipeline import DAYS, Scripted, day_text

DAY = DAYS[0]


@pytest.fixture
async def kept(vendor: Vendor) -> Vendor:
    """A stored day, with its raw file."""
    vendor.put("stocks_daily", DAY, day_text(DAY))
    await vendor.ingest("stocks_daily", DAY, keep_raw=True)
    return vendor


def _raw(vendor: Vendor) -> list[str]:
    return sorted(vendor.files(f"{vendor.store.uri}/_raw/stocks_daily/date={DAY}"))


def _rot(vendor: Vendor) -> None:
    name = next(name for name in _raw(vendor) if name.endswith(".csv.gz"))
    path = Path(vendor.store.uri, "_raw", "stocks_daily", f"date={DAY}", name)
    _flip(path, 2)


def _flip(path: Path, part: int) -> None:
    """Flip a bit after one ``part`` of the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // part] ^= 1
    path.write_bytes(content)


async def test_a_kept_file_that_has_rotted_is_fetched_again_and_not_blamed_on_the_vendor(kept: Vendor) -> None:
    _rot(kept)
    kept.lose("stocks_daily", DAY)
    (result,) = await kept.ingest("stocks_daily", DAY)
    assert (result.status, result.rows) == (DayStatus.PUBLISHED, 2)
    assert kept.store.refused_etag("stocks_daily", DAY) is None


async def test_overwriting_heals_from_the_kept_file_what_lies_below_the_plans_floor(kept: Vendor) -> None:
    _flip(Path(kept.store.path("stocks_daily", DAY)), 4)
    assert not next(verify_store(kept.store, "stocks_daily")).whole
    (result,) = await ingest_days(
        "stocks_daily", [DAY], catalog=kept.catalog, downloader=Scripted({}), store=kept.store, overwrite=True
    )
    assert result.status is DayStatus.PUBLISHED
    assert next(verify_store(kept.store, "stocks_daily")).whole


async def test_rows_set_aside_outlive_a_refused_replacement(vendor: Vendor) -> None:
    tomorrow = stamp(day=dt.date(2024, 1, 3))
    rows = [row(f"T{number:04}", tomorrow if number == 7 else stamp()) for number in range(200)]
    vendor.put("stocks_daily", DAY, text(rows))
    await vendor.ingest("stocks_daily", DAY)
    vendor.put("stocks_daily", DAY, text([]))
    (result,) = await vendor.ingest("stocks_daily", DAY)
    assert result.status is DayStatus.REFUSED
    assert vendor.store.quarantine.rows("stocks_daily", DAY).num_rows == 1


async def test_a_publish_that_fails_leaves_the_raw_file_to_rebuild_from(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.put("stocks_daily", DAY, day_text(DAY))
    with monkeypatch.context() as broken:
        broken.setattr(ParquetStore, "publish", _full)
        (failed,) = await vendor.ingest("stocks_daily", DAY, keep_raw=True)
    assert failed.status is DayStatus.FAILED
    assert len(_raw(vendor)) == 2
    before = vendor.downloader.get_statistics()["total_downloads"]
    (result,) = await vendor.ingest("stocks_daily", DAY, keep_raw=True)
    assert result.status is DayStatus.PUBLISHED
    assert vendor.downloader.get_statistics()["total_downloads"] == before


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_folder_that_is_named_like_no_date_is_no_day(kept: Vendor) -> None:
    for name in ("date=20240104", "date=2024-13-01", "date="):
        folder = Path(kept.store.uri, "stocks_daily", name)
        folder.mkdir()
        (folder / "data.parquet").write_bytes(b"")
    assert kept.store.days("stocks_daily") == [DAY]


async def test_listing_a_store_on_s3_costs_listings_and_no_request_a_day(
    both: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in DAYS[:3]:
        both.put("stocks_daily", day, day_text(day))
    await both.ingest("stocks_daily", *DAYS[:3])
    monkeypatch.setattr(type(both.store._folder), "size", _full)
    assert both.store.days("stocks_daily") == list(DAYS[:3])
