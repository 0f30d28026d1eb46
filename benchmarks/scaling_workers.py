"""Throughput of a real cluster with one and with two workers; ``python -m benchmarks.scaling_workers``.

PostgreSQL, Redis, SeaweedFS, daemon, webserver and workers all share this machine. Once as fast as it goes, where the
cores are the limit, and once with every download slowed to the given rate, where waiting for the vendor is.
"""

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.cluster.databases import Database, postgresql, redis_server
from polygon_assets_tests.cluster.platform import Platform, platform
from polygon_assets_tests.cluster.programs import wait_for
from polygon_assets_tests.cluster.vendor import BUCKET, CATALOG, Objects, objects

DATASET = "stocks_minute"
RUNS = 8


def publish(s3: Objects, days: Sequence[str], rows: int) -> int:
    """Put made-up days into the vendor's bucket; their bytes together."""
    total = 0
    for day in days:
        body = flat_file(DATASETS[DATASET], day, Size(symbols=4_000, rows=rows))
        s3.server.put(BUCKET, CATALOG.get_key(DATASET, day), body)
        total += len(body)
    return total


def backfill_seconds(cluster: Platform, days: Sequence[str]) -> float:
    """Seconds from the first run's start to the last one's end."""
    backfill = cluster.backfill(DATASET, days)
    ended = {"SUCCESS", "FAILURE"}
    wait_for(
        "the runs",
        lambda: len(runs := cluster.runs(backfill)) == RUNS and all(run.status in ended for run in runs),
        540,
        every=2,
    )
    runs = cluster.runs(backfill)
    if any(run.status != "SUCCESS" for run in runs):
        raise SystemExit(f"a run failed: {runs}")
    return max(run.ended or 0.0 for run in runs) - min(run.started or 0.0 for run in runs)


def stored(database: Database) -> tuple[int, int]:
    """Rows of the event log, and bytes of the whole database."""
    engine = sqlalchemy.create_engine(database.url(), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT count(*) FROM event_logs")).scalar_one()
        size = connection.execute(sqlalchemy.text("SELECT pg_database_size('dagster')")).scalar_one()
    return int(rows), int(size)


def measure(workers: int, days: Sequence[str], rows: int, rate: float | None) -> None:
    """Run one backfill on a fresh cluster and print its throughput."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, objects() as s3:
        folder = Path(name)
        folder.chmod(0o711)
        total = publish(s3, days, rows)
        s3.vendor.rate = rate
        with postgresql(folder) as database, redis_server(folder) as broker:
            settings = {
                "DAGSTER_POSTGRES_URL": database.url(),
                "DAGSTER_CELERY_BROKER_URL": broker.redis_url(0),
                "DAGSTER_CELERY_BACKEND_URL": broker.redis_url(1),
                "WORKER_SLOTS": "1",
                "POLYGON_MAX_CONCURRENT": "2",
                **s3.settings(),
            }
            names = [str(number + 1) for number in range(workers)]
            with platform(folder, database, broker, settings, names) as cluster:
                before, began = stored(database), time.perf_counter()
                seconds = backfill_seconds(cluster, days)
                after, whole = stored(database), time.perf_counter() - began
                taken = cluster.taken_by()
    speed = f"{total / seconds / 1e6:.2f} MB/s, {len(days) / seconds:.2f} days/s"
    events = f"{(after[0] - before[0]) / len(days):.1f} events, {(after[1] - before[1]) / len(days) / 1000:.1f} kB"
    limit = "full speed" if rate is None else f"{rate / 1e6:g} MB/s a download"
    print(
        f"{workers} worker(s), {limit}: {len(days)} days, "
        f"{total / 1e6:.1f} MB, {seconds:.1f} s ({whole:.0f} s with queueing), {speed}; {events} a day; {taken}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of a made-up day")
    parser.add_argument("--rates", type=float, nargs="+", default=[0, 0.6], help="MB/s of a download; 0: full speed")
    options = parser.parse_args()
    sessions = trading_calendar().between(dt.date(2024, 1, 2), dt.date(2024, 12, 31))
    days = [day.isoformat() for day in sessions[: RUNS * DATASETS[DATASET].days_per_run]]
    for rate in options.rates:
        for workers in (1, 2):
            measure(workers, days, options.rows, rate * 1e6 or None)


if __name__ == "__main__":
    main()
