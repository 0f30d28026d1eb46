"""The queue under the ``dagster.yaml`` of one machine, asked through the daemon's code: who goes first."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

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
