"""A cluster under load and under faults: nothing is lost, nothing is fetched for nothing, and all is as on one machine.

The tests are one story, told in order on one cluster.
"""

import asyncio
import datetime as dt
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.download import AsyncS3Downloader
from polygon_assets.ingest import ParquetStore, ingest_days
from polygon_assets_tests.cluster.platform import Platform
from polygon_assets_tests.cluster.programs import wait_for
from polygon_assets_tests.cluster.vendor import CATALOG, Objects

SESSIONS = [day.isoformat() for day in trading_calendar().between(dt.date(2024, 1, 2), dt.date(2024, 12, 31))]
PLAN = {
    "stocks_daily": SESSIONS[:120],
    "stocks_minute": SESSIONS[:10],
    "options_daily": SESSIONS[:30],
    "options_minute": SESSIONS[:30],
}
KILLED = ("options_daily", SESSIONS[:30])
REDIS_GONE = ("options_minute", SESSIONS[:10])
QUEUED_MEANWHILE = ("options_minute", SESSIONS[10:15])
POSTGRESQL_GONE = ("options_minute", SESSIONS[15:25])
STORE_GONE = ("options_minute", SESSIONS[25:30])

pytestmark = pytest.mark.usefixtures("published")


@pytest.fixture(scope="module")
def published(s3: Objects) -> None:
    """Everything that the story fetches."""
    for dataset, days in PLAN.items():
        s3.publish(dataset, days)


@pytest.fixture
def held(s3: Objects) -> Iterator[Objects]:
    """The objects; what a test holds back is released at its end, also after a failure."""
    yield s3
    s3.vendor.release()


def wait_until_held(cluster: Platform, s3: Objects, run: str) -> str:
    """Wait until ``run`` waits for the vendor in the middle of its work; the worker that has it."""

    def holders() -> list[str]:
        return [name for name, runs in cluster.held_by().items() if run in runs]

    wait_for(f"run {run} in its middle", lambda: s3.vendor.is_holding and bool(holders()), 90)
    return holders()[0]


def fetched(s3: Objects, dataset: str, days: Sequence[str]) -> list[int]:
    return [s3.fetched(dataset, day) for day in days]


def test_a_backfill_is_spread_over_both_workers(cluster: Platform, held: Objects) -> None:
    held.vendor.hold()
    backfills = [cluster.backfill(dataset, PLAN[dataset]) for dataset in ("stocks_daily", "stocks_minute")]

    def busy() -> list[str]:
        return [run for runs in cluster.held_by().values() for run in runs]

    wait_for("three runs at once", lambda: len(busy()) == 3, 120)
    assert all(cluster.held_by().values()), "one worker does everything"
    held.vendor.release()
    for dataset in ("stocks_daily", "stocks_minute"):
        cluster.wait_for_days(dataset, len(PLAN[dataset]))
        assert set(fetched(held, dataset, PLAN[dataset])) == {1}
    for backfill in backfills:
        cluster.wait_for_backfill(backfill)


def test_a_killed_worker_loses_nothing(cluster: Platform, held: Objects) -> None:
    dataset, days = KILLED
    held.vendor.hold(after=12)
    run = cluster.run(dataset, days)
    victim = cluster.workers[wait_until_held(cluster, held, run)]
    victim.signal(signal.SIGKILL)
    held.vendor.release()
    cluster.wait_for_days(dataset, len(days))
    assert cluster.status(run) == "FAILURE"
    assert "No worker holds this run any more" in cluster.logs(run)
    (retry,) = [each for each in cluster.runs() if each.tags.get("dagster/parent_run_id") == run]
    wait_for("the second try", lambda: cluster.status(retry.run_id) == "SUCCESS", 60)
    assert set(fetched(held, dataset, days)) <= {1, 2}
    assert 1 in fetched(held, dataset, days), "what was published before is not fetched again"
    victim.start()  # as systemd does
    wait_for("its return", lambda: set(cluster.taken_by()) == set(cluster.workers), 60)


def test_runs_outlive_a_restart_of_redis(cluster: Platform, held: Objects) -> None:
    held.vendor.hold(after=3)
    running = cluster.run(*REDIS_GONE)
    wait_until_held(cluster, held, running)
    cluster.broker.service.stop()
    queued = cluster.run(*QUEUED_MEANWHILE)
    time.sleep(5)
    cluster.broker.start()
    held.vendor.release()
    for run, (dataset, days) in {running: REDIS_GONE, queued: QUEUED_MEANWHILE}.items():
        wait_for(f"run {run}", lambda run=run: cluster.status(run) == "SUCCESS", 120)  # type: ignore[misc]
        assert set(fetched(held, dataset, days)) == {1}
    wait_for("both workers", lambda: set(cluster.taken_by()) == set(cluster.workers), 60)


def test_runs_outlive_a_restart_of_postgresql(cluster: Platform, held: Objects) -> None:
    dataset, days = POSTGRESQL_GONE
    held.vendor.hold(after=3)
    run = cluster.run(dataset, days)
    wait_until_held(cluster, held, run)
    before = cluster.materialised(dataset)
    cluster.database.service.stop()
    held.vendor.release()
    time.sleep(3)
    cluster.database.start()
    wait_for("the webserver's return", cluster.is_answering, 60)
    cluster.wait_for_days(dataset, before + len(days))
    assert set(fetched(held, dataset, days)) <= {1, 2}


def test_a_store_that_refuses_for_ten_seconds_costs_time_only(cluster: Platform, held: Objects) -> None:
    dataset, days = STORE_GONE
    held.vendor.hold(after=2)
    run = cluster.run(dataset, days)
    wait_until_held(cluster, held, run)
    held.store.shut()
    held.vendor.release()
    time.sleep(10)
    held.store.reopen()
    wait_for(f"run {run}", lambda: cluster.status(run) in {"SUCCESS", "FAILURE"}, 120)
    assert cluster.status(run) == "SUCCESS", cluster.logs(run)
    assert set(fetched(held, dataset, days)) == {1}


def test_all_is_there_and_as_on_one_machine(cluster: Platform, s3: Objects, tmp_path: Path) -> None:
    one_machine, store = ParquetStore(str(tmp_path)), s3.opened_store()
    asyncio.run(ingest_everything(s3, one_machine))
    for dataset, days in PLAN.items():
        assert cluster.materialised(dataset) == len(days)
        assert store.days(dataset) == one_machine.days(dataset) == days
        for day in days:
            with store.open_input_file(dataset, day) as here, one_machine.open_input_file(dataset, day) as there:
                assert here.read() == there.read(), f"{dataset} {day}"


async def ingest_everything(s3: Objects, store: ParquetStore) -> None:
    """The same days, on one machine, past the proxy."""
    async with AsyncS3Downloader(s3.server.credentials, s3.server.endpoint_url) as downloader:
        for dataset, days in PLAN.items():
            await ingest_days(dataset, days, catalog=CATALOG, downloader=downloader, store=store)
