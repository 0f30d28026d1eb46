"""Recording: what was stored outside a run, reported to the Dagster instance as runless events."""

import logging
from collections.abc import Callable

import dagster as dg

from polygon_assets.errors import StoreError
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore
from polygon_assets.ingest.history import RowCounts
from polygon_assets.ingest.results import stored_result
from polygon_assets.orchestration.assets import STORED
from polygon_assets.orchestration.checks import day_checks
from polygon_assets.orchestration.events import report_evaluation
from polygon_assets.orchestration.extracts import day_extract
from polygon_assets.orchestration.metadata import day_metadata

logger = logging.getLogger(__name__)


class Recorder:
    """Reports days of one data type; a stored day that the instance knows already is not reported twice."""

    def __init__(self, instance: dg.DagsterInstance, dataset: str, store: ParquetStore) -> None:
        """``dataset`` is the name of a row of the table, ``store`` where its days are."""
        self._instance = instance
        self._store = store
        self._row_counts = RowCounts(store, dataset)
        self._key = dg.AssetKey(dataset)
        self._known = set(instance.get_materialized_partitions(self._key))

    def knows(self, day: str) -> bool:
        """Does the instance show ``day`` as materialised?"""
        return day in self._known

    def record(self, result: DayResult) -> bool:
        """Report one day's outcome; True when something was written."""
        if result.status is DayStatus.UNCHANGED and self.knows(result.day):
            return False
        if result.status in STORED:
            metadata = day_metadata(result)
            if result.status is DayStatus.PUBLISHED:  # recording a whole store must read footers only
                metadata |= day_extract(self._store, self._key.to_user_string(), result.day)
            materialisation = dg.AssetMaterialization(self._key, partition=result.day, metadata=metadata)
            self._instance.report_runless_asset_event(materialisation)
            self._known.add(result.day)
            self._row_counts.add(result.day, result.rows)
        for evaluation in day_checks(self._key, result, self._row_counts):
            report_evaluation(self._instance, evaluation)
        return True


def record_stored(
    instance: dg.DagsterInstance, dataset: str, store: ParquetStore, *, on_day: Callable[[str, bool], None]
) -> int:
    """Report every stored day that the instance does not know, from the footers alone; how many were reported.

    ``on_day`` hears of each stored day, and whether it was reported. A day whose footer cannot be read is skipped
    with a line in the log; ``polygon-assets verify`` says more about it.
    """
    recorder = Recorder(instance, dataset, store)
    reported = 0
    for day in store.days(dataset):
        written = not recorder.knows(day) and _record_footer(recorder, dataset, day, store)
        reported += written
        on_day(day, written)
    return reported


def _record_footer(recorder: Recorder, dataset: str, day: str, store: ParquetStore) -> bool:
    try:
        stored = stored_result(store, dataset, day)
    except StoreError as error:
        logger.warning("%s", error)
        return False
    return stored is not None and recorder.record(stored)
