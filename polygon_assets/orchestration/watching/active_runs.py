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


def is_of(run: dg.DagsterRun, key: dg.AssetKey, sensor: str) -> bool:
    """Does ``run`` make ``key``? One without a selection makes what its sensor asks for, or everything.

    Sensors of versions before named no assets: what such a run makes is told by the ``sensor`` of ``key``.
    """
    if run.asset_selection is not None:
        return key in run.asset_selection
    return run.tags.get(_SENSOR_TAG, sensor) == sensor


def active_runs(instance: dg.DagsterInstance, key: dg.AssetKey, sensor: str) -> list[dg.DagsterRun]:
    """The runs that make ``key``, whose sensor is ``sensor``, and that wait or are at work."""
    return [run for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)) if is_of(run, key, sensor)]
