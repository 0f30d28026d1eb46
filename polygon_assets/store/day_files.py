"""One day's files: what the store has of it before the vendor is asked, and the ways into the store.

Belongs here: looking, and blocking steps, each in a thread. Does not: which of them a day takes (``ingest.one_day``).
"""

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import ContentError, LinkInStoreError, StoreError
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.flatfile.conversion import Conversion, convert
from polygon_assets.flatfile.findings import Finding
from polygon_assets.flatfile.limits import Limits
from polygon_assets.flatfile.provenance import Provenance, Source
from polygon_assets.flatfile.read_ahead import SpareCores
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets.store.quarantine import QuarantinedDay, Stored, version_of
from polygon_assets.store.raw_files import RetainedSource

logger = logging.getLogger(__name__)
TEXT_PER_SOURCE_BYTE = 4
"""How much larger the text of a csv.gz is, about; flat files have 3 to 8."""


@dataclass(frozen=True, kw_only=True)
class StoredState:
    """One day, as the store has it."""

    stored: Provenance | None = None
    """None: not stored, or its footer cannot be read."""
    stored_bytes: int = 0
    """Size of the stored file; 0 where there is none."""
    raw: RetainedSource | None = None
    """Its source file, where it was to be kept."""
    is_current: bool = False
    """Was the stored day made under the rules that its dataset has today, with the filter that is asked for?"""
    is_damaged: bool = False
    """Is there a stored file whose footer cannot be read?"""
    quarantined: tuple[QuarantinedDay, ...] = ()
    """What is in quarantine, newest source first."""
    refused_under_older_rules: tuple[RetainedSource, ...] = ()
    """Files in quarantine that were refused under other rules than today's."""
    in_quarantine: bool = False
    """Is there any file in quarantine, with a record or without?"""

    @property
    def was_seen(self) -> bool:
        """Was a source file of the day seen before?"""
        return bool(self.stored or self.raw or self.quarantined)

    def stored_from(self, etag: str) -> bool:
        """Was the stored day made from the source with ``etag``, under today's rules?"""
        return self.stored is not None and self.is_current and self.stored.source_etag == etag

    def keeps_raw(self, etag: str) -> bool:
        """Is the source with ``etag`` among the raw files?"""
        return self.raw is not None and self.raw.source.etag == etag

    def usable(self, *, overwrite: bool) -> list[RetainedSource]:
        """The source files to convert without the network, newest first.

        None that is older than what is stored, and none that today's rules have refused. That of the stored day
        itself only where the day is to be made anew.
        """
        copies = [*([self.raw] if self.raw else []), *self.refused_under_older_rules]
        fitting = [each for each in copies if not self.refused(each.source.etag) and self._is_due(each, overwrite)]
        return sorted(fitting, key=lambda each: each.source.last_modified, reverse=True)

    def _is_due(self, copy: RetainedSource, overwrite: bool) -> bool:
        stored = self.stored
        if stored is None:
            return True
        if copy.source.etag == stored.source_etag:
            return overwrite or not self.is_current
        return copy.source.last_modified > dt.datetime.fromisoformat(stored.source_last_modified)

    def refused(self, etag: str) -> QuarantinedDay | None:
        """The record of the source with ``etag`` where it was refused under today's rules."""
        return next(
            (each for each in self.quarantined if each.refused and each.is_current and each.source.etag == etag), None
        )


def read_state(store: ParquetStore, dataset: str, day: str, row_filter: RowFilter = ALL_ROWS) -> StoredState:
    """What ``store`` has of ``day``; a stored file that is no stored day is as good as none, and will be replaced.

    One that was made with another filter than ``row_filter`` is not current.
    """
    is_damaged = False
    try:
        stored = store.provenance(dataset, day)
    except LinkInStoreError:  # nothing can be put there
        raise
    except StoreError as error:
        logger.warning("%s", error)
        stored, is_damaged = None, True
    quarantine, raw = store.quarantine, store.raw_files.source(dataset, day)
    names = quarantine.names(dataset, day)
    held = quarantine.entries(dataset, day) if names else ()
    return StoredState(
        stored=stored,
        stored_bytes=(store.parquet_bytes(dataset, day) or 0) if stored else 0,
        raw=RetainedSource(raw, partial(store.raw_files.fetch, dataset, day, raw), refused=False) if raw else None,
        is_current=stored is not None and stored.is_current(get_dataset(dataset), row_filter),
        is_damaged=is_damaged,
        quarantined=held,
        refused_under_older_rules=tuple(
            RetainedSource(each.source, partial(quarantine.fetch_source, each), refused=True)
            for each in held
            if each.refused and not each.is_current and quarantine.has_source(each)
        ),
        in_quarantine=bool(names),
    )


class DayFiles:
    """The csv.gz and the Parquet file of one day; the step that needs them last removes them."""

    def __init__(self, store: ParquetStore, dataset: Dataset, day: str, staging: Path) -> None:
        self.raw = staging / f"{day}.csv.gz"
        """Where the source file is to be put."""
        self.seconds = 0.0
        """Spent on converting and publishing, without waiting for a thread."""
        self._parquet = staging / f"{day}.parquet"
        self._store, self._dataset, self._day, self._staging = store, dataset, day, staging

    def convert(
        self,
        source: Source,
        limits: Limits,
        cancelled: threading.Event,
        cores: SpareCores,
        row_filter: RowFilter = ALL_ROWS,
    ) -> Conversion:
        """Make the Parquet file; after a ContentError the source file is still there, to be refused."""
        day, began = dt.date.fromisoformat(self._day), time.perf_counter()
        try:
            several_blocks = self.raw.stat().st_size * TEXT_PER_SOURCE_BYTE > self._dataset.row_group_bytes
            with cores.conversion(several_blocks=several_blocks) as read_ahead:
                return convert(
                    self.raw,
                    self._parquet,
                    self._dataset,
                    day,
                    source,
                    limits=limits,
                    cancelled=cancelled,
                    read_ahead=read_ahead,
                    row_filter=row_filter,
                )
        except ContentError:
            raise
        except BaseException:  # whatever it was, cancelling too: nobody else removes these files before the run's end
            self._remove()
            raise
        finally:
            self.seconds += time.perf_counter() - began

    def convert_copy(
        self,
        copy: RetainedSource,
        limits: Limits,
        cancelled: threading.Event,
        cores: SpareCores,
        row_filter: RowFilter = ALL_ROWS,
    ) -> Conversion:
        """Make the Parquet file of a source file that lies in the store; CorruptFileError where it is corrupt."""
        self.raw.unlink(missing_ok=True)
        copy.bring(self.raw)
        return self.convert(copy.source, limits, cancelled, cores, row_filter)

    def publish(self, made: Conversion, source: Source, *, keep_raw: bool, latest: bool) -> int:
        """Quarantine and raw file first, then the day: whatever interrupts, nothing published lacks what it came of.

        ``latest``: it is what the vendor has now. Gives the Parquet file's bytes.
        """
        began = time.perf_counter()
        with self._removed():
            size = self._parquet.stat().st_size
            if made.rejected_rows is not None:
                self._keep_rows(made, source)
            if keep_raw:
                self._store.raw_files.keep(self.raw, self._dataset.name, self._day, source)
            try:
                self._store.publish(self._parquet, self._dataset.name, self._day)
            except BaseException:  # whatever it was, the rows just kept belong to no stored day
                with suppress(OSError, StoreError):  # the error that counts is on its way
                    self.settle(latest=False)
                raise
            self._settle_published(made, source, latest=latest)
        self.seconds += time.perf_counter() - began
        return size

    def settle(self, *, latest: bool) -> None:
        """Leave in quarantine what belongs to the day as it is stored now, whoever stored it."""
        name, quarantine = self._dataset.name, self._store.quarantine
        now = self._store.provenance(name, self._day)
        if now is not None:
            quarantine.settle(name, self._day, Stored(now.source_etag, now.schema_version), latest=latest)

    def _settle_published(self, made: Conversion, source: Source, *, latest: bool) -> None:
        name, quarantine = self._dataset.name, self._store.quarantine
        if made.rejected_rows is None and not quarantine.names(name, self._day):
            return
        self.settle(latest=latest)
        # Another process, publishing another version at the same time, may have taken the rows for leftovers.
        if made.rejected_rows is not None and not quarantine.has_rows(
            name, self._day, version_of(source.etag, self._dataset.schema_version)
        ):
            self._keep_rows(made, source)

    def _keep_rows(self, made: Conversion, source: Source) -> None:
        assert made.rejected_rows is not None  # noqa: S101 (both callers have looked)
        self._store.quarantine.keep_rows(
            made.rejected_rows, self._staging, self._dataset.name, self._day, source, made.findings
        )

    def refuse(self, source: Source, error: ContentError) -> tuple[Finding, ...]:
        """Put the source file into quarantine; what was found in it."""
        findings = tuple(each for each in error.findings if isinstance(each, Finding))
        with self._removed():
            self._store.quarantine.keep_source(self.raw, self._dataset.name, self._day, source, error.cause, findings)
        return findings

    def keep_raw(self, source: Source) -> None:
        """Keep the source file of a day that is stored."""
        with self._removed():
            self._store.raw_files.keep(self.raw, self._dataset.name, self._day, source)

    @contextmanager
    def _removed(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._remove()

    def _remove(self) -> None:
        self.raw.unlink(missing_ok=True)
        self._parquet.unlink(missing_ok=True)
