"""Checks: few, with rich metadata; one evaluation for each partition, in ranged runs too.

Belongs here: which checks there are, and how findings become evaluations. Does not: finding (``flatfile.quality``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from polygon_assets.errors import NotReplacedError
from polygon_assets.flatfile.findings import flagged
from polygon_assets.ingest import DayResult, DayStatus
from polygon_assets.store.row_counts import RowCounts
from polygon_assets.wording import counted

READABLE = "readable"
PLAUSIBLE = "plausible"
ROW_COUNT = "row_count"

_DESCRIPTIONS = {
    READABLE: "The file is one whole archive, has the dataset's columns, parses, and holds rows of its day.",
    PLAUSIBLE: "No row breaks a rule of the dataset: prices, ranges, volumes, duplicates, time stamps, tickers.",
    ROW_COUNT: "About as many rows as the median of up to 20 nearest earlier stored days.",
}


def check_specs(key: dg.AssetKey, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """The checks of a dataset's asset."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=description, partitions_def=partitions)
        for name, description in _DESCRIPTIONS.items()
    ]


def day_checks(
    key: dg.AssetKey, result: DayResult, row_counts: RowCounts, problems: Sequence[str] | None
) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations that follow from one day's outcome; none where there was nothing to judge.

    ``problems`` are those of the stored file, all of which was read; None: it was not read, and nothing is said of it.
    A day that failed is judged where it was to replace a stored one, which may be damaged.
    """

    def evaluation(said: str, **values: Any) -> dg.AssetCheckEvaluation:
        return _evaluation(key, result.day, said, **values)

    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    if result.status is DayStatus.REFUSED:
        yield unreadable(key, result.day, str(result.error), _findings(result))
    elif isinstance(result.error, NotReplacedError):
        if problems:
            yield unreadable(key, result.day, "; ".join(problems))
    elif result.status in {DayStatus.PUBLISHED, DayStatus.UNCHANGED}:
        rows = {"rows": dg.MetadataValue.int(result.rows)}
        if result.status is DayStatus.PUBLISHED or problems == ():
            said = counted(result.rows, "row")
            yield evaluation(said, check_name=READABLE, passed=True, severity=error, metadata=rows)
        elif problems:
            yield unreadable(key, result.day, "; ".join(problems), rows)
        plausible = not flagged(result.findings)
        said = ", ".join(f"{each.rule} {each.count:,}" for each in result.findings) or "no row breaks a rule"
        metadata = {**rows, **_findings(result)}
        yield evaluation(said, check_name=PLAUSIBLE, passed=plausible, severity=warn, metadata=metadata)
        comparison = row_counts.compare(result.day)
        median = {} if comparison.median is None else {"median": dg.MetadataValue.float(float(comparison.median))}
        yield evaluation(
            comparison.reason,
            check_name=ROW_COUNT,
            passed=comparison.passed,
            severity=warn,
            metadata={**rows, **median, "compared_with": dg.MetadataValue.text(counted(comparison.neighbours, "day"))},
        )


def unreadable(
    key: dg.AssetKey, day: str, cause: str, metadata: Mapping[str, dg.MetadataValue] | None = None
) -> dg.AssetCheckEvaluation:
    """The evaluation of a day that cannot be read, for that ``cause``."""
    causes = {"cause": dg.MetadataValue.text(cause), **(metadata or {})}
    severity = dg.AssetCheckSeverity.ERROR
    return _evaluation(key, day, cause, check_name=READABLE, passed=False, severity=severity, metadata=causes)


def _evaluation(key: dg.AssetKey, day: str, said: str, **values: Any) -> dg.AssetCheckEvaluation:
    """A run's log shows the description alone, and not of which day it is."""
    return dg.AssetCheckEvaluation(
        asset_key=key, partition=day, description=f"{day}: {_without_markup(said)}", **values
    )


_MARKUP = str.maketrans("[]<>", "(){}")


def _without_markup(text: str) -> str:
    """``text`` of which the web interface, which renders descriptions, makes no link, picture or HTML."""
    return text.translate(_MARKUP)


def _findings(result: DayResult) -> dict[str, dg.MetadataValue]:
    """Every broken rule's count, and the first rows that break it."""
    metadata: dict[str, dg.MetadataValue] = {}
    for finding in result.findings:
        metadata[finding.rule] = dg.MetadataValue.int(finding.count)
        if finding.sample:
            rows = [dict(row) for row in finding.sample]
            metadata[f"{finding.rule}: first rows"] = dg.MetadataValue.json(rows)
    return metadata
