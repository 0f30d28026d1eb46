"""One day's way into the store: look, fetch, convert, publish; every end it can come to is a result.

Belongs here: the steps and which outcome each failure is. Does not: many days at once (``pipeline``).
"""

import asyncio
import datetime as dt
import errno
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from polygon_assets.datasets import Dataset
from polygon_assets.download.objects import FetchedObject, RemoteObject
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import (
    AccessDeniedError,
    ContentError,
    InvalidInputError,
    ObjectNotFoundError,
    PolygonAssetsError,
    StoreError,
    TransferError,
)
from polygon_assets.ingest.conversion import Conversion, convert
from polygon_assets.ingest.findings import Finding
from polygon_assets.ingest.limits import Limits
from polygon_assets.ingest.provenance import Provenance, Source
from polygon_assets.ingest.quarantine import QuarantinedDay
from polygon_assets.ingest.results import DayResult, DayStatus
from polygon_assets.ingest.store import ParquetStore

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Downloader(Protocol):
    """What is needed of ``AsyncS3Downloader``."""

    async def head(self, bucket: str, key: str) -> RemoteObject:
        """Size, ETag and last-modified of the object."""

    async def fetch(self, bucket: str, key: str, local_path: Path) -> FetchedObject:
        """Save the object, verified, and describe the bytes received."""


@dataclass(frozen=True)
class Run:
    """What all days of one call share."""

    dataset: Dataset
    catalog: S3Catalog
    downloader: Downloader
    store: ParquetStore
    staging: Path
    executor: Executor
    limits: Limits
    overwrite: bool
    keep_raw: bool
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the call ends: conversions that still run give up."""


class DayIngest:
    """One day on its way."""

    def __init__(self, run: Run, day: str) -> None:
        self._run = run
        self._day = day
        self._key = run.catalog.get_key(run.dataset.name, day)
        self._raw = run.staging / f"{day}.csv.gz"
        self._parquet = run.staging / f"{day}.parquet"
        self._base = DayResult(
            day=day, status=DayStatus.FAILED, source_key=self._key, uri=run.store.path(run.dataset.name, day)
        )
        self._stored: Provenance | None = None

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
            self._raw.unlink(missing_ok=True)
            self._parquet.unlink(missing_ok=True)

    async def _ingest(self) -> DayResult:
        run = self._run
        self._stored, kept, seen = await asyncio.to_thread(self._look)
        if kept and self._stored and not self._stored.is_current and not run.overwrite:
            return await self._rebuild(kept)
        try:
            if seen and not run.overwrite:  # else the answer to the GET says all that a HEAD would
                head = await run.downloader.head(run.catalog.bucket, self._key)
                if settled := await self._without_fetching(head.etag, kept):
                    return settled
            return await self._fetch_and_publish()
        except AccessDeniedError as error:
            return await self._out_of_reach(kept, error, DayStatus.NOT_ENTITLED)
        except ObjectNotFoundError as error:
            return await self._out_of_reach(kept, error, DayStatus.NOT_PUBLISHED_YET)

    async def _without_fetching(self, etag: str, kept: Source | None) -> DayResult | None:
        """The outcome where the source with ``etag`` has been seen already; None where it must be fetched."""
        run, stored = self._run, self._stored
        if stored and stored.is_current and stored.source_etag == etag:
            return self._unchanged()
        refused = await asyncio.to_thread(run.store.quarantine.day, run.dataset.name, self._day)
        if refused and refused.refused and refused.is_current and refused.source.etag == etag:
            return self._refused_before(refused)
        return await self._rebuild(kept) if kept and kept.etag == etag else None

    async def _out_of_reach(self, kept: Source | None, error: TransferError, status: DayStatus) -> DayResult:
        """The vendor does not hand it out (any more): what is stored stays, what was kept is used."""
        if kept and (self._run.overwrite or not self._stored):
            return await self._rebuild(kept)
        if self._stored:
            return replace(self._unchanged(), warning=f"Stored, and the source is out of reach now: {error}")
        return self._ended(status, error=error)

    async def _rebuild(self, kept: Source) -> DayResult:
        """Convert the source file that was kept, without the network; one that has rotted is fetched again."""
        await self._in_thread(self._run.store.raw_files.fetch, self._run.dataset.name, self._day, kept, self._raw)
        self._base = replace(self._base, source_etag=kept.etag, source_bytes=kept.size)
        try:
            return await self._in_thread(self._convert, kept)
        except ContentError as error:
            logger.warning("%s: the kept file does not convert, so it is fetched again: %s", self._key, error)
            return await self._fetch_and_publish()

    async def _fetch_and_publish(self) -> DayResult:
        run, began = self._run, time.perf_counter()
        fetched = await run.downloader.fetch(run.catalog.bucket, self._key, self._raw)
        self._base = replace(self._base, retries=fetched.retries, download_seconds=time.perf_counter() - began)
        uri = f"s3://{run.catalog.bucket}/{fetched.key}"
        source = Source(uri, fetched.key, fetched.etag, fetched.last_modified, fetched.size)
        return await self._convert_and_publish(source)

    async def _convert_and_publish(self, source: Source) -> DayResult:
        self._base = replace(self._base, source_etag=source.etag, source_bytes=source.size)
        try:
            return await self._in_thread(self._convert, source)
        except ContentError as error:
            return await self._in_thread(self._refuse, source, error)

    def _convert(self, source: Source) -> DayResult:
        run, began = self._run, time.perf_counter()
        day = dt.date.fromisoformat(self._day)
        made = convert(self._raw, self._parquet, run.dataset, day, source, limits=run.limits, cancelled=run.cancelled)
        self._publish(made, source)
        seconds = time.perf_counter() - began
        return self._stored_as(DayStatus.PUBLISHED, made.provenance, convert_seconds=seconds)

    def _publish(self, made: Conversion, source: Source) -> None:
        """Quarantine and raw file first, then the day: whatever interrupts, nothing published lacks what it came of."""
        run, name = self._run, self._run.dataset.name
        quarantine = run.store.quarantine
        if made.set_aside is not None:
            quarantine.keep_rows(made.set_aside, run.staging, name, self._day, source, made.findings)
        if run.keep_raw and run.store.raw_files.source(name, self._day) != source:
            run.store.raw_files.keep(self._raw, name, self._day, source)
        run.store.publish(self._parquet, name, self._day)
        if made.set_aside is None:
            quarantine.clear(name, self._day)

    def _refuse(self, source: Source, error: ContentError) -> DayResult:
        findings = tuple(each for each in error.findings if isinstance(each, Finding))
        name = self._run.dataset.name
        self._run.store.quarantine.keep_source(self._raw, name, self._day, source, error.cause, findings)
        return self._ended(DayStatus.REFUSED, error=error, findings=findings)

    def _refused_before(self, held: QuarantinedDay) -> DayResult:
        """The same file was refused already: say so without fetching it again."""
        cause = f"{held.cause} (refused before, kept in {held.uri}; not fetched again unless overwritten)"
        self._base = replace(self._base, source_etag=held.source.etag, source_bytes=held.source.size)
        return self._ended(DayStatus.REFUSED, error=ContentError(self._key, cause), findings=held.findings)

    def _unchanged(self) -> DayResult:
        assert self._stored is not None  # noqa: S101 (both callers have looked)
        stored = self._stored
        self._base = replace(self._base, source_etag=stored.source_etag, source_bytes=stored.source_bytes)
        return self._stored_as(DayStatus.UNCHANGED, stored)

    def _stored_as(self, status: DayStatus, provenance: Provenance, **timing: float) -> DayResult:
        size = self._run.store.parquet_bytes(self._run.dataset.name, self._day) or 0
        return replace(
            self._base,
            status=status,
            rows=provenance.rows,
            symbols=provenance.symbols,
            parquet_bytes=size,
            findings=provenance.findings,
            **timing,  # type: ignore[arg-type]
        )

    def _ended(self, status: DayStatus, **outcome: Any) -> DayResult:
        return replace(self._base, status=status, **outcome)

    def _look(self) -> tuple[Provenance | None, Source | None, bool]:
        """What is stored, which source file is kept, and whether a source file was seen before.

        Quick, so it need not wait for a converting thread.
        """
        store, name = self._run.store, self._run.dataset.name
        stored, kept = self._read_stored(), store.raw_files.source(name, self._day)
        return stored, kept, bool(stored or kept or store.quarantine.day(name, self._day))

    def _read_stored(self) -> Provenance | None:
        """What is stored; a file that is not a stored day is as good as none, and is replaced."""
        try:
            return self._run.store.provenance(self._run.dataset.name, self._day)
        except StoreError as error:
            logger.warning("%s", error)
            return None

    def _machine_error(self, error: OSError) -> StoreError:
        remedy = "Free space" if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else "Fix the cause"
        return StoreError(f"{self._base.uri}: this machine could not write it: {error}. {remedy}, then try again.")

    async def _in_thread(self, call: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._run.executor, call, *arguments)
