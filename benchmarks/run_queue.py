"""What a queue of runs costs the daemon: ``python -m benchmarks.run_queue`` (needs Debian's postgresql for its half).

Queues runs as a backfill does, under the ``dagster.yaml`` of one machine (SQLite) and of a cluster (PostgreSQL), and
asks the daemon's own code which to start next: while no run is active, while the backfill has all that it may have,
and while every slot is taken. The daemon asks every ``dequeue_interval_seconds``. CPU is this process's; PostgreSQL's
own is in the wall time only.
"""

import argparse
import logging
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.utils import make_new_run_id
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.serving.home import local_configuration, prepare_home
from polygon_assets.settings import load_settings
from polygon_assets_tests.cluster.databases import postgresql
from polygon_assets_tests.cluster.programs import missing_programs
from polygon_assets_tests.cluster.units import write_home

LENGTHS = (100, 1_000, 10_000)
ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """Of one look at the queue; medians."""

    cpu: float
    """Milliseconds of this process."""
    wall: float
    """Milliseconds."""

    @classmethod
    def of(cls, action: Callable[[], object], rounds: int = ROUNDS) -> "Cost":
        """What ``action`` costs, after once for whatever is loaded late."""
        action()
        cpu, wall = [], []
        for _ in range(rounds):
            spent, began = time.process_time(), time.perf_counter()
            action()
            cpu.append((time.process_time() - spent) * 1000)
            wall.append((time.perf_counter() - began) * 1000)
        return cls(statistics.median(cpu), statistics.median(wall))

    def __str__(self) -> str:
        return f"{self.cpu:8.1f} ms CPU {self.wall:8.1f} ms"


@contextmanager
def one_machine(folder: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as ``make dev`` has it."""
    home = folder / "one"
    home.mkdir()
    shutil.copyfile(local_configuration(), home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.from_config(str(prepare_home(home))) as instance:
        yield instance


@contextmanager
def cluster(folder: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as a cluster has it; nothing is handed to Redis here."""
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(folder))
        nowhere = "redis://127.0.0.1:1/0"
        os.environ |= {
            "DAGSTER_POSTGRES_URL": database.url(),
            "DAGSTER_CELERY_BROKER_URL": nowhere,
            "DAGSTER_CELERY_BACKEND_URL": nowhere,
        }
        write_home(folder / "cluster")
        yield stack.enter_context(dg.DagsterInstance.from_config(str(folder / "cluster")))


def first_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A queued run of ten days of a backfill."""
    job = build_definitions(load_settings()).resolve_implicit_global_asset_job_def()
    of_stocks = job.get_subset(asset_selection={dg.AssetKey("stocks_daily")})
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("polygon_assets"), "__repository__")
    return instance.create_run_for_job(
        of_stocks,
        tags={
            "dagster/backfill": "benchmark",
            "dagster/asset_partition_range_start": "2024-01-02",
            "dagster/asset_partition_range_end": "2024-01-16",
        },
        status=dg.DagsterRunStatus.QUEUED,
        remote_job_origin=RemoteJobOrigin(repository, of_stocks.name),
    )


def measure(name: str, instance: dg.DagsterInstance) -> None:
    """Fill the queue step by step, and print a line for each."""
    pattern, waiting = first_run(instance), 1
    concurrency = instance.get_concurrency_config()
    queue = concurrency.run_queue_config
    assert queue is not None  # noqa: S101 (both files set one)

    def look(expected: int) -> None:
        chosen = QueuedRunCoordinatorDaemon(2)._get_runs_to_dequeue(instance, concurrency, None)  # noqa: SLF001
        assert len(chosen) == expected, chosen  # noqa: S101 (a benchmark that measured nothing is worse than none)

    limit = min(int(each["limit"]) for each in queue.tag_concurrency_limits)
    for length in LENGTHS:
        spent = time.process_time()
        for _ in range(length - waiting):
            instance.run_storage.add_run(pattern._replace(run_id=make_new_run_id()))
        queueing, waiting = (time.process_time() - spent) / (length - waiting) * 1000, length
        costs = [Cost.of(partial(look, limit))]
        active: list[str] = []
        for taken in (limit, queue.max_concurrent_runs):
            while len(active) < taken:
                run = pattern._replace(run_id=make_new_run_id(), status=dg.DagsterRunStatus.STARTED)
                active.append(instance.run_storage.add_run(run).run_id)
            costs.append(Cost.of(partial(look, 0)))
        for run_id in active:
            instance.delete_run(run_id)
        told = "   ".join(f"{taken} active {cost}" for taken, cost in zip(("none", limit, "all"), costs, strict=True))
        print(f"{name:10} {length:6} queued   {told}   queueing {queueing:5.2f} ms CPU a run", flush=True)


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user
        with one_machine(folder) as instance:
            measure("SQLite", instance)
        if missing := missing_programs():
            print(f"PostgreSQL is left out: {', '.join(missing)} not installed")
            return
        with cluster(folder) as instance:
            measure("PostgreSQL", instance)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
