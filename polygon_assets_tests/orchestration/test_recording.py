"""Recording: what is stored but unknown to the instance is reported from the footers, without the network."""

import dagster as dg
import pytest

from polygon_assets.download import S3Catalog
from polygon_assets.ingest import ParquetStore
from polygon_assets.orchestration.recording import record_stored
from polygon_assets_tests.orchestration.conftest import Platform
from polygon_assets_tests.servers.seaweed import free_ports

DAYS = S3Catalog.get_business_days("2026-11-02", "2026-11-10")


@pytest.fixture
def lost(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A platform with a filled store, whose history was lost and whose network is gone."""
    platform.publish("stocks_daily", DAYS)
    platform.run("stocks_daily", DAYS)
    platform.instance.wipe_assets([dg.AssetKey("stocks_daily")])
    assert platform.materialised("stocks_daily") == []
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    return platform


def _record(platform: Platform) -> tuple[int, list[tuple[str, bool]]]:
    heard: list[tuple[str, bool]] = []
    store = ParquetStore(str(platform.store))
    reported = record_stored(
        platform.instance, "stocks_daily", store, on_day=lambda day, written: heard.append((day, written))
    )
    return reported, heard


def test_a_lost_history_comes_back_from_the_footers(lost: Platform) -> None:
    assert _record(lost) == (len(DAYS), [(day, True) for day in DAYS])
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
    assert _record(lost) == (0, [(day, False) for day in DAYS])


def test_a_damaged_file_does_not_stop_the_others(lost: Platform, caplog: pytest.LogCaptureFixture) -> None:
    (lost.store / "stocks_daily" / f"date={DAYS[1]}" / "data.parquet").write_bytes(b"PAR1 rot PAR1")
    reported, _ = _record(lost)
    assert reported == len(DAYS) - 1
    assert f"date={DAYS[1]}" in caplog.text
