"""Runs that were killed, and ticks of the future: what the next start mends."""

import datetime as dt
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.test_utils import freeze_time
from dagster._daemon.sensor import get_elapsed

from polygon_assets.download import S3Catalog
from polygon_assets.serving.recovery import end_orphans, forget_ticks_of_the_future
from polygon_assets_tests.platforms import Platform, platform_of_a_user
from polygon_assets_tests.servers.dagster_site import dagster_site, wait_until
from polygon_assets_tests.servers.seaweed import S3Server

DAYS = S3Catalog.get_business_days("2026-11-02", "2026-11-04")
_SECONDS = 120


@pytest.fixture
def served(
    s3_server: S3Server, tmp_path: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    """As a user has it."""
    with platform_of_a_user(s3_server, tmp_path, fresh_home, monkeypatch) as platform:
        yield platform


def _kill_everything_on(home: Path) -> int:
    """Kill -9 of every process that has ``home`` in its environment, this one aside; how many there were."""
    killed, sign = 0, f"DAGSTER_HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(folder.name) != os.getpid() and sign in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
                killed += 1
    return killed


def _statuses(platform: Platform) -> list[dg.DagsterRunStatus]:
    return [run.status for run in platform.instance.get_runs()]


@pytest.mark.slow
def test_after_kill_9_of_everything_the_next_start_goes_on(served: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ingested for 150 s, and by the configuration for up to an hour: dead runs held the queue."""
    home = Path(os.environ["DAGSTER_HOME"])
    served.publish("stocks_daily", DAYS)
    healthy = os.environ["POLYGON_ENDPOINT_URL"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with dagster_site(home) as site:
            backfill = site.backfill(["stocks_daily"], DAYS)
            started = [dg.DagsterRunStatus.STARTED]
            wait_until("a run that waits for the bucket", lambda: _statuses(served) == started, _SECONDS)
            assert end_orphans(served.instance) == []  # its process lives
            assert _kill_everything_on(home) >= 4
    assert _statuses(served) == started
    ended: list[str] = []

    def mended() -> bool:  # a killed process holds its locks until the kernel has taken it down
        ended.extend(end_orphans(served.instance))
        return bool(ended)

    wait_until("the run's end", mended, _SECONDS)
    (dead,) = ended
    assert _statuses(served) == [dg.DagsterRunStatus.FAILURE]
    assert end_orphans(served.instance) == []
    assert not list(home.rglob(f".{dead}.lock"))
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", healthy)
    with dagster_site(home) as site:
        site.wait_for_backfill(backfill)
    assert served.materialised("stocks_daily") == DAYS


@pytest.mark.parametrize(
    ("status", "ends_as"),
    [
        (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED),
        (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.NOT_STARTED),
    ],
)
def test_a_run_is_ended_where_neither_its_process_nor_its_code_server_is_there(
    served: Platform, tmp_path: Path, status: dg.DagsterRunStatus, ends_as: dg.DagsterRunStatus
) -> None:
    job = served.definitions().resolve_implicit_global_asset_job_def()
    tags = {".dagster/grpc_info": f'{{"host": "localhost", "socket": "{tmp_path}/gone"}}'}
    served.instance.create_run_for_job(job, tags=tags, status=status)
    end_orphans(served.instance)
    assert _statuses(served) == [ends_as]


def test_a_run_whose_code_server_answers_is_left(served: Platform) -> None:
    job = served.definitions().resolve_implicit_global_asset_job_def()
    with socket.create_server(("127.0.0.1", 0)) as server:
        tags = {".dagster/grpc_info": f'{{"host": "127.0.0.1", "port": {server.getsockname()[1]}}}'}
        served.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTING)
        assert end_orphans(served.instance) == []


def test_a_run_of_a_process_that_no_code_server_started_is_left(served: Platform) -> None:
    job = served.definitions().resolve_implicit_global_asset_job_def()
    served.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert end_orphans(served.instance) == []


NOW = dt.datetime(2026, 11, 9, 17, tzinfo=dt.UTC)


@pytest.mark.parametrize(("minutes", "forgotten"), [(-1, []), (0, []), (1, ["ahead"]), (600_000, ["ahead"])])
def test_a_sensor_whose_last_tick_lies_in_the_future_ticks_again(
    platform: Platform, minutes: int, forgotten: list[str]
) -> None:
    """Dagster's daemon waited until the clock had caught up, which may take years."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("polygon_assets"), "__repository__")
    last = (NOW + dt.timedelta(minutes=minutes)).timestamp()
    data = SensorInstigatorData(
        last_tick_timestamp=last, last_tick_start_timestamp=last, min_interval=600, cursor="kept"
    )
    origin = RemoteInstigatorOrigin(repository, "ahead")
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    platform.instance.add_instigator_state(state)
    assert forget_ticks_of_the_future(platform.instance, NOW) == forgotten
    (stored,) = platform.instance.all_instigator_state()
    assert isinstance(stored.instigator_data, SensorInstigatorData)
    assert stored.instigator_data.cursor == "kept"
    with freeze_time(NOW):
        assert get_elapsed(stored) == (None if forgotten else -60 * minutes)
