"""What the whole history costs Dagster: loading, ticks, status pages, launching; ``python -m benchmarks.scale``.

Stored days are hard links to one small file, and their materialisations are written straight to the instance; the
bucket is a real S3 server that holds the months which a tick lists. Prints one line for each measure.
"""

import argparse
import asyncio
import datetime as dt
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import ParquetStore, ingest_days
from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.serving.home import prepare_home
from polygon_assets.settings import load_settings
from polygon_assets_tests.servers.seaweed import S3Server, seaweed

BUCKET = "flatfiles"
CATALOG = S3Catalog(BUCKET, options_prefix="us_options_opra")
ROUNDS = 7
NOW = dt.datetime(2026, 11, 23, 17, tzinfo=dt.UTC)
NEWEST = dt.date(2026, 11, 20)


def sessions(dataset: Dataset) -> list[str]:
    """All trading days of ``dataset`` up to the newest."""
    return [day.isoformat() for day in CATALOG.get_calendar(dataset.name).between(dataset.first_day, NEWEST)]


def median_seconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median wall time of ``action``."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def fill_bucket(server: S3Server, body: bytes) -> None:
    """Put ``body`` where every day of the last and of some older months of stocks_daily belongs."""
    server.client().create_bucket(Bucket=BUCKET)
    for day in sessions(DATASETS["stocks_daily"])[-300:]:  # every month that the rounds below list
        server.put(BUCKET, CATALOG.get_key("stocks_daily", day), body)


def fill_store(root: Path, server: S3Server) -> Path:
    """One really ingested day, and hard links to it for every other day of its dataset."""
    newest = sessions(DATASETS["stocks_daily"])[-1]

    async def ingest() -> None:
        async with AsyncS3Downloader(server.credentials, server.endpoint_url) as downloader:
            await ingest_days(
                "stocks_daily", [newest], catalog=CATALOG, downloader=downloader, store=ParquetStore(str(root))
            )

    asyncio.run(ingest())
    return root / "stocks_daily" / f"date={newest}" / "data.parquet"


def link_days(root: Path, source: Path, days: list[str]) -> None:
    """Make ``days`` of stocks_daily stored, by hard links."""
    for day in days:
        folder = root / "stocks_daily" / f"date={day}"
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "data.parquet").exists():
            os.link(source, folder / "data.parquet")


@contextmanager
def environment(server: S3Server, folder: Path) -> Iterator[None]:
    """The variables of a platform in ``folder``."""
    os.environ.update(
        POLYGON_ACCESS_KEY_ID=server.access_key_id,
        POLYGON_SECRET_ACCESS_KEY=server.secret_access_key,
        POLYGON_ENDPOINT_URL=server.endpoint_url,
        POLYGON_BUCKET=BUCKET,
        POLYGON_STORE=str(folder / "store"),
        DAGSTER_HOME=str(folder / "home"),
    )
    yield


def ticks(instance: dg.DagsterInstance) -> tuple[float, float]:
    """Median seconds of a tick of stocks_daily's sensor, wall and CPU, each with the cursor of the one before."""
    definitions = build_definitions(load_settings(), clock=lambda: NOW)
    sensor = definitions.resolve_sensor_def("new_trading_days_stocks_daily")
    cursor: str | None = None

    def tick() -> None:
        nonlocal cursor
        with dg.build_sensor_context(
            instance=instance,
            resources=dict(definitions.resources or {}),
            repository_def=definitions.get_repository_def(),
            cursor=cursor,
            sensor_name=sensor.name,
        ) as context:
            cursor = sensor.evaluate_tick(context).cursor

    tick()
    spent = time.process_time()
    wall = median_seconds(tick)
    return wall, (time.process_time() - spent) / ROUNDS


def record_history(instance: dg.DagsterInstance) -> tuple[int, float]:
    """Report every day of every dataset as materialised; how many, and seconds for each."""
    began, count = time.perf_counter(), 0
    for dataset in DATASETS.values():
        for day in sessions(dataset):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(dataset.name, partition=day, metadata={"dagster/partition_row_count": 12_093})
            )
            count += 1
        print(f"  recorded {dataset.name}", file=sys.stderr, flush=True)
    return count, (time.perf_counter() - began) / count


def status_seconds(instance: dg.DagsterInstance) -> tuple[float, float]:
    """Seconds of an asset's partition status: built anew, and from Dagster's cache."""
    graph = build_definitions(load_settings()).resolve_asset_graph()
    key = dg.AssetKey("stocks_daily")
    partitions = graph.get(key).partitions_def

    def ask() -> None:
        get_and_update_asset_status_cache_value(instance, key, partitions)

    instance.wipe_asset_cached_status([key])
    return median_seconds(ask, 1), median_seconds(ask)


def load_seconds() -> tuple[float, float]:
    """CPU seconds of importing Dagster and the libraries, and what loading the definitions adds."""
    libraries = "import dagster, aioboto3, boto3, pyarrow.dataset, pyarrow.csv, exchange_calendars, pydantic_settings"
    script = f"import time; {libraries}; t = time.process_time(); import polygon_assets.definitions as d; "
    script += "d.defs.get_repository_def(); print(t, time.process_time() - t)"
    answers = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
        )
        answers.append([float(part) for part in done.stdout.split()])
    return statistics.median(a[0] for a in answers), statistics.median(a[1] for a in answers)


def launch_seconds(instance: dg.DagsterInstance) -> float:
    """Seconds of asking for a backfill of everything, up to its being stored for the daemon."""
    from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill  # noqa: PLC0415

    graph = build_definitions(load_settings()).resolve_asset_graph()
    began = time.perf_counter()
    instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id="benchmark",
            asset_graph=graph,
            partition_names=None,
            asset_selection=[dg.AssetKey(name) for name in DATASETS],
            backfill_timestamp=NOW.timestamp(),
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=True,
            title=None,
            description=None,
            run_config=None,
        )
    )
    took = time.perf_counter() - began
    stored = instance.get_backfill("benchmark")
    assert stored is not None  # noqa: S101 (a benchmark that measured nothing is worse than none)
    assert stored.status is BulkActionStatus.REQUESTED  # noqa: S101
    return took


def print_tick(when: str, wall: float, cpu: float) -> None:
    """One line for a tick."""
    print(f"sensor tick, {when:23} {wall * 1000:8.1f} ms   {cpu * 1000:8.1f} ms CPU", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-history", action="store_true", help="leave out what needs all partitions recorded")
    options = parser.parse_args()
    body = flat_file(DATASETS["stocks_daily"], "2026-11-20", Size(symbols=20, rows=None))
    with tempfile.TemporaryDirectory() as name, seaweed() as server, environment(server, Path(name)):
        folder = Path(name)
        fill_bucket(server, body)
        source = fill_store(folder / "store", server)
        days = sessions(DATASETS["stocks_daily"])
        with dg.DagsterInstance.from_config(str(prepare_home(folder / "home"))) as instance:
            imports, load = load_seconds()
            print(f"import of Dagster and the libraries  {imports:8.2f} s CPU")
            print(f"loading the definitions adds         {load:8.2f} s CPU")
            for stored in (len(days) // 100, len(days) // 10, len(days)):
                link_days(folder / "store", source, days[-stored:])
                print_tick(f"{stored} days stored", *ticks(instance))
            if options.without_history:
                return
            count, each = record_history(instance)
            print(f"recording {count} partitions          {each * 1000:8.1f} ms each")
            cold, warm = status_seconds(instance)
            print(f"partition status of an asset, anew   {cold * 1000:8.1f} ms")
            print(f"partition status of an asset, cached {warm * 1000:8.1f} ms")
            print_tick("whole history recorded", *ticks(instance))
            print(f"launching a backfill of everything   {launch_seconds(instance) * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
