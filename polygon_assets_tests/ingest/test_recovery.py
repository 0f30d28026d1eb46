"""What was kept, and what may be lost: corrupt raw files, replaced and refused ones, a publish that fails."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.flatfile.limits import Limits
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore, ingest_days
from polygon_assets.store.quarantine import Quarantine, Stored
from polygon_assets_tests.factories import row, stamp, text, under_rules
from polygon_assets_tests.ingest.scripted import DAYS, Scripted, day_text
from polygon_assets_tests.vendor import Vendor, verified

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
    assert not verified(kept.store, "stocks_daily")[0].whole
    (result,) = await ingest_days(
        "stocks_daily", [DAY], catalog=kept.catalog, downloader=Scripted({}), store=kept.store, overwrite=True
    )
    assert result.status is DayStatus.PUBLISHED
    assert verified(kept.store, "stocks_daily")[0].whole


def with_foreign_rows(*foreign: int) -> bytes:
    """200 rows, of which those numbered ``foreign`` are the next day's."""
    tomorrow = stamp(day=dt.date(2024, 1, 3))
    return text([row(f"T{number:04}", tomorrow if number in foreign else stamp()) for number in range(200)])


def rejected_tickers(vendor: Vendor) -> list[str]:
    """Tickers of the rows that are rejected of the stored day."""
    stored = vendor.store.provenance("stocks_daily", DAY)
    entry = [each for each in vendor.store.quarantined("stocks_daily") if not each.refused]
    (ours,) = [each for each in entry if stored and each.source.etag == stored.source_etag]
    return [str(ticker) for ticker in vendor.store.quarantine.rows(ours).column("ticker").to_pylist()]


async def test_rejected_rows_outlive_a_refused_replacement(both: Vendor) -> None:
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    await both.ingest("stocks_daily", DAY)
    both.put("stocks_daily", DAY, text([]))
    (result,) = await both.ingest("stocks_daily", DAY)
    assert result.status is DayStatus.REFUSED
    assert result.rows == result.symbols == 199, "the older version is still stored"
    assert rejected_tickers(both) == ["T0007"]


async def test_rejected_rows_outlive_a_replacement_whose_publish_fails(
    both: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of version B once took the place of those of version A, which was still the stored one."""
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    await both.ingest("stocks_daily", DAY)
    both.put("stocks_daily", DAY, with_foreign_rows(8, 9))
    with monkeypatch.context() as broken:
        broken.setattr(ParquetStore, "publish", _full)
        (failed,) = await both.ingest("stocks_daily", DAY)
    assert (failed.status, failed.rows) == (DayStatus.FAILED, 199)
    assert rejected_tickers(both) == ["T0007"]
    (healed,) = await both.ingest("stocks_daily", DAY)
    assert (healed.status, healed.rows) == (DayStatus.PUBLISHED, 198)
    assert rejected_tickers(both) == ["T0008", "T0009"]
    assert len(both.store.quarantined("stocks_daily")) == 1


async def test_a_day_is_not_published_before_its_rejected_rows_are_kept(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.put("stocks_daily", DAY, with_foreign_rows(7))
    with monkeypatch.context() as broken:
        broken.setattr(Quarantine, "keep_rows", _full)
        (failed,) = await vendor.ingest("stocks_daily", DAY)
    assert failed.status is DayStatus.FAILED
    assert vendor.store.days("stocks_daily") == []


async def test_a_refused_file_that_the_vendor_takes_back_leaves_no_trace(both: Vendor) -> None:
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    await both.ingest("stocks_daily", DAY)
    both.put("stocks_daily", DAY, text([]))
    await both.ingest("stocks_daily", DAY)
    assert [each.refused for each in both.store.quarantined("stocks_daily")].count(True) == 1
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    (result,) = await both.ingest("stocks_daily", DAY)
    assert (result.status, result.rows) == (DayStatus.UNCHANGED, 199)
    assert [each.refused for each in both.store.quarantined("stocks_daily")] == [False]
    assert rejected_tickers(both) == ["T0007"]


async def test_only_the_latest_refused_file_is_kept(both: Vendor) -> None:
    for broken in ([], [row("A", "x")]):
        etag = both.put("stocks_daily", DAY, text(broken))
        await both.ingest("stocks_daily", DAY)
    (entry,) = both.store.quarantined("stocks_daily")
    assert entry.source.etag == etag
    assert both.files(entry.uri) == [f"{entry.version}.csv.gz", f"{entry.version}.refused.json"]


@pytest.fixture
async def refused_under_other_rules(both: Vendor, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    """A day whose file was refused by rules that have been changed since, and that the plan no longer reaches."""
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    (refused,) = await both.ingest("stocks_daily", DAY, limits=Limits(max_rejected_share=0.0))
    assert refused.status is DayStatus.REFUSED
    under_rules(monkeypatch)
    return both


async def _offline(vendor: Vendor, **options: Any) -> DayResult:
    (result,) = await ingest_days(
        "stocks_daily", [DAY], catalog=vendor.catalog, downloader=Scripted({}), store=vendor.store, **options
    )
    return result


async def test_new_rules_judge_a_refused_file_again_where_the_vendor_refuses_it(
    refused_under_other_rules: Vendor,
) -> None:
    vendor = refused_under_other_rules
    result = await _offline(vendor, keep_raw=True)
    assert (result.status, result.rows) == (DayStatus.PUBLISHED, 199)
    assert rejected_tickers(vendor) == ["T0007"]
    raw = vendor.store.raw_files.source("stocks_daily", DAY)
    assert raw is not None
    assert raw.etag == result.source_etag


async def test_new_rules_judge_a_refused_file_again_without_fetching_it(refused_under_other_rules: Vendor) -> None:
    vendor = refused_under_other_rules
    before = vendor.downloader.get_statistics()["total_downloads"]
    (result,) = await vendor.ingest("stocks_daily", DAY)
    assert result.status is DayStatus.PUBLISHED
    assert vendor.downloader.get_statistics()["total_downloads"] == before


async def test_a_file_that_new_rules_refuse_as_well_stays_refused(refused_under_other_rules: Vendor) -> None:
    vendor = refused_under_other_rules
    strict = Limits(max_rejected_share=0.0)
    assert (await _offline(vendor, limits=strict)).status is DayStatus.REFUSED
    (entry,) = vendor.store.quarantined("stocks_daily")
    assert entry.is_current
    assert vendor.store.quarantine.has_source(entry)
    (again,) = await vendor.ingest("stocks_daily", DAY)
    assert "refused before" in str(again.error)


async def test_raw_files_wanted_later_are_fetched_for_stored_days(both: Vendor) -> None:
    """Whoever turned POLYGON_KEEP_RAW on after a backfill once kept nothing of it."""
    etag = both.put("stocks_daily", DAY, day_text(DAY))
    await both.ingest("stocks_daily", DAY)
    before = both.stored_bytes("stocks_daily", DAY)
    (result,) = await both.ingest("stocks_daily", DAY, keep_raw=True)
    raw = both.store.raw_files.source("stocks_daily", DAY)
    assert raw is not None
    assert (result.status, result.rows, raw.etag) == (DayStatus.UNCHANGED, 2, etag)
    assert both.stored_bytes("stocks_daily", DAY) == before
    downloads = both.downloader.get_statistics()["total_downloads"]
    await both.ingest("stocks_daily", DAY, keep_raw=True)
    assert both.downloader.get_statistics()["total_downloads"] == downloads


def test_a_raw_file_that_was_cut_is_none(kept: Vendor) -> None:
    name = next(name for name in _raw(kept) if name.endswith(".csv.gz"))
    path = Path(kept.store.uri, "_raw", "stocks_daily", f"date={DAY}", name)
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.store.raw_files.source("stocks_daily", DAY) is None


async def test_a_raw_file_that_has_rotted_is_kept_anew(kept: Vendor) -> None:
    _rot(kept)
    kept.lose("stocks_daily", DAY)
    await kept.ingest("stocks_daily", DAY, keep_raw=True)
    kept.lose("stocks_daily", DAY)
    assert (await _offline(kept)).status is DayStatus.PUBLISHED


async def test_a_rotten_day_and_a_rotten_raw_file_out_of_reach_are_said_to_be(kept: Vendor) -> None:
    _rot(kept)
    kept.lose("stocks_daily", DAY)
    assert (await _offline(kept)).status is DayStatus.NOT_ENTITLED


async def test_a_stored_day_that_the_vendor_no_longer_has_stays_with_a_warning(both: Vendor) -> None:
    both.put("stocks_daily", DAY, day_text(DAY))
    await both.ingest("stocks_daily", DAY)
    both.withdraw("stocks_daily", DAY)
    (result,) = await both.ingest("stocks_daily", DAY)
    assert (result.status, result.rows) == (DayStatus.UNCHANGED, 2)
    assert result.warning is not None
    assert "out of reach now" in result.warning


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


@pytest.mark.parametrize("overwrite", [False, True])
async def test_an_older_raw_file_never_takes_a_newer_days_place(
    both: Vendor, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    """It once did, where raw files were kept of the older version only, without asking the vendor."""
    both.put("stocks_daily", DAY, day_text(DAY))
    await both.ingest("stocks_daily", DAY, keep_raw=True)
    await asyncio.sleep(1)  # last-modified has whole seconds
    newer = both.put("stocks_daily", DAY, day_text(DAY, "NEW"))
    await both.ingest("stocks_daily", DAY)
    under_rules(monkeypatch)
    result = await _offline(both, overwrite=overwrite)
    assert result.status is (DayStatus.FAILED if overwrite else DayStatus.UNCHANGED)
    stored = both.store.provenance("stocks_daily", DAY)
    assert stored is not None
    assert stored.source_etag == newer


async def test_a_stored_day_that_stricter_limits_refuse_keeps_its_rejected_rows(both: Vendor) -> None:
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    await both.ingest("stocks_daily", DAY)
    strict = Limits(max_rejected_share=0.0)
    (refused,) = await both.ingest("stocks_daily", DAY, overwrite=True, limits=strict)
    assert refused.status is DayStatus.REFUSED
    (again,) = await both.ingest("stocks_daily", DAY)
    assert again.status is DayStatus.UNCHANGED
    assert rejected_tickers(both) == ["T0007"]
    assert verified(both.store, "stocks_daily")[0].whole


async def test_a_raw_file_that_new_rules_refuse_is_not_fetched_at_every_run(
    both: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    await both.ingest("stocks_daily", DAY, keep_raw=True)
    under_rules(monkeypatch)
    before = both.downloader.get_statistics()["total_downloads"]
    strict = Limits(max_rejected_share=0.0)
    statuses = [(await both.ingest("stocks_daily", DAY, limits=strict))[0].status for _ in range(3)]
    assert statuses == [DayStatus.REFUSED] * 3
    assert both.downloader.get_statistics()["total_downloads"] == before


async def test_a_rotten_quarantined_file_is_not_blamed_on_the_vendor(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.put("stocks_daily", DAY, with_foreign_rows(7))
    await vendor.ingest("stocks_daily", DAY, limits=Limits(max_rejected_share=0.0))
    (entry,) = vendor.store.quarantined("stocks_daily")
    _flip(Path(entry.uri, f"{entry.version}.csv.gz"), 2)
    under_rules(monkeypatch)
    assert (await _offline(vendor)).status is DayStatus.NOT_ENTITLED
    (result,) = await vendor.ingest("stocks_daily", DAY)
    assert (result.status, result.rows) == (DayStatus.PUBLISHED, 199)


async def test_rows_that_another_process_took_for_leftovers_are_kept_again(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two versions of a day, published at the same time: the other one's end swept these rows away."""
    vendor.put("stocks_daily", DAY, with_foreign_rows(7))
    publish = ParquetStore.publish

    def publish_after_the_other(store: ParquetStore, staged: Path, dataset: str, day: str) -> None:
        store.quarantine.settle(dataset, day, Stored("another", "3"), latest=True)
        publish(store, staged, dataset, day)

    monkeypatch.setattr(ParquetStore, "publish", publish_after_the_other)
    await vendor.ingest("stocks_daily", DAY)
    assert rejected_tickers(vendor) == ["T0007"]


async def test_rows_that_somebody_deleted_are_missed_by_verify(both: Vendor) -> None:
    both.put("stocks_daily", DAY, with_foreign_rows(7))
    await both.ingest("stocks_daily", DAY)
    assert verified(both.store, "stocks_daily")[0].whole
    both.store.quarantine.settle("stocks_daily", DAY, Stored("another", "3"), latest=True)
    (problem,) = verified(both.store, "stocks_daily")[0].problems
    assert problem == "1 rejected row is not in quarantine"
