"""Runs that are on their way: which there are, and which days they cover.

Belongs here: asking. Does not: what follows from the answer (the sensors).
"""

from collections.abc import Mapping

import dagster as dg

_SENSOR_TAG = "dagster/sensor_name"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def covered(tags: Mapping[str, str]) -> tuple[str, str]:
    """First and last partition of a run, by its tags; an empty range where it names none."""
    single = tags.get("dagster/partition", "")
    return (
        tags.get("dagster/asset_partition_range_start", single or "9"),
        tags.get("dagster/asset_partition_range_end", single),
    )


def has_active_run(instance: dg.DagsterInstance, key: dg.AssetKey, sensor: str) -> bool:
    """Is a run that makes ``key`` waiting, or at work? The runs that its ``sensor`` asked for name no assets."""
    return any(
        key in run.asset_selection if run.asset_selection is not None else run.tags.get(_SENSOR_TAG) == sensor
        for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    )
