"""Recording: what is stored but unknown to the instance is reported from the footers, without the network."""

import asyncio

import dagster as dg
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import DayResult, DayStatus, ingest_days
from polygon_assets.orchestration.assets.recording import Recorder, record_stored
from polygon_assets.orchestration.dagster_internals import latest_failed
from polygon_assets.orchestration.lost_days import stored_and_lost
from polygon_assets.orchestration.partitions import partitions_of
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.settings import load_settings
from polygon_assets_tests.factories import under_rules
from polygon_assets_tests.orchestration.watching.ticks import Tick, asked, at
from polygon_assets_tests.platforms import SMALL, Made, Platform
from polygon_assets_tests.servers.seaweed import free_ports

DAYS = S3Catalog.get_business_days("2026-11-02", "2026-11-10")
pytestmark = pytest.mark.stores("disk", "s3")


@pytest.fixture
def lost(made: Made, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A platform with a filled store, whose history was lost and whose network is gone."""

    def make(platform: Platform) -> None:
        platform.publish("stocks_daily", DAYS)
        platform.run("stocks_daily", DAYS)
        platform.instance.wipe_assets([dg.AssetKey("stocks_daily")])

    platform = made("a lost history", make)
    assert platform.materialised("stocks_daily") == []
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    return platform


def _record(platform: Platform) -> tuple[int, list[tuple[str, bool]], str | None]:
    heard: list[tuple[str, bool]] = []
    store, row, settings = platform.place.open(), DATASETS["stocks_daily"], load_settings()
    recorder = Recorder(platform.instance, row, store, partitions_of(row, settings))
    reported = record_stored(recorder, row, store, on_day=lambda day, written: heard.append((day, written)))
    return reported, heard, recorder.remark


def test_a_lost_history_comes_back_from_the_footers(lost: Platform) -> None:
    assert _record(lost) == (len(DAYS), [(day, True) for day in DAYS], None)
    assert lost.materialised("stocks_daily") == DAYS
    metadata = lost.metadata("stocks_daily", DAYS[0])
    assert metadata["source_key"] == lost.catalog.get_key("stocks_daily", DAYS[0])
    assert metadata["dagster/partition_row_count"] > 0
    assert metadata["parquet_bytes"] > 0
    checks = lost.checks("stocks_daily")
    for day in DAYS:
        assert checks["readable", day]
        assert checks["plausible", day]
        assert checks["row_count", day]


def test_what_is_known_is_not_reported_twice(lost: Platform) -> None:
    _record(lost)
    assert _record(lost) == (0, [(day, False) for day in DAYS], None)


def test_a_damaged_file_does_not_stop_the_others(lost: Platform, caplog: pytest.LogCaptureFixture) -> None:
    lost.place.write(lost.place.file("stocks_daily", DAYS[1]), b"PAR1 rot PAR1")
    reported, *_ = _record(lost)
    assert reported == len(DAYS) - 1
    assert f"date={DAYS[1]}" in caplog.text


def test_a_day_that_was_replaced_elsewhere_is_reported_again(platform: Platform) -> None:
    """Dagster once went on showing the ETag of the file before, since the day was known to it."""
    platform.publish("stocks_daily", DAYS[:2])
    platform.run("stocks_daily", DAYS[:2])
    etag = platform.put("stocks_daily", DAYS[1], flat_file(DATASETS["stocks_daily"], DAYS[1], SMALL, seed=1))
    asyncio.run(_ingest_without_dagster(platform, DAYS[1]))
    assert platform.metadata("stocks_daily", DAYS[1])["source_etag"] != etag
    assert _record(platform) == (1, [(DAYS[0], False), (DAYS[1], True)], None)
    assert platform.metadata("stocks_daily", DAYS[1])["source_etag"] == etag


def test_a_day_made_anew_under_other_rules_is_reported_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("stocks_daily", DAYS[:1])
    platform.run("stocks_daily", DAYS[:1])
    under_rules(monkeypatch, "next")
    asyncio.run(_ingest_without_dagster(platform, DAYS[0]))
    assert _record(platform)[0] == 1
    assert platform.metadata("stocks_daily", DAYS[0])["schema_version"] == "next"


def test_a_file_that_the_vendor_takes_back_turns_the_check_green(platform: Platform) -> None:
    """``readable`` once stayed red for good, since the day itself had not changed."""
    platform.publish("stocks_daily", DAYS[:1])
    platform.run("stocks_daily", DAYS[:1])
    platform.put_broken("stocks_daily", DAYS[0])
    platform.run("stocks_daily", DAYS[:1])
    assert not platform.checks("stocks_daily")["readable", DAYS[0]]
    platform.publish("stocks_daily", DAYS[:1])
    result = asyncio.run(_ingest_without_dagster(platform, DAYS[0]))
    assert result.status is DayStatus.UNCHANGED
    row, store = DATASETS["stocks_daily"], platform.place.open()
    recorder = Recorder(platform.instance, row, store, partitions_of(row, load_settings()))
    readable = dg.AssetCheckKey(dg.AssetKey("stocks_daily"), "readable")
    assert latest_failed(platform.instance, readable, DAYS[0])
    assert recorder.record(result)
    assert not latest_failed(platform.instance, readable, DAYS[0])
    assert not recorder.record(result)


async def _ingest_without_dagster(platform: Platform, day: str) -> DayResult:
    settings = load_settings()
    async with AsyncS3Downloader(settings.credentials, settings.endpoint_url) as downloader:
        store = platform.place.open()
        (result,) = await ingest_days(
            "stocks_daily", [day], catalog=platform.catalog, downloader=downloader, store=store
        )
    return result


def test_a_day_outside_the_partitions_is_not_reported_as_one(lost: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[2])
    reported, _, remark = _record(lost)
    assert reported == len(DAYS) - 2
    assert lost.materialised("stocks_daily") == DAYS[2:]
    assert remark is not None
    assert f"2 days, {DAYS[0]} to {DAYS[1]}, are stored, and not shown in Dagster" in remark
    assert "POLYGON_HISTORY_START" in remark


def _lost(platform: Platform) -> list[str]:
    row, settings = DATASETS["stocks_daily"], load_settings()
    return Recorder(platform.instance, row, platform.place.open(), partitions_of(row, settings)).report_lost()


def test_days_removed_from_the_store_turn_red_and_are_asked_for_again(platform: Platform, tick: Tick) -> None:
    """Dagster once went on showing them green; nobody asked for those before the oldest that was left."""
    platform.publish("stocks_daily", DAYS)
    platform.run("stocks_daily", DAYS)
    for day in (DAYS[0], DAYS[3]):
        platform.place.delete(platform.place.file("stocks_daily", day))
    assert _lost(platform) == [DAYS[0], DAYS[3]]
    assert platform.materialised("stocks_daily") == DAYS
    readable = dg.AssetCheckKey(dg.AssetKey("stocks_daily"), "readable")
    assert [day for day in DAYS if latest_failed(platform.instance, readable, day)] == [DAYS[0], DAYS[3]]
    assert _lost(platform) == [DAYS[0], DAYS[3]]  # and nothing is written twice
    assert sorted(asked(tick("stocks_daily", at("2026-11-11T12:00")))) == [DAYS[0], DAYS[3]]
    platform.run("stocks_daily", DAYS)
    assert _lost(platform) == []
    assert not any(latest_failed(platform.instance, readable, day) for day in DAYS)


def test_days_of_another_store_are_not_lost(lost: Platform) -> None:
    """Their events name another place: POLYGON_STORE has changed, and that store may have them all."""
    _record(lost)
    key = dg.AssetKey("stocks_daily")
    elsewhere = {"dagster/uri": f"{lost.place.uri}-before/stocks_daily/date={DAYS[0]}/data.parquet"}
    lost.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=DAYS[0], metadata=elsewhere))
    for day in DAYS[:2]:
        lost.place.delete(lost.place.file("stocks_daily", day))
    assert _lost(lost) == [DAYS[1]]


def test_days_that_were_let_go_are_not_lost(lost: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    _record(lost)
    for day in DAYS[:2]:
        lost.place.delete(lost.place.file("stocks_daily", day))
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[1])
    assert _lost(lost) == [DAYS[1]]


def test_a_whole_store_of_lost_days_is_found(lost: Platform) -> None:
    """More than are asked for at once, each reported several times."""
    key = dg.AssetKey("stocks_daily")
    days = S3Catalog.get_business_days("2025-06-02", "2026-10-30")
    assert len(days) > 300
    store = lost.place.open()
    for day in [*days, *days[:50]]:
        metadata = {"dagster/uri": store.path("stocks_daily", day)}
        lost.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day, metadata=metadata))
    assert stored_and_lost(lost.instance, key, store, "stocks_daily") == (DAYS, days)
