"""One file for each year of a daily dataset: an asset beside it, and the sensor that has it made anew.

Belongs here: which years are due. Does not: what such a file holds, and how it is made (``store.roll_ups``).
"""

from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.orchestration.assets.metadata import asset_tags, table_schema
from polygon_assets.orchestration.partitions import first_partition
from polygon_assets.orchestration.resources import STORE
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching.active_runs import active_runs
from polygon_assets.orchestration.watching.new_day_sensors import PRIORITY_TAG, Clock, sensor_name, utc_now
from polygon_assets.store.roll_ups import YearFile, stale_years, write_year

INTERVAL_SECONDS = 300
ROLL_UP_POOL = "polygon_roll_up"
"""A year of options takes 1.4 GB of memory, so that on one machine one is made at a time, whoever asked for it."""
_BEHIND_NEW_DAYS = "-10"


def year_partitions(days: dg.DailyPartitionsDefinition) -> dg.TimeWindowPartitionsDefinition:
    """The calendar years that have trading days among ``days``, the present one included."""
    first = str(first_partition(days).year)
    return dg.TimeWindowPartitionsDefinition(
        start=first, fmt="%Y", cron_schedule="0 0 1 1 *", timezone=days.timezone, end_offset=1
    )


def build_by_year(
    dataset: Dataset, asset: dg.AssetsDefinition, scope: Scope, *, store_kinds: AbstractSet[str] = frozenset()
) -> dg.AssetsDefinition:
    """The asset beside ``asset``, of days: a partition for each year, from the days of that year that are stored.

    Dagster's mapping shows a year as made from the last day of the year before as well, because years begin with a
    holiday. What is read are the year's own days.
    """
    mapping = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    days = asset.specs_by_key[asset.key].partitions_def
    assert isinstance(days, dg.DailyPartitionsDefinition)  # noqa: S101 (of a dataset)
    name = by_year_name(dataset)
    plain = dg.AssetSpec(
        scope.key(name),
        partitions_def=year_partitions(days),
        deps=[dg.AssetDep(asset.key, partition_mapping=mapping)],
        description=f"{dataset.title}: each year in one file, by ticker. One ticker's decades are read from these in a "
        "fraction of the time; they hold nothing that the days do not.",
        kinds={"parquet", "python", *store_kinds},
        group_name="roll_ups",
        metadata={"dagster/column_schema": table_schema(dataset), "dagster/table_name": name},
        tags=asset_tags(dataset),
    )

    @dg.multi_asset(
        name=scope.named(name),
        specs=[scope.translate("by_year", dataset, plain)],
        pool=ROLL_UP_POOL,
        required_resource_keys=scope.resource_keys(STORE),
    )
    def by_year(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        store = scope.resources(context.resources).store
        try:
            made = write_year(store.store(), dataset.name, int(context.partition_key))
        except PolygonAssetsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info(f"{made.uri}: days {made.days:,}, rows {made.rows:,}")
        return dg.MaterializeResult(metadata=year_metadata(made))

    return by_year


def year_metadata(made: YearFile) -> dict[str, Any]:
    """What is true of one year's file; ``made_from`` tells the days that it holds from any others."""
    return {
        "dagster/partition_row_count": made.rows,
        "dagster/row_count": made.rows,
        "dagster/uri": made.uri,
        "days": made.days,
        "parquet_bytes": made.bytes,
        "made_from": made.fingerprint,
    }


def by_year_name(dataset: Dataset) -> str:
    """Name of the asset of a dataset's years."""
    return f"{dataset.name}_by_year"


def build_by_year_sensor(
    dataset: Dataset, asset: dg.AssetsDefinition, days: dg.AssetsDefinition, scope: Scope, clock: Clock = utc_now
) -> dg.SensorDefinition:
    """Asks for the years whose file is behind their days, once no more days are on their way.

    What could not be made is asked for again the next day, or when its days have changed.
    """
    partitions = asset.specs_by_key[asset.key].partitions_def
    assert partitions is not None  # noqa: S101 (made above)

    @dg.sensor(
        name=scope.named(f"roll_up_{dataset.name}"),
        target=asset,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=scope.sensor_status,
        required_resource_keys=scope.resource_keys(STORE),
        description=f"Puts the years of {dataset.name} whose days have changed into their files again.",
    )
    def roll_up(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        store = scope.resources(context.resources).store
        known = set(partitions.get_partition_keys())  # days before POLYGON_HISTORY_START may be stored
        stale = {f"{year}": days for year, days in stale_years(store.store(), dataset.name).items()}
        due = [year for year in stale if year in known]
        if not due:
            return dg.SensorResult(skip_reason="Every year's file holds what its days hold.")
        if active_runs(context.instance, days.key, scope.named(sensor_name(dataset))):
            return dg.SensorResult(skip_reason=f"More days of {dataset.name} are on their way; then: {', '.join(due)}.")
        tags = {PRIORITY_TAG: _BEHIND_NEW_DAYS}
        requests = [
            dg.RunRequest(
                run_key=f"{days.key.to_user_string()} {year} {stale[year]} {clock():%F}",
                partition_key=year,
                asset_selection=[asset.key],
                tags=tags,
            )
            for year in due
        ]
        return dg.SensorResult(run_requests=requests)

    return roll_up
