"""Assembly: one row of the table after the other becomes partitions, assets and a sensor.

Belongs here: which parts there are. Does not: how any of them works. Tests and the demo assemble their own.
"""

import warnings
from collections.abc import Mapping

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from polygon_assets.datasets import DATASETS
from polygon_assets.orchestration.assets import OnResult, build_asset, build_source
from polygon_assets.orchestration.by_year import build_by_year, build_by_year_sensor
from polygon_assets.orchestration.coverage import build_coverage, build_coverage_sensor
from polygon_assets.orchestration.freshness import build_freshness_sensor
from polygon_assets.orchestration.notifications import build_failure_sensor, build_overdue_sensor
from polygon_assets.orchestration.partitions import first_partition, partitions_of
from polygon_assets.orchestration.resources import build_resources
from polygon_assets.orchestration.sensors import Clock, build_new_days_sensor, utc_now
from polygon_assets.settings import Settings
from polygon_assets.trading_calendar import trading_calendar


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
    for dataset in DATASETS.values():
        calendar = trading_calendar(dataset.calendar, settings.extra_closures)
        partitions = partitions_of(dataset, settings)
        first = first_partition(partitions)
        asset = build_asset(dataset, partitions, on_result, clock)
        assets.append(asset)
        sources.append(build_source(dataset))
        sensors.append(build_new_days_sensor(dataset, asset, first, clock))
        watched[dataset.name] = (calendar, first)
        if dataset.window == "day":
            years = build_by_year(dataset, partitions)
            assets.append(years)
            sensors.append(build_by_year_sensor(dataset, years, clock))
    coverage = build_coverage(settings.history_start, clock)
    sensors.append(build_coverage_sensor(coverage))
    sensors.append(build_freshness_sensor(watched, clock))
    if settings.webhook_url:
        sensors += [build_failure_sensor(), build_overdue_sensor(watched, clock)]
    return dg.Definitions(
        assets=[*sources, *assets, coverage],
        sensors=sensors,
        resources={**build_resources(settings), **resource_overrides},
        executor=dg.in_process_executor,
    )
