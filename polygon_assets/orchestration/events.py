"""Events that Dagster's public methods do not write for one partition of a range; each is pinned by a test.

Belongs here: the two places where we reach past what the signatures say. Does not: which events are due (``assets``).
"""

import logging
from typing import cast

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

_NO_RUN = ""


def log_event(context: dg.AssetExecutionContext, event: dg.AssetMaterialization | dg.AssetCheckEvaluation) -> None:
    """Write ``event`` into the run's log at once, with its own partition.

    ``log_event`` takes evaluations too, though its signature names only the others; yielded, a ranged run would
    record them without a partition.
    """
    context.op_execution_context.log_event(cast("dg.AssetMaterialization", event))


def leave_missing(context: dg.AssetExecutionContext, key: dg.AssetKey, day: str) -> None:
    """Keep a partition missing although its run is about to fail.

    A partition is shown as failed when the run that planned it last has failed. So it is planned once more, by a run
    that does not exist, which Dagster treats like a deleted one.
    """
    planned = DagsterEvent.build_asset_materialization_planned_event(
        context.job_name, context.op_execution_context.op.name, AssetMaterializationPlannedData(key, partition=day)
    )
    context.instance.report_dagster_event(planned, run_id=_NO_RUN, log_level=logging.DEBUG)
