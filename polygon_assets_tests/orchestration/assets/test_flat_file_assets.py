"""Assets: what a ranged run leaves behind, on a real S3 server and a real instance."""

import dagster as dg
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.ingest import Patience
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.platforms import QUIET, Platform
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import origin

DAYS = S3Catalog.get_business_days("2026-11-02", "2026-11-06")
STATISTICS = {"total_downloads", "successful_downloads", "failed_downloads", "total_retries", "success_rate"}
pytestmark = pytest.mark.stores("disk", "s3")


def _failure(result: dg.ExecuteInProcessResult) -> str:
    events = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    error = events[0].step_failure_data.error
    assert error is not None
    return error.message


@pytest.mark.parametrize("dataset", FOUR)
def test_a_good_range_materialises_every_day(platform: Platform, dataset: str) -> None:
    platform.publish(dataset, DAYS)
    assert platform.run(dataset, DAYS).success, platform.why()
    assert platform.materialised(dataset) == DAYS
    assert platform.place.files() == [f"{dataset}/date={day}/data.parquet" for day in DAYS]


def test_each_partition_has_metadata_of_its_own(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS)
    platform.run("stocks_daily", DAYS)
    for day in DAYS:
        metadata = platform.metadata("stocks_daily", day)
        assert metadata["dagster/partition_row_count"] > 0
        assert metadata["symbols"] > 0
        assert metadata["source_key"] == platform.catalog.get_key("stocks_daily", day)
        assert f"date={day}" in metadata["dagster/uri"]
        head = platform.server.client().head_object(Bucket=platform.bucket, Key=metadata["source_key"])
        assert metadata["source_etag"] == head["ETag"].strip('"')
        assert metadata["source_bytes"] == head["ContentLength"]
        assert metadata["parquet_bytes"] > 0
        assert metadata["retries"] == 0
        assert metadata["download_seconds"] > 0
        assert metadata["convert_seconds"] > 0


def test_the_runs_statistics_are_said_to_be_the_runs(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS)
    result = platform.run("stocks_daily", DAYS)
    metadata = platform.metadata("stocks_daily", DAYS[0])
    assert metadata.keys() >= STATISTICS
    assert metadata["total_downloads"] == metadata["successful_downloads"] == len(DAYS)
    assert result.run_id in metadata["download_statistics_of"]


def test_days_not_published_yet_stay_missing_and_the_run_succeeds(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS[:-1])
    assert platform.run("stocks_daily", DAYS).success
    assert platform.materialised("stocks_daily") == DAYS[:-1]
    assert platform.metadata("stocks_daily", DAYS[0])["symbols"] > 0


def test_failed_days_are_named_and_the_good_ones_materialised(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS[:1] + DAYS[2:])
    platform.put_broken("stocks_daily", DAYS[1])
    result = platform.run("stocks_daily", DAYS)
    assert not result.success
    assert platform.materialised("stocks_daily") == DAYS[:1] + DAYS[2:]
    message = _failure(result)
    assert DAYS[1] in message
    assert "expected the columns ticker,volume,open,close,high,low,window_start,transactions" in message
    assert "found ticker,price" in message
    assert len(platform.place.files("stocks_daily")) == len(DAYS) - 1


def test_within_one_failed_run_good_bad_and_unpublished_days_are_told_apart(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS[:1] + DAYS[2:4])
    platform.put_broken("stocks_daily", DAYS[1])
    assert not platform.run("stocks_daily", DAYS).success
    assert platform.partition_statuses("stocks_daily") == (DAYS[:1] + DAYS[2:4], [DAYS[1]])


def test_a_holiday_as_partition_key_is_refused(platform: Platform) -> None:
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    of_stocks = job.get_subset(asset_selection={dg.AssetKey("stocks_daily")})
    with pytest.raises(dg.DagsterUnknownPartitionError, match="2024-01-01"):
        of_stocks.execute_in_process(instance=platform.instance, partition_key="2024-01-01", run_config=QUIET)
    by_tag = of_stocks.execute_in_process(
        instance=platform.instance, tags={"dagster/partition": "2024-01-01"}, run_config=QUIET, raise_on_error=False
    )
    assert not by_tag.success
    assert "2024-01-01 is not a trading day of XNYS" in platform.why()
    assert platform.materialised("stocks_daily") == []


def test_a_second_run_downloads_nothing(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS)
    platform.run("stocks_daily", DAYS)
    assert platform.run("stocks_daily", DAYS).success
    metadata = platform.metadata("stocks_daily", DAYS[0])
    assert metadata["status"] == "unchanged"
    assert metadata["total_downloads"] == 0


def test_checks_are_recorded_for_each_partition_of_a_ranged_run(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS[1:])
    platform.put_broken("stocks_daily", DAYS[0])
    platform.run("stocks_daily", DAYS)
    checks = platform.checks("stocks_daily")
    assert checks["readable", DAYS[0]] is False
    assert ("plausible", DAYS[0]) not in checks
    for day in DAYS[1:]:
        assert checks["readable", day] is True
        assert checks["plausible", day] is True


def test_without_credentials_the_first_request_says_what_to_set(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYGON_ACCESS_KEY_ID")
    platform.publish("stocks_daily", DAYS[:1])
    result = platform.run("stocks_daily", DAYS[:1])
    assert not result.success
    events = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "POLYGON_ACCESS_KEY_ID" in str(events[0].event_specific_data)


def _specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


@pytest.mark.parametrize("dataset", FOUR)
def test_every_definition_says_what_it_is(platform: Platform, dataset: str) -> None:
    specs = _specs(platform.definitions())
    spec = specs[dataset]
    assert "not adjusted" in str(spec.description)
    assert spec.kinds - {"s3"} == {"parquet", "python"}
    assert spec.owners == ["team:market-data"]
    assert spec.group_name == "market_data"
    assert [dep.asset_key.to_user_string() for dep in spec.deps] == [f"flat_files/{dataset}"]
    schema = spec.metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == [each.name for each in DATASETS[dataset].stored_columns]
    assert all(column.description for column in schema.columns)
    source = specs[f"flat_files/{dataset}"]
    assert source.owners
    assert source.description


def test_runs_are_sized_by_the_table(platform: Platform) -> None:
    graph = platform.definitions().resolve_asset_graph()
    for name, row in FOUR.items():
        policy = graph.get(dg.AssetKey(name)).backfill_policy
        assert policy is not None
        assert policy.max_partitions_per_run == row.days_per_run


@pytest.mark.stores("disk")
def test_an_outage_ends_the_run_early_and_leaves_its_days_missing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of a hundred days asked for each of them six times."""
    quick = Patience(first_pause=0.001, longest_pause=0.001)
    monkeypatch.setattr("polygon_assets.ingest.pipeline.DEFAULT_PATIENCE", quick)
    monkeypatch.setenv("POLYGON_MAX_RETRIES", "0")
    monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
    days = S3Catalog.get_business_days("2026-07-01", "2026-10-30")
    with origin() as bucket:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", bucket.endpoint_url)
        for day in days:
            bucket.store(platform.catalog.get_stocks_daily_key(day), b"", always=faults.status(503, "SlowDown"))
        result = platform.run("stocks_daily", days)
        asked = [each for each in bucket.seen if each.method == "GET" and not each.query]
    assert not result.success
    assert platform.materialised("stocks_daily") == []
    assert 8 <= len(asked) < 30
    assert "the 8 days before it failed in a row, for one reason" in _failure(result)
