"""``ingest_days``: many days at once, in bounded memory and disk space, one result a day.

Belongs here: which days run when, and that one bad day never loses the others. Does not: a day's own steps
(``one_day``), or when the run gives up (``breaker``).
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import get_dataset
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import FutureDayError, InvalidInputError, NotATradingDayError
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.flatfile.limits import DEFAULT_LIMITS, Limits
from polygon_assets.flatfile.read_ahead import SpareCores
from polygon_assets.ingest.breaker import DEFAULT_PATIENCE, OUTAGE, CircuitBreaker, Patience
from polygon_assets.ingest.listed_months import MonthListings
from polygon_assets.ingest.one_day import DayIngest, Downloader, Run
from polygon_assets.ingest.results import DayResult
from polygon_assets.ingest.room import Room, days_for
from polygon_assets.ingest.workers import conversion_bytes, downloads_for, memory_budget, worker_threads, workers_for
from polygon_assets.store.parquet_store import ParquetStore

DEFAULT_CONCURRENT_DOWNLOADS = 8
PUBLISHERS = 4
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
    patience: Patience | None = None,
    row_filter: RowFilter = ALL_ROWS,
    any_day: bool = False,
) -> list[DayResult]:
    """Bring ``days`` of ``dataset`` into ``store``; the outcomes in the order asked.

    A day asked for twice is done once. ``on_result`` is called with each day's result as it ends. ``overwrite``
    fetches and converts even what is unchanged or was refused. ``keep_raw`` keeps the source files. ``workers``
    convert at once (None: one for each core, as far as the memory of ``limits`` reaches); at most ``max_in_flight``
    days are between their first request and their end, which bounds the files on disk (None: what the downloader has
    at once, as far as memory reaches, and one for each worker). ``row_filter`` keeps some rows of each day, and a day
    that was stored with another filter is made again. ``patience`` bounds what an outage may cost: the run pauses as
    a whole, then ends early, and the days that are left fail with NotTriedError. ``any_day`` takes days, too, that
    the calendar does not know.

    Raises:
        ValueError: an unknown dataset, or a day that is no trading day or lies in the future; before any request.
        StoreError, OSError: the store's staging folder cannot be made.
    """
    row = get_dataset(dataset)
    distinct = _trading_days(dataset, days, catalog, any_day=any_day)
    budget = memory_budget(limits)
    memory = conversion_bytes(row)
    workers = workers or workers_for(budget, memory)
    downloads: int = getattr(downloader, "max_concurrent", DEFAULT_CONCURRENT_DOWNLOADS)
    at_once = min(max_in_flight or downloads_for(budget, workers * memory, downloads) + workers, len(distinct))
    if not distinct:
        return []
    with (
        store.staging() as staging,
        worker_threads("convert", workers) as converting,
        worker_threads("publish", PUBLISHERS) as publishing,
    ):
        run = Run(
            dataset=row,
            catalog=catalog,
            downloader=downloader,
            store=store,
            staging=staging,
            converting=converting,
            cores=SpareCores(workers),
            publishing=publishing,
            limits=limits,
            overwrite=overwrite,
            keep_raw=keep_raw,
            row_filter=row_filter.checked(row),
            listings=MonthListings(downloader, catalog, dataset),
            room=Room(row, staging, filtered=bool(row_filter)),
        )
        at_once = days_for(row, at_once, workers, staging, filtered=bool(run.row_filter))
        run_days = _Days(run, CircuitBreaker(at_once, patience or DEFAULT_PATIENCE), on_result)
        try:
            await run_days.ingest(distinct, at_once)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            run.cancelled.set()
    return [run_days.results[day] for day in days]


class _Days:
    """The days of one call, several at once."""

    def __init__(self, run: Run, breaker: CircuitBreaker, on_result: Callable[[DayResult], None] | None) -> None:
        self.results: dict[str, DayResult] = {}
        self._run, self._breaker, self._on_result = run, breaker, on_result

    async def ingest(self, days: Sequence[str], at_once: int) -> None:
        """Bring every one of ``days`` to an end; those that fell into an outage are tried again once it is over."""
        while True:
            failed = await self._pass_over(days, at_once)
            if not failed or not self._breaker.is_closed:
                break
            days = [each.day for each in failed]
        for result in failed:
            self._ended(result)

    async def _pass_over(self, days: Sequence[str], at_once: int) -> list[DayResult]:
        """Try each of ``days``; those that failed by an outage, which have not ended yet."""
        waiting, failed = iter(days), list[DayResult]()

        async def worker() -> None:
            for day in waiting:
                result = await self._try(day)
                if isinstance(result.error, OUTAGE):
                    failed.append(result)
                else:
                    self._ended(result)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())
        return sorted(failed, key=lambda result: result.day)

    async def _try(self, day: str) -> DayResult:
        ingest = DayIngest(self._run, day)
        async with self._breaker.admission() as admitted:
            if self._breaker.is_open:
                return ingest.not_tried(self._breaker.not_tried())
            result = await ingest.result()
            self._breaker.heard(admitted, result)
        return result

    def _ended(self, result: DayResult) -> None:
        self.results[result.day] = result
        if self._on_result:
            self._on_result(result)


def _trading_days(dataset: str, days: Sequence[str], catalog: S3Catalog, *, any_day: bool) -> list[str]:
    if isinstance(days, str):
        raise InvalidInputError(f"days must be a list of dates; got the text {days!r}")
    calendar = catalog.get_calendar(dataset)
    today = dt.datetime.now(dt.UTC).date()  # where a day begins first
    for day in days:
        if not any_day and not calendar.is_session(parse_date(day)):
            raise NotATradingDayError(day, calendar.name)
        if parse_date(day) > today:
            raise FutureDayError(day, calendar.name, calendar.newest_session(today).isoformat())
    return list(dict.fromkeys(days))
