"""The queue under the ``dagster.yaml`` of one machine, asked through the daemon's code: who goes first."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.subset import TimeWindowPartitionsSubset
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._serdes import serialize_value

from polygon_assets.orchestration.dagster_internals import with_own_closures
from polygon_assets.serving.home import local_configuration, prepare_home
from polygon_assets_tests.platforms import Platform


@pytest.fixture
def instance(fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance with the pool and the limits that `make dev` has."""
    home = tmp_path / "queue"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    shutil.copytree(fresh_home, home)
    shutil.copyfile(local_configuration(), home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(prepare_home(home))) as configured:
        yield configured


def _queue(instance: dg.DagsterInstance, platform: Platform, name: str, tags: Mapping[str, str]) -> None:
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    of_stocks = job.get_subset(asset_selection={dg.AssetKey("stocks_daily")})
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("polygon_assets"), "__repository__")
    instance.create_run_for_job(
        of_stocks,
        tags={"name": name, **tags},
        status=dg.DagsterRunStatus.QUEUED,
        remote_job_origin=RemoteJobOrigin(repository, of_stocks.name),
    )


def _next(instance: dg.DagsterInstance) -> list[str]:
    """The names of the runs that the daemon would start now, in its order."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    chosen = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), fixed_iteration_time=None)
    return [run.tags["name"] for run in chosen]


def test_a_new_day_overtakes_a_backfill_which_leaves_it_room(instance: dg.DagsterInstance, platform: Platform) -> None:
    for number in range(4):
        _queue(instance, platform, f"backfill {number}", {"dagster/backfill": "of years"})
    _queue(instance, platform, "older day", {"dagster/priority": "1"})
    _queue(instance, platform, "new day", {"dagster/priority": "10"})
    assert _next(instance) == ["new day", "older day", "backfill 0"]


def test_a_backfill_alone_leaves_a_place_in_the_pool(instance: dg.DagsterInstance, platform: Platform) -> None:
    for number in range(4):
        _queue(instance, platform, f"backfill {number}", {"dagster/backfill": "of years"})
    assert _next(instance) == ["backfill 0", "backfill 1"]


def test_the_pool_bounds_runs_on_the_vendors_bucket(instance: dg.DagsterInstance, platform: Platform) -> None:
    for number in range(5):
        _queue(instance, platform, f"run {number}", {})
    assert _next(instance) == ["run 0", "run 1", "run 2"]


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ({"dagster/partition": "2024-01-02"}, ["2024-01-02"]),
        (
            {"dagster/asset_partition_range_start": "2023-12-22", "dagster/asset_partition_range_end": "2024-01-03"},
            ["2023-12-22", "2023-12-26", "2023-12-27", "2023-12-28", "2023-12-29", "2024-01-02", "2024-01-03"],
        ),
    ],
)
def test_each_queued_run_once_held_all_holidays_since_2003(
    instance: dg.DagsterInstance, platform: Platform, tags: dict[str, str], days: list[str]
) -> None:
    _queue(instance, platform, "one", tags)
    (run,) = instance.get_runs()
    assert isinstance(run.partitions_subset, TimeWindowPartitionsSubset)
    assert list(run.partitions_subset.get_partition_keys()) == days
    assert run.partitions_subset.num_partitions == len(days)
    assert len(serialize_value(run)) < 2_500, "it was 24 KB"
    planned = [each for each in instance.all_logs(run.run_id) if each.dagster_event]
    assert {str(each.dagster_event_type).rpartition(".")[2] for each in planned} == {
        "ASSET_MATERIALIZATION_PLANNED",
        "ASSET_CHECK_EVALUATION_PLANNED",
    }
    assert max(len(serialize_value(each)) for each in planned) < 2_500, "each check's was 24 KB"


def test_partitions_without_closures_and_runs_without_partitions_are_stored_as_they_are() -> None:
    open_always = dg.DailyPartitionsDefinition("2024-01-01").subset_with_partition_keys(["2024-01-02"])
    run = dg.DagsterRun("job", partitions_subset=open_always)
    assert with_own_closures(run) is run
    assert with_own_closures(dg.DagsterRun("job")).partitions_subset is None
