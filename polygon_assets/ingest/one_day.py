"""One day's way into the store: look, fetch, convert, publish; every end it can come to is a result.

Belongs here: the steps and which outcome each failure is. Does not: many days at once (``pipeline``).
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from polygon_assets.datasets import Dataset
from polygon_assets.download.listing import FetchedObject, RemoteObject
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ContentError,
    CorruptFileError,
    InvalidInputError,
    InvalidKeysError,
    NotReplacedError,
    NotTriedError,
    ObjectNotFoundError,
    PolygonAssetsError,
    StoreError,
    TransferError,
)
from polygon_assets.filters import RowFilter
from polygon_assets.flatfile.conversion import Conversion
from polygon_assets.flatfile.limits import Limits
from polygon_assets.flatfile.provenance import Source
from polygon_assets.flatfile.quality import UNTERMINATED
from polygon_assets.flatfile.read_ahead import SpareCores
from polygon_assets.ingest.decisions import AskForTheETag, Convert, LeaveAsStored, RefuseAgain, Step, decide
from polygon_assets.ingest.listed_months import MonthListings
from polygon_assets.ingest.results import DayResult, DayStatus
from polygon_assets.ingest.room import Room, is_large, parts_folder
from polygon_assets.store.day_files import DayFiles, StoredState, read_state
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets.store.quarantine import QuarantinedDay
from polygon_assets.store.raw_files import RetainedSource
from polygon_assets.store.staging import is_full
from polygon_assets.wording import counted

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Downloader(Protocol):
    """What is needed of ``AsyncS3Downloader``."""

    async def head(self, bucket: str, key: str) -> RemoteObject:
        """Size, ETag and last-modified of the object."""

    async def fetch(
        self,
        bucket: str,
        key: str,
        local_path: Path,
        *,
        resume_in: Path | None = None,
        admit: Callable[[int], None] | None = None,
    ) -> FetchedObject:
        """Save the object, verified, and describe the bytes received."""


@dataclass(frozen=True)
class Run:
    """What all days of one call share."""

    dataset: Dataset
    catalog: S3Catalog
    downloader: Downloader
    store: ParquetStore
    staging: Path
    converting: Executor
    """As many threads as may convert at once."""
    cores: SpareCores
    """What these leave free: one file may have two."""
    publishing: Executor
    """Threads that wait for a disk or an object store."""
    limits: Limits
    overwrite: bool
    keep_raw: bool
    row_filter: RowFilter
    """The rows that are stored."""
    listings: MonthListings
    """Asked where a file is refused."""
    room: Room
    """What the days under way need of the disk."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the call ends: conversions that still run give up."""


class DayIngest:
    """One day on its way."""

    def __init__(self, run: Run, day: str) -> None:
        self._run = run
        self._day = day
        self._key = run.catalog.get_key(run.dataset.name, day)
        self._files = DayFiles(run.store, run.dataset, day, run.staging)
        self._base = DayResult(
            day=day, status=DayStatus.FAILED, source_key=self._key, uri=run.store.path(run.dataset.name, day)
        )
        self._known = StoredState()

    def not_tried(self, error: NotTriedError) -> DayResult:
        """The outcome of a day for which no request was sent."""
        return self._ended(DayStatus.FAILED, error=error)

    async def result(self) -> DayResult:
        """The day's outcome; only wrong input and cancelling raise."""
        try:
            return await self._ingest()
        except InvalidInputError:
            raise
        except PolygonAssetsError as error:
            return self._ended(DayStatus.FAILED, error=error)
        except OSError as error:
            return self._ended(DayStatus.FAILED, error=self._machine_error(error))
        except Exception as error:
            logger.exception("%s %s: unexpected error", self._run.dataset.name, self._day)
            unexpected = PolygonAssetsError(f"{self._key}: unexpected {type(error).__name__}: {error}")
            unexpected.__cause__ = error
            return self._ended(DayStatus.FAILED, error=unexpected)
        finally:
            await self._run.room.release(self._key)

    async def _ingest(self) -> DayResult:
        run = self._run
        known = self._known = await asyncio.to_thread(
            read_state, run.store, run.dataset.name, self._day, run.row_filter
        )
        if stored := known.stored:
            self._base = replace(
                self._base,
                rows=stored.rows,
                symbols=stored.symbols,
                parquet_bytes=known.stored_bytes,
                schema_version=stored.schema_version,
                filter=stored.filter,
                dropped_rows=stored.dropped_rows,
            )
        try:
            step = self._decide()
            if isinstance(step, AskForTheETag):
                head = await run.downloader.head(run.catalog.bucket, self._key)
                step = self._decide(head.etag)
            return await self._take(step)
        except (InvalidKeysError, BucketNotFoundError):
            raise
        except AccessDeniedError as error:
            return await self._refused_access(error)
        except ObjectNotFoundError as error:
            return await self._out_of_reach(error, DayStatus.NOT_PUBLISHED_YET)

    async def _refused_access(self, error: AccessDeniedError) -> DayResult:
        """A 403 does not tell why; a listing tells whether the file is there at all."""
        if self._known.stored or await self._run.listings.has(self._day):
            return await self._out_of_reach(error, DayStatus.NOT_ENTITLED)
        absent = ObjectNotFoundError(error.bucket, error.key, "the service answered 403, and does not list it")
        return await self._out_of_reach(absent, DayStatus.NOT_PUBLISHED_YET)

    def _decide(self, etag: str | None = None) -> Step:
        run = self._run
        return decide(
            self._known,
            etag,
            overwrite=run.overwrite,
            keep_raw=run.keep_raw,
            accept_unterminated=run.limits.accept_unterminated,
        )

    def _limits(self, source: Source) -> Limits:
        """The run's; a file that was accepted without its last newline is accepted again under new rules."""
        stored = self._known.stored
        if stored is None or stored.source_etag != source.etag:
            return self._run.limits
        accepted = any(each.rule == UNTERMINATED for each in stored.findings)
        return replace(self._run.limits, accept_unterminated=True) if accepted else self._run.limits

    async def _take(self, step: Step) -> DayResult:
        match step:
            case Convert(source, is_latest):
                return await self._rebuild(source, latest=is_latest)
            case LeaveAsStored():
                return await self._still_stored()
            case RefuseAgain(entry):
                return self._refused_before(entry)
            case _:
                return await self._fetch_and_publish()

    async def _still_stored(self) -> DayResult:
        if self._known.in_quarantine:  # the vendor may have taken back a file that was refused
            await _in(self._run.publishing, partial(self._files.settle, latest=True))
        return self._unchanged()

    async def _out_of_reach(self, error: TransferError, status: DayStatus) -> DayResult:
        """The vendor does not hand it out (any more): what is stored stays, what was kept is used."""
        known, outcome = self._known, self._ended(status, error=error)
        for copy in known.usable(overwrite=self._run.overwrite):
            try:
                outcome = await self._convert_copy(copy, latest=False)
            except CorruptFileError as corrupt:
                logger.warning("%s", corrupt)
            if outcome.status is DayStatus.PUBLISHED:
                return outcome
        if known.is_damaged or (known.stored and self._run.overwrite):
            what = "is damaged, and could not be replaced" if known.is_damaged else "could not be overwritten"
            cause = f"the stored day {what}; it is as it was. {error}"
            return replace(self._ended(DayStatus.FAILED), error=NotReplacedError(f"{self._base.uri}: {cause}"))
        if known.stored:
            if known.in_quarantine:
                await _in(self._run.publishing, partial(self._files.settle, latest=False))
            return replace(self._unchanged(), warning=f"Stored, and the source is out of reach now: {error}")
        return outcome

    async def _rebuild(self, copy: RetainedSource, *, latest: bool) -> DayResult:
        """Convert a source file that was kept, without the network; one that is corrupt is fetched again.

        ``latest``: the vendor has said that it is what it has now.
        """
        try:
            return await self._convert_copy(copy, latest=latest)
        except CorruptFileError as error:
            logger.warning("%s", error)
        if not latest and self._known.was_seen:  # what the vendor has now may have been refused already
            head = await self._run.downloader.head(self._run.catalog.bucket, self._key)
            if isinstance(step := self._decide(head.etag), RefuseAgain):
                return self._refused_before(step.entry)
        return await self._fetch_and_publish()

    async def _convert_copy(self, copy: RetainedSource, *, latest: bool) -> DayResult:
        run = self._run
        self._base = replace(self._base, source_etag=copy.source.etag, source_bytes=copy.source.size)
        try:
            made = await _in(run.converting, self._files.convert_copy, copy, *self._conversion(copy.source))
        except ContentError as error:
            return await self._refuse(copy.source, error)
        return await self._publish(made, copy.source, keep_raw=run.keep_raw and copy.refused, latest=latest)

    async def _fetch_and_publish(self) -> DayResult:
        run = self._run
        if is_large(run.dataset):  # which may have to wait for others to end, before anything of it comes
            await run.room.wait_for(self._key, (await run.downloader.head(run.catalog.bucket, self._key)).size)
        began = time.perf_counter()
        fetched = await run.downloader.fetch(
            run.catalog.bucket,
            self._key,
            self._files.raw,
            resume_in=parts_folder(run.staging),
            admit=lambda size: run.room.take(self._key, size),
        )
        self._base = replace(self._base, retries=fetched.retries, download_seconds=time.perf_counter() - began)
        uri = f"s3://{run.catalog.bucket}/{fetched.key}"
        source = Source(uri, fetched.key, fetched.etag, fetched.last_modified, fetched.size)
        self._base = replace(self._base, source_etag=source.etag, source_bytes=source.size)
        if self._known.stored_from(source.etag) and not run.overwrite:  # only the raw file was lacking
            await _in(run.publishing, self._files.keep_raw, source)
            return await self._still_stored()
        try:
            made = await _in(run.converting, self._files.convert, source, *self._conversion(source))
        except ContentError as error:
            return await self._refuse(source, error)
        return await self._publish(made, source, keep_raw=run.keep_raw, latest=True)

    def _conversion(self, source: Source) -> tuple[Limits, threading.Event, SpareCores, RowFilter]:
        run = self._run
        return self._limits(source), run.cancelled, run.cores, run.row_filter

    async def _publish(self, made: Conversion, source: Source, *, keep_raw: bool, latest: bool) -> DayResult:
        stored, rows = self._known.stored, made.provenance.rows
        if stored and stored.rows and not rows and made.provenance.filter and not self._run.overwrite:
            cause = f"{made.provenance.filter} keeps no row of the vendor's file, and {counted(stored.rows, 'row')} are"
            error = NotReplacedError(f"{self._base.uri}: {cause} stored, which stay unless it is overwritten.")
            return replace(self._ended(DayStatus.FAILED), error=error)
        size = await _in(
            self._run.publishing, partial(self._files.publish, made, source, keep_raw=keep_raw, latest=latest)
        )
        return self._ended(
            DayStatus.PUBLISHED,
            rows=made.provenance.rows,
            symbols=made.provenance.symbols,
            parquet_bytes=size,
            schema_version=made.provenance.schema_version,
            filter=made.provenance.filter,
            dropped_rows=made.provenance.dropped_rows,
            findings=made.findings,
            convert_seconds=self._files.seconds,
        )

    async def _refuse(self, source: Source, error: ContentError) -> DayResult:
        findings = await _in(self._run.publishing, self._files.refuse, source, error)
        return self._ended(DayStatus.REFUSED, error=error, findings=findings)

    def _refused_before(self, entry: QuarantinedDay) -> DayResult:
        """The same file was refused already: say so without fetching it again."""
        cause = f"{entry.cause} (refused before, kept in {entry.uri}; not fetched again unless overwritten)"
        self._base = replace(self._base, source_etag=entry.source.etag, source_bytes=entry.source.size)
        return self._ended(DayStatus.REFUSED, error=ContentError(self._key, cause), findings=entry.findings)

    def _unchanged(self) -> DayResult:
        stored = self._known.stored
        assert stored is not None  # noqa: S101 (all callers have looked)
        self._base = replace(self._base, source_etag=stored.source_etag, source_bytes=stored.source_bytes)
        return self._ended(DayStatus.UNCHANGED, findings=stored.findings)

    def _ended(self, status: DayStatus, **outcome: Any) -> DayResult:
        return replace(self._base, status=status, **outcome)

    def _machine_error(self, error: OSError) -> StoreError:
        remedy = "Free space" if is_full(error) else "Fix the cause"
        return StoreError(f"{self._base.uri}: this machine could not write it: {error}. {remedy}, then try again.")


async def _in(executor: Executor, call: Callable[..., Result], *arguments: object) -> Result:
    return await asyncio.get_running_loop().run_in_executor(executor, call, *arguments)
