"""``backfill dagster|alone FOLDER DATASET DAY…``: a backfill in ranged runs, by Dagster on SQLite, or the ingest alone.

Both convert the same days in the same portions; what Dagster adds is the difference. The environment is the platform's.
"""

import asyncio
import os
import sys
from pathlib import Path

import dagster as dg

from benchmarks.measuring import Stopwatch, answer
from polygon_assets.datasets import get_dataset
from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import DayStatus, ParquetStore, ingest_days
from polygon_assets.orchestration.assembly import materialise
from polygon_assets.serving.home import prepare_home
from polygon_assets.settings import load_settings


def by_dagster(folder: Path, dataset: str, days: list[str]) -> None:
    """Materialise ``days``."""
    published: list[str] = []
    with dg.DagsterInstance.from_config(str(prepare_home(folder / "home"))) as instance:
        watch = Stopwatch()
        done = materialise(
            dataset, days, instance=instance, on_result=lambda _, result: published.append(result.status)
        )
        measured = watch.read()
        recorded = len(instance.get_materialized_partitions(dg.AssetKey(dataset)))
    if not done or recorded != len(days):
        raise SystemExit(f"{recorded} of {len(days)} days are recorded")
    answer(measured, published=published.count(DayStatus.PUBLISHED))


async def alone(dataset: str, days: list[str]) -> None:
    """Ingest ``days`` without Dagster, with a new client for each portion, as each run has."""
    settings = load_settings()
    catalog = S3Catalog(settings.bucket, options_prefix=settings.options_prefix)
    store, size, published = ParquetStore(settings.store_uri), get_dataset(dataset).days_per_run, 0
    watch = Stopwatch()
    for start in range(0, len(days), size):
        async with AsyncS3Downloader(settings.credentials, settings.endpoint_url) as downloader:
            results = await ingest_days(
                dataset, days[start : start + size], catalog=catalog, downloader=downloader, store=store
            )
        published += sum(result.status is DayStatus.PUBLISHED for result in results)
    answer(watch.read(), published=published)


def main(kind: str, folder: str, dataset: str, *days: str) -> None:
    """Backfill."""
    os.environ["DAGSTER_HOME"] = str(Path(folder) / "home")
    if kind == "dagster":
        by_dagster(Path(folder), dataset, list(days))
    else:
        asyncio.run(alone(dataset, list(days)))


if __name__ == "__main__":
    main(*sys.argv[1:])
