"""Checks: few, with rich metadata; one evaluation for each partition, in ranged runs too.

Belongs here: which checks there are, how findings become evaluations, and the events that Dagster's public methods do
not write for one partition of a range; each of these is pinned by a test. Does not: finding (``flatfile.quality``).
"""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from polygon_assets.datasets import Dataset
from polygon_assets.ingest import DayResult, DayStatus
from polygon_assets.store.row_counts import RowCounts

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


def report_evaluation(instance: dg.DagsterInstance, evaluation: dg.AssetCheckEvaluation) -> None:
    """Report a check's result without a run, in place of what was reported so before.

    Dagster 1.13 allows one such result for each check and partition, and fails at the second.
    """
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
    instance.report_runless_asset_event(evaluation)


def latest_failed(instance: dg.DagsterInstance, key: dg.AssetCheckKey, day: str) -> bool:
    """Did the latest evaluation of a check on one partition fail? False also where there is none."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=1, partition_filter=PartitionKeyFilter(key=day)
    )
    return any(record.status is AssetCheckExecutionRecordStatus.FAILED for record in records)


READABLE = "readable"
PLAUSIBLE = "plausible"
ROW_COUNT = "row_count"

_DESCRIPTIONS = {
    READABLE: "The file is one whole archive, has the dataset's columns, parses, and holds rows of its day.",
    PLAUSIBLE: "No row breaks a rule of the dataset: prices, ranges, volumes, duplicates, time stamps, tickers.",
    ROW_COUNT: "About as many rows as the median of up to 20 nearest earlier stored days.",
}


def check_specs(dataset: Dataset, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """The checks of a dataset's asset."""
    return [
        dg.AssetCheckSpec(name, asset=dataset.name, description=description, partitions_def=partitions)
        for name, description in _DESCRIPTIONS.items()
    ]


def day_checks(
    key: dg.AssetKey, result: DayResult, row_counts: RowCounts, problems: Sequence[str] | None
) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations that follow from one day's outcome; none where there was nothing to judge.

    ``problems`` are those of the stored file, all of which was read; None: it was not read, and nothing is said of it.
    """
    evaluation = partial(dg.AssetCheckEvaluation, asset_key=key, partition=result.day)
    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    if result.status is DayStatus.REFUSED:
        metadata = {"cause": dg.MetadataValue.text(str(result.error)), **_findings(result)}
        yield evaluation(check_name=READABLE, passed=False, severity=error, metadata=metadata)
    elif result.status in {DayStatus.PUBLISHED, DayStatus.UNCHANGED}:
        rows = {"rows": dg.MetadataValue.int(result.rows)}
        if result.status is DayStatus.PUBLISHED or problems == ():
            yield evaluation(check_name=READABLE, passed=True, severity=error, metadata=rows)
        elif problems:
            causes = {"cause": dg.MetadataValue.text("; ".join(problems)), **rows}
            yield evaluation(check_name=READABLE, passed=False, severity=error, metadata=causes)
        plausible = not result.findings
        yield evaluation(check_name=PLAUSIBLE, passed=plausible, severity=warn, metadata={**rows, **_findings(result)})
        comparison = row_counts.compare(result.day)
        median = {} if comparison.median is None else {"median": dg.MetadataValue.float(float(comparison.median))}
        yield evaluation(
            check_name=ROW_COUNT,
            passed=comparison.passed,
            severity=warn,
            description=comparison.reason,
            metadata={**rows, **median, "compared_with": dg.MetadataValue.text(f"{comparison.neighbours} days")},
        )


def _findings(result: DayResult) -> dict[str, dg.MetadataValue]:
    """Every broken rule's count, and the first rows that break it."""
    metadata: dict[str, dg.MetadataValue] = {}
    for finding in result.findings:
        metadata[finding.rule] = dg.MetadataValue.int(finding.count)
        if finding.sample:
            rows = [dict(row) for row in finding.sample]
            metadata[f"{finding.rule}: first rows"] = dg.MetadataValue.json(rows)
    return metadata
