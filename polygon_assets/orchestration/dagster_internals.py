"""What leans on what Dagster does not promise: events for one partition of a range, outside runs, and sensors' ticks.

Belongs here: what Dagster's public methods do not do, each pinned by a test on the lowest and the newest patch that the
package allows. Does not: what the events say (``assets.checks``), or whole classes of Dagster's that are replaced: the
history's storage, the launcher, and its programs (``serving.guarded``), a module each.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.partitions.snap import TimeWindowPartitionsSnap
from dagster._core.definitions.partitions.subset import TimeWindowPartitionsSubset
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType, SensorInstigatorData, TickStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._record import copy
from sqlalchemy.exc import IntegrityError

_NO_RUN = ""


def log_event(context: dg.AssetExecutionContext, event: dg.AssetMaterialization | dg.AssetCheckEvaluation) -> None:
    """Write ``event`` into the run's log at once, with its own partition.

    ``log_event`` takes evaluations too, though its signature names only the others; yielded, a ranged run would
    record them without a partition.
    """
    context.op_execution_context.log_event(cast("dg.AssetMaterialization", event))


def outputs_of_checks(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """An output without a value for each check of the run, to be yielded at its end.

    The evaluations were logged one by one, with their partitions; Dagster counts outputs alone, and would say on every
    run that the expected ones are missing.
    """
    for name, spec in context.assets_def.node_check_specs_by_output_name.items():
        if spec.key in context.selected_asset_check_keys:
            yield dg.Output(None, name)


def leave_missing(context: dg.AssetExecutionContext, key: dg.AssetKey, day: str) -> None:
    """Keep a partition missing although its run is about to fail.

    A partition is shown as failed when the run that planned it last has failed. So it is planned once more, by a run
    that does not exist, which Dagster treats like a deleted one.
    """
    planned = DagsterEvent.build_asset_materialization_planned_event(
        context.job_name, context.op_execution_context.op.name, AssetMaterializationPlannedData(key, partition=day)
    )
    context.instance.report_dagster_event(planned, run_id=_NO_RUN, log_level=logging.DEBUG)


_ATTEMPTS = 6
"""One, and those after which another process had reported the same result in between."""


def report_evaluation(instance: dg.DagsterInstance, evaluation: dg.AssetCheckEvaluation) -> None:
    """Report a check's result without a run, in place of what was reported so before.

    Dagster 1.13 allows one such result for each check and partition, and fails at the second. Another process that
    reports the same one between removing and writing is the reason to try again.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        _forget_evaluation(instance, evaluation)
        try:
            instance.report_runless_asset_event(evaluation)
        except IntegrityError:
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def _forget_evaluation(instance: dg.DagsterInstance, evaluation: dg.AssetCheckEvaluation) -> None:
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        table = AssetCheckExecutionsTable.c
        before = AssetCheckExecutionsTable.delete().where(
            table.asset_key == evaluation.asset_key.to_string(),
            table.check_name == evaluation.check_name,
            table.partition == evaluation.partition,
            table.run_id == _NO_RUN,
        )
        with storage.index_connection() as connection:
            connection.execute(before)


def latest_failed(instance: dg.DagsterInstance, key: dg.AssetCheckKey, day: str) -> bool:
    """Did the latest evaluation of a check on one partition fail? False also where there is none."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=1, partition_filter=PartitionKeyFilter(key=day)
    )
    return any(record.status is AssetCheckExecutionRecordStatus.FAILED for record in records)


@dataclass(frozen=True)
class SensorState:
    """How a sensor that has run at least once stands."""

    name: str
    is_stopped: bool
    failure: str | None
    """Why its last tick failed, on one line."""


def sensor_states(instance: dg.DagsterInstance) -> Iterator[SensorState]:
    """Every sensor that Dagster's history knows of."""
    for each in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        ticks = instance.get_ticks(each.instigator_origin_id, each.selector_id, limit=1)
        error = ticks[0].error if ticks and ticks[0].status is TickStatus.FAILURE else None
        failure = " ".join(error.message.split()) if error else None
        yield SensorState(each.name, each.status is InstigatorStatus.STOPPED, failure)


def sensor_cursors(instance: dg.DagsterInstance) -> dict[str, list[str | None]]:
    """What each sensor that has run left for its next tick, by its name; one for each code location that has it."""
    cursors: dict[str, list[str | None]] = {}
    for each in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = each.instigator_data
        cursors.setdefault(each.name, []).append(data.cursor if isinstance(data, SensorInstigatorData) else None)
    return cursors


def forget_ticks_after(instance: dg.DagsterInstance, moment: float) -> list[str]:
    """Forget when sensors ticked last, if that was after ``moment``, in seconds; their names. Cursors stay."""
    forgotten = []
    for state in instance.all_instigator_state():
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData):
            continue
        if max(data.last_tick_timestamp or 0.0, data.last_tick_start_timestamp or 0.0) > moment:
            reset = data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None)
            instance.update_instigator_state(state.with_data(reset))
            forgotten.append(state.name)
    return forgotten


def with_own_closures(run: dg.DagsterRun) -> dg.DagsterRun:
    """``run`` as it is worth storing: its partitions know of the closures within its own days, and of no others.

    Dagster writes the definition of the partitions into the run and into each event that plans a check: all holidays of
    the history, 23 KB each, over two hundred in all for a run of one day.
    """
    subset = run.partitions_subset
    if not isinstance(subset, TimeWindowPartitionsSubset) or not subset.partitions_def.exclusions:
        return run
    spans = [(window.start_timestamp, window.end_timestamp) for window in subset.included_time_windows]
    kept = [
        each
        for each in subset.partitions_def.exclusions
        if isinstance(each, str) or any(first <= each.timestamp < end for first, end in spans)
    ]
    snap = copy(TimeWindowPartitionsSnap.from_def(subset.partitions_def), exclusions=kept or None)
    own: Any = snap.get_partitions_definition()  # type: ignore[no-untyped-call]
    return copy(run, partitions_subset=subset.with_partitions_def(own))


def code_server_of(run: dg.DagsterRun) -> Mapping[str, Any]:
    """Where the code server listens that was to start ``run``: ``socket``, or ``host`` and ``port``.

    Raises:
        KeyError, ValueError: the run does not say.
    """
    return cast("Mapping[str, Any]", json.loads(run.tags[GRPC_INFO_TAG]))
