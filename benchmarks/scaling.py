"""What the figures of ``docs/scaling.md`` come from; ``python -m benchmarks.scaling files | events | plot``.

files   a full-size made-up file of each dataset of bars of stocks and options: bytes, CPU seconds, requests, memory
events  Dagster's history in PostgreSQL at 180, 1,800 and 18,000 partitions (needs Debian's postgresql)
plot    time to the whole history against workers and bandwidth, from the figures of ``files`` given on the command line
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from benchmarks.__main__ import install
from benchmarks.processes import PEERS_PYTHON
from polygon_assets.datasets import DATASETS
from polygon_assets.download import AsyncS3Downloader
from polygon_assets.ingest import ParquetStore, ingest_days
from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import full_size
from polygon_assets.settings import load_settings
from polygon_assets_tests.cluster.databases import Database, postgresql
from polygon_assets_tests.cluster.units import write_home
from polygon_assets_tests.cluster.vendor import BUCKET, CATALOG, LAKE, Objects, objects

DAYS = ["2024-03-05", "2024-03-06", "2024-03-07"]
HISTORY_GB = {"stocks_daily": 1.8, "stocks_minute": 166.0, "options_daily": 13.0, "options_minute": 86.0}
"""The vendor's compressed files from the first day to November 2026."""


def ingest_once(dataset: str, vendor: str, store: str, keys: tuple[str, str]) -> None:
    """In a process of its own: ingest the days after a first one that pays for the imports, and print what it cost."""

    async def run() -> None:
        into = ParquetStore(
            f"s3://{LAKE}/polygon", endpoint_url=store, access_key_id=keys[0], secret_access_key=keys[1]
        )
        credentials = {"access_key_id": keys[0], "secret_access_key": keys[1]}
        async with AsyncS3Downloader(credentials, vendor) as downloader:

            async def ingest(days: list[str]) -> list[tuple[int, int, int]]:
                results = await ingest_days(dataset, days, catalog=CATALOG, downloader=downloader, store=into)
                return [(each.rows, each.source_bytes, each.parquet_bytes) for each in results]

            await ingest(DAYS[:1])
            cpu, wall = time.process_time(), time.perf_counter()
            sizes = await ingest(DAYS[1:])
            took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        rows, source, parquet = (sum(column) / len(sizes) for column in zip(*sizes, strict=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"rows": rows, "source": source, "parquet": parquet, "peak": peak, **took}))

    asyncio.run(run())


def files() -> None:
    """Bytes, CPU, requests and memory for each dataset of which the bytes of the whole history are known."""
    for name in HISTORY_GB:
        dataset = DATASETS[name]
        with objects() as s3:
            for day in DAYS:
                s3.server.put(BUCKET, CATALOG.get_key(name, day), flat_file(dataset, day, full_size(dataset)))
            arguments = [name, s3.vendor.endpoint_url, s3.store.endpoint_url, *s3.server.credentials.values()]
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "benchmarks.scaling", "one", *arguments],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            cost = json.loads(done.stdout)
            _tell(name, cost, s3)


def _tell(name: str, cost: dict[str, float], s3: Objects) -> None:
    counts = [sum(gate.requests.values()) / len(DAYS) for gate in (s3.vendor, s3.store)]
    cpu, megabytes = cost["cpu"] / (len(DAYS) - 1), cost["source"] / 1e6
    hours = HISTORY_GB[name] * 1000 / megabytes * cpu / 3600
    print(
        f"{name:15} {cost['rows']:10,.0f} rows  {megabytes:6.2f} MB in  {cost['parquet'] / 1e6:6.2f} MB out  "
        f"{cpu:6.2f} s CPU  {cost['wall'] / (len(DAYS) - 1):6.2f} s wall  {megabytes / cpu:6.1f} MB/CPU s  "
        f"{counts[0]:.1f} + {counts[1]:.1f} requests  {cost['peak']:4.0f} MB peak  history {hours:6.2f} CPU h",
        flush=True,
    )


def events() -> None:
    """Bytes and milliseconds of a partition's events, and of the status page, as partitions add up."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with postgresql(folder) as database:
            redis = "redis://127.0.0.1:1/0"
            os.environ |= {
                "DAGSTER_POSTGRES_URL": database.url(),
                "DAGSTER_CELERY_BROKER_URL": redis,
                "DAGSTER_CELERY_BACKEND_URL": redis,
            }
            write_home(folder / "home")
            with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
                for total in (180, 1_800, 18_000):
                    _grow(instance, database, total)


def _grow(instance: dg.DagsterInstance, database: Database, total: int) -> None:
    graph = build_definitions(load_settings()).resolve_asset_graph()
    written, began, size = 0, time.perf_counter(), _bytes(database)
    for name in DATASETS:
        definition = graph.get(dg.AssetKey(name)).partitions_def
        known = instance.get_materialized_partitions(dg.AssetKey(name))
        keys = (definition.get_partition_keys() if definition else [])[: total // 4]
        for day in (each for each in keys if each not in known):
            metadata: dict[str, Any] = {
                "dagster/partition_row_count": 12_093,
                "source_etag": "0" * 32,
                "source_key": "k" * 60,
            }
            instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=day, metadata=metadata))
            written += 1
    each = (time.perf_counter() - began) / max(written, 1) * 1000
    key = dg.AssetKey("stocks_daily")
    instance.wipe_asset_cached_status([key])
    page = []
    for _ in range(2):
        began = time.perf_counter()
        get_and_update_asset_status_cache_value(instance, key, graph.get(key).partitions_def)
        page.append((time.perf_counter() - began) * 1000)
    grown = (_bytes(database) - size) / max(written, 1) / 1000
    print(
        f"{total:6} partitions: {each:5.1f} ms and {grown:4.1f} kB for each materialisation, database "
        f"{_bytes(database) / 1e6:6.1f} MB, status of an asset {page[0]:6.1f} ms anew, {page[1]:5.1f} ms cached",
        flush=True,
    )


def _bytes(database: Database) -> int:
    engine = sqlalchemy.create_engine(database.url(), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return int(connection.execute(sqlalchemy.text("SELECT pg_database_size('dagster')")).scalar_one())


def plot(target: Path, cpu_hours: float, overhead_hours: float) -> None:
    """Draw the picture, in the peers' environment, which has matplotlib."""
    install()
    figures = {"gigabytes": sum(HISTORY_GB.values()), "cpu_hours": cpu_hours, "overhead_hours": overhead_hours}
    script = Path(__file__).parent / "peers" / "plot_scaling.py"
    subprocess.run([PEERS_PYTHON, script, target, json.dumps(figures)], check=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("files")
    commands.add_parser("events")
    one = commands.add_parser("one")
    for name in ("dataset", "vendor", "store", "key", "secret"):
        one.add_argument(name)
    picture = commands.add_parser("plot")
    picture.add_argument("--cpu-hours", type=float, required=True, help="of converting everything: the sum of files")
    picture.add_argument("--overhead-hours", type=float, required=True, help="CPU hours of events: partitions * events")
    picture.add_argument("--target", type=Path, default=Path("docs/images/scaling.svg"))
    options = parser.parse_args()
    if options.command == "one":
        ingest_once(options.dataset, options.vendor, options.store, (options.key, options.secret))
    elif options.command == "plot":
        plot(options.target, options.cpu_hours, options.overhead_hours)
    else:
        {"files": files, "events": events}[options.command]()


if __name__ == "__main__":
    main()
