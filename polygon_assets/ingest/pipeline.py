"""``ingest_days``: many days at once, in bounded memory and disk space, one result a day.

Belongs here: which days run when, and that one bad day never loses the others. Does not: a day's own steps
(``day_ingest``).
"""

import asyncio
from collections.abc import Callable, Sequence

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import get_dataset
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import InvalidInputError, NotATradingDayError
from polygon_assets.flatfile.limits import DEFAULT_LIMITS, Limits
from polygon_assets.ingest.one_day import DayIngest, Downloader, Run
from polygon_assets.ingest.results import DayResult
from polygon_assets.ingest.workers import downloads_for, memory_budget, worker_threads, workers_for
from polygon_assets.store.parquet_store import ParquetStore

DEFAULT_CONCURRENT_DOWNLOADS = 8
SAVERS = 4
"""Days that are published at once: who waits for the disk or an object store keeps no core from converting."""


async def ingest_days(
    dataset: str,
    days: Sequence[str],
    *,
    catalog: S3Catalog,
    downloader: Downloader,
    store: ParquetStore,
    on_result: Callable[[DayResult], None] | None = None,
    overwrite: bool = False,
    keep_raw: bool = False,
    workers: int | None = None,
    max_in_flight: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[DayResult]:
    """Bring ``days`` of ``dataset`` into ``store``; the outcomes in the order asked.

    A day asked for twice is done once. ``on_result`` is told of each day as it ends. ``overwrite`` fetches and
    converts even what is unchanged or was refused. ``keep_raw`` keeps the source files. ``workers`` convert at once
    (None: one for each core, as far as the memory of ``limits`` reaches); at most ``max_in_flight`` days are between
    their first request and their end, which bounds the files on disk (None: what the downloader has at once, as far
    as memory reaches, and one for each worker).

    Raises:
        ValueError: an unknown dataset, or a day that is no trading day; before any request.
        StoreError, OSError: the store's staging folder cannot be made.
    """
    row = get_dataset(dataset)
    distinct = _trading_days(dataset, days, catalog)
    budget = memory_budget(limits)
    workers = workers or workers_for(budget)
    at_once: int = getattr(downloader, "max_concurrent", DEFAULT_CONCURRENT_DOWNLOADS)
    lanes = min(max_in_flight or downloads_for(budget, workers, at_once) + workers, len(distinct))
    results: dict[str, DayResult] = {}
    if not distinct:
        return []
    with (
        store.staging() as staging,
        worker_threads("convert", workers) as converting,
        worker_threads("save", SAVERS) as saving,
    ):
        run = Run(row, catalog, downloader, store, staging, converting, saving, limits, overwrite, keep_raw)
        waiting = iter(distinct)

        async def lane() -> None:
            for day in waiting:
                results[day] = await DayIngest(run, day).result()
                if on_result:
                    on_result(results[day])

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(lanes):
                    group.create_task(lane())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            run.cancelled.set()
    return [results[day] for day in days]


def _trading_days(dataset: str, days: Sequence[str], catalog: S3Catalog) -> list[str]:
    if isinstance(days, str):
        raise InvalidInputError(f"days must be a list of dates; got the text {days!r}")
    calendar = catalog.get_calendar(dataset)
    for day in days:
        if not calendar.is_session(parse_date(day)):
            raise NotATradingDayError(day, calendar.name)
    return list(dict.fromkeys(days))
