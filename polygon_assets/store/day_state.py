"""What the store knows of a day before the vendor is asked: what is stored, what is kept of it, what was refused.

Belongs here: looking. Does not: what follows from it (``day_ingest``).
"""

import datetime as dt
import logging
from dataclasses import dataclass
from functools import partial

from polygon_assets.datasets import get_dataset
from polygon_assets.errors import StoreError
from polygon_assets.flatfile.provenance import Provenance
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets.store.quarantine import QuarantinedDay
from polygon_assets.store.raw_files import KeptCopy

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KnownDay:
    """One day, as the store has it."""

    stored: Provenance | None = None
    """None: not stored, or its footer cannot be read."""
    stored_bytes: int = 0
    """Size of the stored file; 0 where there is none."""
    raw: KeptCopy | None = None
    """Its source file, where it was to be kept."""
    is_current: bool = False
    """Was the stored day made under the rules that its dataset has today?"""
    is_damaged: bool = False
    """Is there a stored file whose footer cannot be read?"""
    held: tuple[QuarantinedDay, ...] = ()
    """What is in quarantine, newest source first."""
    judged_before: tuple[KeptCopy, ...] = ()
    """Files in quarantine that were refused under other rules than today's."""
    in_quarantine: bool = False
    """Is there any file in quarantine, with a record or without?"""

    @property
    def was_seen(self) -> bool:
        """Was a source file of the day seen before?"""
        return bool(self.stored or self.raw or self.held)

    def stored_from(self, etag: str) -> bool:
        """Was the stored day made from the source with ``etag``, under today's rules?"""
        return self.stored is not None and self.is_current and self.stored.source_etag == etag

    def keeps_raw(self, etag: str) -> bool:
        """Is the source with ``etag`` among the raw files?"""
        return self.raw is not None and self.raw.source.etag == etag

    def usable(self, *, overwrite: bool) -> list[KeptCopy]:
        """The source files to convert without the network, newest first.

        None that is older than what is stored, and none that today's rules have refused. That of the stored day
        itself only where the day is to be made anew.
        """
        copies = [*([self.raw] if self.raw else []), *self.judged_before]
        fitting = [each for each in copies if not self.refused(each.source.etag) and self._is_due(each, overwrite)]
        return sorted(fitting, key=lambda each: each.source.last_modified, reverse=True)

    def _is_due(self, copy: KeptCopy, overwrite: bool) -> bool:
        stored = self.stored
        if stored is None:
            return True
        if copy.source.etag == stored.source_etag:
            return overwrite or not self.is_current
        return copy.source.last_modified > dt.datetime.fromisoformat(stored.source_last_modified)

    def refused(self, etag: str) -> QuarantinedDay | None:
        """The verdict on the source with ``etag`` where it was refused under today's rules."""
        return next((each for each in self.held if each.refused and each.is_current and each.source.etag == etag), None)


def look(store: ParquetStore, dataset: str, day: str) -> KnownDay:
    """What ``store`` has of ``day``; a stored file that is no stored day is as good as none, and will be replaced."""
    is_damaged = False
    try:
        stored = store.provenance(dataset, day)
    except StoreError as error:
        logger.warning("%s", error)
        stored, is_damaged = None, True
    quarantine, raw = store.quarantine, store.raw_files.source(dataset, day)
    names = quarantine.names(dataset, day)
    held = quarantine.held(dataset, day) if names else ()
    return KnownDay(
        stored=stored,
        stored_bytes=(store.parquet_bytes(dataset, day) or 0) if stored else 0,
        raw=KeptCopy(raw, partial(store.raw_files.fetch, dataset, day, raw), refused=False) if raw else None,
        is_current=stored is not None and stored.is_current(get_dataset(dataset)),
        is_damaged=is_damaged,
        held=held,
        judged_before=tuple(
            KeptCopy(each.source, partial(quarantine.fetch_source, each), refused=True)
            for each in held
            if each.refused and not each.is_current and quarantine.has_source(each)
        ),
        in_quarantine=bool(names),
    )
