"""Runs in this process: a range of days materialised as the daemon would, without a daemon."""

from collections.abc import Iterator, Sequence

import dagster as dg

from polygon_assets.datasets import get_dataset
from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.orchestration.assets import OnResult
from polygon_assets.settings import load_settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialise(dataset: str, days: Sequence[str], *, instance: dg.DagsterInstance, on_result: OnResult) -> bool:
    """Materialise ``days``, which are consecutive trading days, in runs of the table's size; True if all succeeded.

    The environment's settings hold. ``on_result`` hears of each day as it ends.
    """
    definitions = build_definitions(load_settings(), on_result=on_result)
    key = dg.AssetKey(dataset)
    job = definitions.resolve_implicit_global_asset_job_def()
    outcomes = [
        job.execute_in_process(
            asset_selection=[key], instance=instance, run_config=_QUIET, tags=tags, raise_on_error=False
        ).success
        for tags in _ranges(days, get_dataset(dataset).days_per_run)
    ]
    return all(outcomes)


def _ranges(days: Sequence[str], size: int) -> Iterator[dict[str, str]]:
    for position in range(0, len(days), size):
        chunk = days[position : position + size]
        yield {
            "dagster/asset_partition_range_start": chunk[0],
            "dagster/asset_partition_range_end": chunk[-1],
        }
