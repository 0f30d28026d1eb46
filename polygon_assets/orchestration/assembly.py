"""Assembly: one row of the table after the other becomes partitions, assets and a sensor.

Belongs here: which parts there are, and running some of them in this process. Does not: how any of them works. Tests
and the demo assemble their own.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import get_dataset
from polygon_assets.orchestration.assets.coverage import build_coverage, build_coverage_sensor
from polygon_assets.orchestration.assets.flat_file_assets import OnResult, build_asset, build_source
from polygon_assets.orchestration.assets.reference_assets import build_reference, build_reference_schedule
from polygon_assets.orchestration.assets.roll_up_assets import build_by_year, build_by_year_sensor
from polygon_assets.orchestration.partitions import first_partition, partitions_of
from polygon_assets.orchestration.resources import build_resources
from polygon_assets.orchestration.watching.freshness import Watched, build_freshness_sensor
from polygon_assets.orchestration.watching.new_days import Clock, build_new_days_sensor, utc_now
from polygon_assets.orchestration.watching.notifications import build_failure_sensor, build_overdue_sensor
from polygon_assets.settings import Settings, load_settings


def build_definitions(
    settings: Settings,
    *,
    resource_overrides: Mapping[str, object] | None = None,
    on_result: OnResult | None = None,
    clock: Clock = utc_now,
) -> dg.Definitions:
    """Everything that Dagster loads, for ``settings``; resources can be replaced by name, and the sensors' clock."""
    with warnings.catch_warnings():
        for noise in (PreviewWarning, BetaWarning):  # no news: Dagster is pinned to one patch
            warnings.simplefilter("ignore", noise)
        return _assemble(settings, resource_overrides or {}, on_result, clock)


def _assemble(
    settings: Settings, resource_overrides: Mapping[str, object], on_result: OnResult | None, clock: Clock
) -> dg.Definitions:
    assets: list[dg.AssetsDefinition] = []
    sources: list[dg.AssetSpec] = []
    sensors: list[dg.SensorDefinition] = []
    watched = {}
    for dataset in settings.chosen:
        calendar = trading_calendar(dataset.calendar, settings.extra_closures)
        partitions = partitions_of(dataset, settings)
        first = first_partition(partitions)
        asset = build_asset(dataset, partitions, on_result, clock)
        assets.append(asset)
        sources.append(build_source(dataset))
        sensors.append(build_new_days_sensor(dataset, asset, first, clock))
        watched[dataset.name] = Watched(calendar, frozenset(settings.extra_closures), first)
        if dataset.rolled_up_by_year:
            years = build_by_year(dataset, partitions)
            assets.append(years)
            sensors.append(build_by_year_sensor(dataset, years, clock))
    coverage = build_coverage(settings.chosen, settings.history_start, clock)
    sensors.append(build_coverage_sensor(coverage, settings.chosen))
    sensors.append(build_freshness_sensor(watched, clock))
    if settings.webhook_url:
        sensors += [build_failure_sensor(), build_overdue_sensor(watched, clock)]
    return dg.Definitions(
        assets=[*sources, *assets, coverage, *build_reference(settings)],
        sensors=sensors,
        schedules=[build_reference_schedule(settings)],
        resources=build_resources(settings, resource_overrides),
        executor=dg.in_process_executor,
    )


_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialise(dataset: str, days: Sequence[str], *, instance: dg.DagsterInstance, on_result: OnResult) -> bool:
    """Materialise ``days``, which are consecutive trading days, in runs of the table's size; True if all succeeded.

    The environment's settings hold. ``on_result`` is called with each day's result as it ends.
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
