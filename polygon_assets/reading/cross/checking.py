"""Checking a stored day against everything that is stored beside it.

Belongs here: which comparisons a day is due, from the table of datasets. Does not: the comparisons.
"""

import datetime as dt
import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property

from polygon_assets.calendars import TradingCalendar, trading_calendar
from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.bars_and_parts import compare_with_parts, missing_at_the_end
from polygon_assets.reading.cross.cross_rules import CrossFinding
from polygon_assets.reading.cross.day_before import compare_row_count, compare_with_day_before, knows_of_splits
from polygon_assets.reading.cross.summaries import Summary, has_minutes, summarise
from polygon_assets.reference.events import SPLITS
from polygon_assets.reference.tables import read_events
from polygon_assets.store.row_counts import RowCounts

_SPLITS_DIGITS = 16
_KEPT = 3
"""Summaries: a day's bars, minutes and trades."""


class CrossChecks:
    """Compares stored days; what is stored is what was listed at first."""

    def __init__(self, store: ParquetStore, extra_closures: Sequence[dt.date] = ()) -> None:
        self._store = store
        self._closures = tuple(extra_closures)
        self._versions: dict[str, dict[str, str]] = {}
        self._row_counts: dict[str, RowCounts] = {}
        self._summaries: dict[tuple[str, str], Summary] = {}

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(self._store.names(""))

    def days(self, dataset: str) -> list[str]:
        """The stored days of ``dataset``, oldest first."""
        return list(self._stored(dataset))

    def _stored(self, dataset: str) -> dict[str, str]:
        if dataset not in self._versions:
            self._versions[dataset] = self._store.versions(dataset) if dataset in self._folders else {}
        return self._versions[dataset]

    def fingerprint(self, dataset: Dataset, day: str) -> str:
        """What tells the files, and the splits, that ``check`` reads of ``day`` from any others."""
        before = self._day_before(dataset, day)
        files = [(dataset.name, day), (self._parts(dataset, day), day), (dataset.name, before)]
        read = [self._stored(name).get(at or "", "") if name else "" for name, at in files]
        splits = [text for at, text in self._splits if before < at <= day] if knows_of_splits(dataset) else []
        if splits:
            read.append(hashlib.sha256("\n".join(splits).encode()).hexdigest()[:_SPLITS_DIGITS])
        return "|".join(read)

    @cached_property
    def _splits(self) -> list[tuple[str, str]]:
        """The stored splits, each with its day; none where the table is damaged, which checking says."""
        try:
            rows = read_events(self._store, SPLITS, None, ["ticker", SPLITS.date, *SPLITS.amounts, "problem"])
        except (FileNotFoundError, StoreError):
            return []
        return [(str(row[SPLITS.date]), str(sorted(row.items()))) for row in rows.to_pylist() if row[SPLITS.date]]

    def check(self, dataset: Dataset, day: str) -> tuple[CrossFinding, ...]:
        """What is wrong with the stored ``day``, as far as others stored beside it tell; empty: nothing.

        Raises:
            StoreError: a day cannot be read.
            StoreUnreachableError: the store's bucket does not answer.
        """
        return tuple(self._findings(dataset, day))

    def _findings(self, dataset: Dataset, day: str) -> Iterator[CrossFinding]:
        if self._store.provenance(dataset.name, day) is None:
            raise StoreError(f"{self._store.path(dataset.name, day)}: removed since the days were listed")
        if parts := self._parts(dataset, day):
            yield from compare_with_parts(self._summary(dataset, day), self._summary(DATASETS[parts], day))
        if has_minutes(dataset):
            traded = self._summary(dataset, day).traded
            yield from missing_at_the_end(traded) if traded else ()
        before = self._day_before(dataset, day)
        if before in self._stored(dataset.name):
            yield from compare_with_day_before(self._store, dataset, day, before)
        elif before and any(earlier < before for earlier in self._stored(dataset.name)):
            yield CrossFinding("day_before_missing", before, 1, 1, ())
        counts = self._row_counts.setdefault(dataset.name, RowCounts(self._store, dataset.name))
        yield from compare_row_count(counts, day)

    def _parts(self, dataset: Dataset, day: str) -> str:
        """The dataset that the bars of ``day`` are held against: minutes, else trades; empty where none is stored."""
        parts = dataset.made_of
        while parts and day not in self._stored(parts):
            parts = DATASETS[parts].made_of
        return parts

    def _summary(self, dataset: Dataset, day: str) -> Summary:
        key = dataset.name, day
        if key not in self._summaries:
            while len(self._summaries) >= _KEPT:
                del self._summaries[next(iter(self._summaries))]
            self._summaries[key] = summarise(self._store, dataset, day, self._calendar(dataset))
        return self._summaries[key]

    def _calendar(self, dataset: Dataset) -> TradingCalendar:
        return trading_calendar(dataset.calendar, self._closures)

    def _day_before(self, dataset: Dataset, day: str) -> str:
        """The session before ``day``; empty where the calendar knows none."""
        sessions = self._calendar(dataset).sessions
        place = bisect_left(sessions, dt.date.fromisoformat(day))
        return sessions[place - 1].isoformat() if place else ""
