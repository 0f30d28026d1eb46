"""Recording: what was stored outside a run, reported to the Dagster instance as runless events."""

import dagster as dg

from polygon_assets.ingest import DayResult, DayStatus
from polygon_assets.orchestration.assets import STORED
from polygon_assets.orchestration.checks import day_checks
from polygon_assets.orchestration.metadata import day_metadata


class Recorder:
    """Reports days of one data type; a stored day that the instance knows already is not reported twice."""

    def __init__(self, instance: dg.DagsterInstance, dataset: str) -> None:
        """``dataset`` is the name of a row of the table."""
        self._instance = instance
        self._key = dg.AssetKey(dataset)
        self._known = set(instance.get_materialized_partitions(self._key))

    def record(self, result: DayResult) -> bool:
        """Report one day's outcome; True when something was written."""
        if result.status is DayStatus.UNCHANGED and result.day in self._known:
            return False
        if result.status in STORED:
            materialisation = dg.AssetMaterialization(self._key, partition=result.day, metadata=day_metadata(result))
            self._instance.report_runless_asset_event(materialisation)
            self._known.add(result.day)
        for evaluation in day_checks(self._key, result):
            self._instance.report_runless_asset_event(evaluation)
        return True
