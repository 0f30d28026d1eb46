"""Checks: few, with rich metadata; one evaluation for each partition, in ranged runs too.

Belongs here: which checks there are and how findings become evaluations. Does not: finding (``ingest.quality``).
Evaluations are logged as events, because a ranged run would record a yielded one without its partition.
"""

from collections.abc import Iterator

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.ingest import DayResult, DayStatus

READABLE = "readable"
PLAUSIBLE = "plausible"

_DESCRIPTIONS = {
    READABLE: "The file is one whole archive, has the data type's columns, parses, and holds rows of its day.",
    PLAUSIBLE: "No row breaks a rule of the data type: prices, ranges, volumes, duplicates, time stamps, tickers.",
}


def check_specs(dataset: Dataset, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """The checks of a data type's asset."""
    return [
        dg.AssetCheckSpec(name, asset=dataset.name, description=description, partitions_def=partitions)
        for name, description in _DESCRIPTIONS.items()
    ]


def day_checks(key: dg.AssetKey, result: DayResult) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations that follow from one day's outcome; none where there was nothing to judge."""
    if result.status is DayStatus.REFUSED:
        yield _evaluation(key, READABLE, result, passed=False, severity=dg.AssetCheckSeverity.ERROR)
    elif result.status in {DayStatus.PUBLISHED, DayStatus.UNCHANGED}:
        yield _evaluation(key, READABLE, result, passed=True, severity=dg.AssetCheckSeverity.ERROR)
        yield _evaluation(key, PLAUSIBLE, result, passed=not result.findings, severity=dg.AssetCheckSeverity.WARN)


def _evaluation(
    key: dg.AssetKey, name: str, result: DayResult, *, passed: bool, severity: dg.AssetCheckSeverity
) -> dg.AssetCheckEvaluation:
    metadata: dict[str, dg.MetadataValue] = {"rows": dg.MetadataValue.int(result.rows)}
    if result.error is not None:
        metadata["cause"] = dg.MetadataValue.text(str(result.error))
    if name == PLAUSIBLE:
        for finding in result.findings:
            metadata[finding.rule] = dg.MetadataValue.int(finding.count)
            if finding.sample:
                metadata[f"{finding.rule}: first rows"] = dg.MetadataValue.json([dict(row) for row in finding.sample])
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=name,
        passed=passed,
        severity=severity,
        partition=result.day,
        description=str(result.error) if result.error else None,
        metadata=metadata,
    )
