"""Recording: what was stored outside a run, reported to the Dagster instance as runless events."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.errors import NotReplacedError, StoreError
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore
from polygon_assets.ingest.results import STORED, stored_result
from polygon_assets.orchestration.assets.checks import READABLE, day_checks, unreadable
from polygon_assets.orchestration.assets.metadata import day_extract, day_metadata
from polygon_assets.orchestration.assets.roll_up_assets import year_metadata, year_partitions
from polygon_assets.orchestration.dagster_internals import latest_failed, report_evaluation
from polygon_assets.orchestration.lost_days import stored_and_lost
from polygon_assets.store.roll_ups import YearFile
from polygon_assets.store.row_counts import RowCounts
from polygon_assets.store.verifying import is_as_published
from polygon_assets.wording import counted

logger = logging.getLogger(__name__)
_READERS = 8


class Recorder:
    """Reports days of one dataset; what the instance knows already is not reported twice."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        dataset: Dataset,
        store: ParquetStore,
        partitions: dg.DailyPartitionsDefinition,
        key: dg.AssetKey | None = None,
    ) -> None:
        """``store`` is where the days are; days that are none of ``partitions`` are not reported.

        ``key`` is the asset's, where it is not the dataset's name.
        """
        self._dataset = dataset.name
        self._instance = instance
        self._store = store
        self._partitions = partitions
        self._row_counts = RowCounts(store, dataset.name)
        self._key = key or dg.AssetKey(dataset.name)
        self._known = set(instance.get_materialized_partitions(self._key))
        self._outside: set[str] = set()

    @property
    def remark(self) -> str | None:
        """What to say of days that were not reported because they are no partitions; None where all are."""
        if not self._outside:
            return None
        first, last = min(self._outside), max(self._outside)
        named = first if len(self._outside) == 1 else f"{counted(len(self._outside), 'day')}, {first} to {last},"
        stored = "is stored, and not shown" if len(self._outside) == 1 else "are stored, and not shown"
        return f"{named} {stored} in Dagster: {'; '.join(self._reasons())}."

    def _reasons(self) -> Iterator[str]:
        """Why days are not shown, each reason once, with the setting that changes it."""
        start = f"{self._partitions.start:%Y-%m-%d}"
        earlier = [day for day in self._outside if day < start]
        if earlier:
            yield f"its days begin on {start} (POLYGON_HISTORY_START)"
        if len(earlier) < len(self._outside):
            yield "the trading calendar has no such day (POLYGON_EXTRA_CLOSURES adds closures to it)"

    def knows(self, result: DayResult) -> bool:
        """Does the instance show the day as materialised, from the same source and rules, and not as unreadable?"""
        return (
            result.day in self._known
            and self._recorded(result.day) == (result.source_etag, result.schema_version)
            and not self._was_unreadable(result.day)
        )

    def record(self, result: DayResult) -> bool:
        """Report one day's outcome; True when something was written."""
        if result.status is DayStatus.UNCHANGED and self.knows(result):
            return False
        if result.day not in self._known and not self._partitions.has_partition_key(result.day):
            if result.status in STORED:
                self._outside.add(result.day)
            return False
        if result.status in STORED:
            metadata = day_metadata(result)
            if result.status is DayStatus.PUBLISHED:  # recording a whole store must read footers only
                metadata |= day_extract(self._store, self._dataset, result.day)
            materialisation = dg.AssetMaterialization(self._key, partition=result.day, metadata=metadata)
            self._instance.report_runless_asset_event(materialisation)
            self._known.add(result.day)
            self._row_counts.add(result.day, result.rows, result.filter)
        for evaluation in day_checks(self._key, result, self._row_counts, self._problems(result)):
            report_evaluation(self._instance, evaluation)
        return True

    def report_lost(self) -> list[str]:
        """Mark the days that the instance shows in this store and that are not there as not readable; oldest first.

        Days before the first partition were let go, and are none of them.
        """
        _, lost = stored_and_lost(self._instance, self._key, self._store, self._dataset)
        lost = [day for day in lost if self._partitions.has_partition_key(day)]
        for day in lost:
            if not self._was_unreadable(day):
                cause = f"{self._store.path(self._dataset, day)} was stored, and is not there any more."
                report_evaluation(self._instance, unreadable(self._key, day, cause))
        return lost

    def _problems(self, result: DayResult) -> tuple[str, ...] | None:
        """What is wrong with a stored file that was, or may be, unreadable; of others only the footer was read."""
        suspected = isinstance(result.error, NotReplacedError)
        if suspected or (result.status is DayStatus.UNCHANGED and self._was_unreadable(result.day)):
            return is_as_published(self._store, self._dataset, result.day)
        return None

    def _was_unreadable(self, day: str) -> bool:
        return latest_failed(self._instance, dg.AssetCheckKey(self._key, READABLE), day)

    def _recorded(self, day: str) -> tuple[object, object] | None:
        """ETag and schema version of the newest materialisation."""
        said = _newest_metadata(self._instance, self._key, day)
        return None if said is None else (said.get("source_etag"), said.get("schema_version"))


class YearRecorder:
    """Reports years' files of one dataset that were made outside a run; what the instance knows is left alone."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        partitions: dg.DailyPartitionsDefinition,
        key: dg.AssetKey,
    ) -> None:
        """``partitions`` are the dataset's days, ``key`` is that of the asset of its years."""
        self._instance, self._key = instance, key
        self._years = frozenset(year_partitions(partitions).get_partition_keys())

    def record(self, made: YearFile) -> bool:
        """Report one file; True when something was written, False for one that is known or no partition."""
        year, metadata = f"{made.year}", year_metadata(made)
        known = _newest_metadata(self._instance, self._key, year) or {}
        if year not in self._years or known.items() >= metadata.items():
            return False
        materialisation = dg.AssetMaterialization(self._key, partition=year, metadata=metadata)
        self._instance.report_runless_asset_event(materialisation)
        return True


def _newest_metadata(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str) -> dict[str, object] | None:
    """The plain values of the newest materialisation of a partition; None where there is none."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[partition])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        if materialisation := record.asset_materialization:
            return {name: value.value for name, value in materialisation.metadata.items()}
    return None


def record_stored(
    recorder: Recorder, dataset: Dataset, store: ParquetStore, *, on_day: Callable[[str, bool], None]
) -> int:
    """Report every stored day that the instance does not know as it is, from the footers alone; how many were reported.

    ``on_day`` is called with each stored day, and whether it was reported. A day whose footer cannot be read is skipped
    with a line in the log; ``polygon-assets verify`` says more about it.
    """
    days = store.days(dataset.name)
    reported = 0
    with ThreadPoolExecutor(_READERS, thread_name_prefix="footers") as readers:
        for day, stored in zip(days, readers.map(partial(_read_footer, store, dataset.name), days), strict=True):
            written = stored is not None and recorder.record(stored)
            reported += written
            on_day(day, written)
    return reported


def _read_footer(store: ParquetStore, dataset: str, day: str) -> DayResult | None:
    try:
        return stored_result(store, dataset, day)
    except StoreError as error:
        logger.warning("%s", error)
        return None
