"""A store and a Dagster home that version 0.1.0 made are read, recorded and continued.

The archive was made by that version's own commands: ``ingest`` of three days of each dataset with raw files kept, one
refused file, one day with rejected rows, one run through Dagster, and ``rollup``.
"""

import asyncio
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

import polygon_assets
from polygon_assets.datasets import DATASETS
from polygon_assets.download import AsyncS3Downloader
from polygon_assets.ingest import DayResult, ingest_days
from polygon_assets.orchestration.assets.recording import Recorder, record_stored
from polygon_assets.orchestration.partitions import partitions_of
from polygon_assets.reading.queries import connect, run
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.settings import load_settings
from polygon_assets.store.roll_ups import stale_years
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.platforms import SMALL, Platform, open_platform
from polygon_assets_tests.servers.seaweed import S3Server

ARCHIVE = Path(__file__).with_name("store_and_home_of_0_1_0.tar.xz")
DAYS = ["2026-11-04", "2026-11-05", "2026-11-06"]
NEXT_DAY = "2026-11-09"
STORED = dict.fromkeys(FOUR, DAYS) | {"stocks_minute": [*DAYS, NEXT_DAY]}


@dataclass
class Continued:
    """A platform that was moved here, on a bucket that has the files which it was made from."""

    platform: Platform

    def ingest(self, dataset: str, days: list[str]) -> list[DayResult]:
        server, platform = self.platform.server, self.platform

        async def work() -> list[DayResult]:
            async with AsyncS3Downloader(server.credentials, server.endpoint_url, max_retries=1) as downloader:
                return await ingest_days(
                    dataset, days, catalog=platform.catalog, downloader=downloader, store=platform.place.open()
                )

        return asyncio.run(work())


@pytest.fixture
def earlier(s3_server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Continued]:
    """What 0.1.0 left, unpacked."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian's Python 3.11.2 has none
        archive.extractall(tmp_path)  # noqa: S202 (our own)
    home = tmp_path / "home"
    shutil.move(home, tmp_path / "fresh")
    with open_platform(s3_server, bucket, tmp_path, tmp_path / "fresh", monkeypatch) as platform:
        for raw in (tmp_path / "store" / "_raw").glob("*/date=*/*.csv.gz"):
            platform.put(raw.parts[-3], raw.parts[-2].removeprefix("date="), raw.read_bytes())
        yield Continued(platform)


def test_its_days_are_listed_read_and_whole(earlier: Continued) -> None:
    store = earlier.platform.place.open()
    for dataset, days in STORED.items():
        assert store.days(dataset) == days
        assert all(verify_day(store, dataset, day).whole for day in days)
        assert not any(verify_day(store, dataset, day).outdated for day in days)
        assert polygon_assets.scan(dataset, store=store).count_rows() == sum(
            provenance.rows for day in days if (provenance := store.provenance(dataset, day))
        )
    with connect(store) as connection:
        counted = run(connection, "SELECT count(*) AS days FROM (SELECT DISTINCT date FROM options_daily)")
        assert counted.read_all().to_pylist() == [{"days": 3}]


def test_its_rejected_rows_and_its_refused_file_are_known(earlier: Continued) -> None:
    store = earlier.platform.place.open()
    (rejected,) = store.quarantined("stocks_minute")
    assert store.quarantine.rows(rejected).num_rows == 1
    (refused,) = store.quarantined("stocks_daily")
    assert refused.refused
    assert refused.day == NEXT_DAY
    assert "found ticker,price" in refused.cause


def test_its_days_are_unchanged_and_no_byte_is_fetched(earlier: Continued) -> None:
    for dataset in FOUR:
        results = earlier.ingest(dataset, DAYS)
        assert [result.status for result in results] == ["unchanged"] * 3
        assert all(result.download_seconds == 0 for result in results)


def test_it_goes_on_with_the_next_day(earlier: Continued) -> None:
    earlier.platform.put("options_daily", NEXT_DAY, flat_file(DATASETS["options_daily"], NEXT_DAY, SMALL))
    assert earlier.platform.run("options_daily", [NEXT_DAY]).success, earlier.platform.why()
    assert earlier.platform.place.open().days("options_daily") == [*DAYS, NEXT_DAY]
    assert earlier.platform.materialised("options_daily") == [*DAYS, NEXT_DAY]


def test_its_history_is_read_and_nothing_is_recorded_twice(earlier: Continued) -> None:
    platform, settings = earlier.platform, load_settings()
    store = platform.place.open()
    for name, dataset in FOUR.items():
        assert platform.materialised(name) == STORED[name]
        assert platform.checks(name)["readable", DAYS[0]]
        recorder = Recorder(platform.instance, dataset, store, partitions_of(dataset, settings))
        assert record_stored(recorder, dataset, store, on_day=lambda _day, _written: None) == 0
    (ranged,) = platform.instance.get_runs()
    assert ranged.status is dg.DagsterRunStatus.SUCCESS


def test_a_day_that_it_lost_is_made_and_recorded_anew(earlier: Continued) -> None:
    platform = earlier.platform
    Path(platform.place.file("stocks_daily", DAYS[1])).unlink()
    (result,) = earlier.ingest("stocks_daily", [DAYS[1]])
    assert result.status == "published"
    assert "2026" in {str(year) for year in stale_years(platform.place.open(), "stocks_daily")}
