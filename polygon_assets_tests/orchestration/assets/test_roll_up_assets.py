"""Years of daily bars as assets: what they are made from, and when they are made anew."""

import datetime as dt
from typing import Any

import dagster as dg
import pytest

import polygon_assets
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.orchestration.watching.new_day_sensors import Clock, sensor_name, utc_now
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.platforms import QUIET, Made, Platform

DAYS = ["2023-12-28", "2023-12-29", "2024-01-02", "2024-01-03"]
KEY = dg.AssetKey("stocks_daily_by_year")
pytestmark = pytest.mark.stores("disk", "s3")


def roll_up(platform: Platform, year: str) -> bool:
    """Materialise a year."""
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={KEY})
    done = job.execute_in_process(
        instance=platform.instance, run_config=QUIET, partition_key=year, raise_on_error=False
    )
    return done.success


def tick(platform: Platform, clock: Clock = utc_now) -> Any:
    definitions = platform.definitions(clock)
    sensor = definitions.resolve_sensor_def("roll_up_stocks_daily")
    repository, resources = definitions.get_repository_def(), dict(definitions.resources or {})
    with dg.build_sensor_context(instance=platform.instance, repository_def=repository, resources=resources) as context:
        return sensor.evaluate_tick(context)


def asked_for(platform: Platform) -> list[str]:
    return [request.partition_key for request in tick(platform).run_requests]


@pytest.fixture
def stored(made: Made) -> ParquetStore:
    def make(platform: Platform) -> None:
        platform.publish("stocks_daily", DAYS)
        assert platform.run("stocks_daily", DAYS).success, platform.why()

    return made("days of two years", make).place.open()


def test_every_daily_data_type_has_its_years(platform: Platform) -> None:
    definitions = platform.definitions()
    keys = {node.key for node in definitions.resolve_asset_graph().asset_nodes}
    of_years = {key.to_user_string() for key in keys if key.to_user_string().endswith("_by_year")}
    assert of_years == {f"{row.name}_by_year" for row in FOUR.values() if row.rolled_up_by_year}
    years = definitions.resolve_asset_graph().get(KEY).partitions_def
    assert years is not None
    assert years.get_partition_keys()[0] == "2003"
    assert definitions.resolve_sensor_def("roll_up_options_daily")


def test_a_year_is_made_from_its_own_days(platform: Platform, stored: ParquetStore) -> None:
    assert roll_up(platform, "2024"), platform.why()
    metadata = platform.metadata(KEY.to_user_string(), "2024")
    assert metadata["days"] == 2
    assert metadata["dagster/partition_row_count"] == stored.scan("stocks_daily", "2024-01-01").count_rows()
    assert metadata["dagster/uri"] == f"{stored.uri}/_by_year/stocks_daily/year=2024/data.parquet"
    assert metadata["parquet_bytes"] == len(platform.place.read(metadata["dagster/uri"]))


def test_scan_reads_tickers_from_the_years(platform: Platform, stored: ParquetStore) -> None:
    def closes() -> list[tuple[str, float]]:
        found = polygon_assets.scan("stocks_daily", tickers="AAPL", store=stored).to_table(columns=["date", "close"])
        return sorted((str(each["date"]), each["close"]) for each in found.to_pylist())

    of_days = closes()
    assert [day for day, _ in of_days] == DAYS
    assert roll_up(platform, "2023")
    assert closes() == of_days


def test_a_day_belongs_to_its_year_and_to_no_other(platform: Platform) -> None:
    graph = platform.definitions().resolve_asset_graph()
    days, years = graph.get(dg.AssetKey("stocks_daily")).partitions_def, graph.get(KEY).partitions_def
    mapping = graph.get_partition_mapping(KEY, dg.AssetKey("stocks_daily"))
    assert days is not None
    assert years is not None
    for day in ("2003-09-10", "2023-12-29", "2024-01-02", "2024-12-31", "2025-01-02"):
        downstream = mapping.get_downstream_partitions_for_partitions(
            days.subset_with_partition_keys([day]), days, years
        )
        assert list(downstream.get_partition_keys()) == [day[:4]]
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
        years.subset_with_partition_keys(["2024"]), years, days
    )
    found = sorted(upstream.partitions_subset.get_partition_keys())
    assert found == ["2023-12-29", *(day for day in days.get_partition_keys() if day.startswith("2024"))]


@pytest.mark.usefixtures("stored")
def test_years_with_new_days_are_asked_for_and_no_others(platform: Platform) -> None:
    assert asked_for(platform) == ["2023", "2024"]
    assert all(roll_up(platform, year) for year in ("2023", "2024"))
    assert "holds what its days hold" in tick(platform).skip_message
    platform.publish("stocks_daily", [DAYS[2]], seed=1)
    assert platform.run("stocks_daily", [DAYS[2]]).success
    assert asked_for(platform) == ["2024"]


def test_days_that_were_stored_without_dagster_count(platform: Platform, stored: ParquetStore) -> None:
    """The sensor once asked Dagster's history, and the reader the store: years stayed behind for ever."""
    assert all(roll_up(platform, year) for year in ("2023", "2024"))
    with stored.staging() as staging:
        (staging / "other").write_bytes(platform.place.read(platform.place.file("stocks_daily", DAYS[3])))
        stored.publish(staging / "other", "stocks_daily", DAYS[2])
    assert asked_for(platform) == ["2024"]


def test_years_before_the_first_partition_are_left_out(
    platform: Platform, stored: ParquetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them ended every tick, and no year was asked for any more."""
    monkeypatch.setenv("POLYGON_HISTORY_START", "2024-01-02")
    assert stored.days("stocks_daily")[0] < "2024"
    assert asked_for(platform) == ["2024"]


@pytest.mark.usefixtures("stored")
def test_a_year_that_cannot_be_made_is_asked_for_once_a_day(platform: Platform) -> None:
    """Dagster starts no second run of one key."""

    def keys(day: int) -> list[str]:
        return [
            request.run_key for request in tick(platform, lambda: dt.datetime(2024, 2, day, tzinfo=dt.UTC)).run_requests
        ]

    first, second = keys(1), keys(2)
    assert first == keys(1)
    assert len({*first, *second}) == 4
    platform.publish("stocks_daily", [DAYS[2]], seed=1)
    assert platform.run("stocks_daily", [DAYS[2]]).success
    assert len({*first, *keys(1)}) == 3


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("asked_by", ["a person", "a sensor"])
def test_years_wait_for_the_days_that_are_on_their_way(platform: Platform, asked_by: str) -> None:
    """What a sensor asks for names no assets."""
    key = dg.AssetKey("stocks_daily")
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    by_person = {"asset_selection": frozenset({key})}
    by_sensor = {"tags": {"dagster/sensor_name": sensor_name(DATASETS["stocks_daily"])}}
    named: Any = by_person if asked_by == "a person" else by_sensor
    more = platform.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, **named)
    assert "More days of stocks_daily are on their way; then: 2023, 2024." in tick(platform).skip_message
    platform.instance.report_run_canceled(more)
    platform.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={"dagster/sensor_name": "another"}
    )
    assert asked_for(platform) == ["2023", "2024"]


def test_one_year_is_made_at_a_time(platform: Platform) -> None:
    """Whoever asks: a year of options takes 1.4 GB."""
    limits = {pool.name: pool.limit for pool in platform.instance.event_log_storage.get_pool_limits()}
    node = platform.definitions().resolve_asset_graph().get(KEY)
    assert [limits[pool] for pool in node.pools or ()] == [1]


def test_a_year_without_days_fails_with_the_remedy(platform: Platform) -> None:
    assert not roll_up(platform, "2022")
    assert "No day of 2022 is stored for stocks_daily; ingest it first" in platform.why()
