"""What the store knows of a day before the vendor is asked: what is stored, what is kept of it, what was refused.

Belongs here: looking. Does not: what follows from it (``day_ingest``).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from polygon_assets.errors import StoreError
from polygon_assets.ingest.provenance import Provenance, Source
from polygon_assets.ingest.quarantine import QuarantinedDay
from polygon_assets.ingest.store import ParquetStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptCopy:
    """A source file that lies in the store."""

    source: Source
    bring: Callable[[Path], None]
    """Puts it at a path, where it is only to be read."""
    refused: bool
    """It lies in quarantine, refused under earlier rules."""


@dataclass(frozen=True)
class KnownDay:
    """One day, as the store has it."""

    stored: Provenance | None
    """None: not stored, or its footer cannot be read."""
    stored_bytes: int
    """Size of the stored file; 0 where there is none."""
    copy: KeptCopy | None
    """The source file to convert again without the network."""
    held: tuple[QuarantinedDay, ...]
    """What is in quarantine."""

    @property
    def was_seen(self) -> bool:
        """Was a source file of the day seen before?"""
        return bool(self.stored or self.copy or self.held)

    def stored_from(self, etag: str) -> bool:
        """Was the stored day made from the source with ``etag``, under today's rules?"""
        return self.stored is not None and self.stored.is_current and self.stored.source_etag == etag

    def keeps_raw(self, etag: str) -> bool:
        """Is the source with ``etag`` among the raw files?"""
        return self.copy is not None and not self.copy.refused and self.copy.source.etag == etag

    def refused(self, etag: str) -> QuarantinedDay | None:
        """The verdict on the source with ``etag`` where it was refused under today's rules."""
        return next((each for each in self.held if each.refused and each.is_current and each.source.etag == etag), None)


def look(store: ParquetStore, dataset: str, day: str) -> KnownDay:
    """What ``store`` has of ``day``; a stored file that is no stored day is as good as none, and will be replaced."""
    try:
        stored = store.provenance(dataset, day)
    except StoreError as error:
        logger.warning("%s", error)
        stored = None
    held = store.quarantine.held(dataset, day)
    size = (store.parquet_bytes(dataset, day) or 0) if stored else 0
    return KnownDay(stored, size, _copy(store, dataset, day, held), held)


def _copy(store: ParquetStore, dataset: str, day: str, held: tuple[QuarantinedDay, ...]) -> KeptCopy | None:
    """The raw file; else a file that was refused under other rules than today's."""
    if raw := store.raw_files.source(dataset, day):
        return KeptCopy(raw, partial(store.raw_files.fetch, dataset, day, raw), refused=False)
    for each in held:
        if each.refused and not each.is_current and store.quarantine.has_source(each):
            return KeptCopy(each.source, partial(store.quarantine.fetch_source, each), refused=True)
    return None
