"""Runs that are on their way: which there are, and which days they cover.

Belongs here: asking. Does not: what follows from the answer (the sensors).
"""

from collections.abc import Mapping

import dagster as dg

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


def has_active_run(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Is a run that was asked to make ``key`` waiting, or at work?"""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    return any(run.asset_selection is not None and key in run.asset_selection for run in runs)
