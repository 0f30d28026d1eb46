"""One file for each year of a daily data type: an asset beside it, and the sensor that has it made anew.

Belongs here: which years are due. Does not: what such a file holds, and how it is made (``ingest.year_files``).
"""

import dagster as dg

from polygon_assets.datasets import NEW_YORK, Dataset
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest.year_files import write_year
from polygon_assets.orchestration.active_runs import has_active_run
from polygon_assets.orchestration.partitions import first_partition
from polygon_assets.orchestration.resources import ParquetStoreResource
from polygon_assets.orchestration.sensors import PRIORITY_TAG

INTERVAL_SECONDS = 300
_BEHIND_NEW_DAYS = "-10"
_ROLL_UP_TAG = "polygon/roll_up"
"""``dagster.yaml`` lets one such run at a time: a year of options takes 1.4 GB."""


def by_year_key(dataset: Dataset) -> dg.AssetKey:
    """Key of the asset that holds the years of ``dataset``."""
    return dg.AssetKey(f"{dataset.name}_by_year")


def year_partitions(days: dg.DailyPartitionsDefinition) -> dg.TimeWindowPartitionsDefinition:
    """The calendar years that have trading days among ``days``, the present one included."""
    first = str(first_partition(days).year)
    return dg.TimeWindowPartitionsDefinition(
        start=first, fmt="%Y", cron_schedule="0 0 1 1 *", timezone=NEW_YORK, end_offset=1
    )


def build_by_year(dataset: Dataset, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a daily data type: a partition for each year, from the days of that year that are stored.

    Dagster's mapping shows a year as made from the last day of the year before as well, because years begin with a
    holiday. What is read are the year's own days.
    """
    mapping = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)

    @dg.asset(
        key=by_year_key(dataset),
        partitions_def=year_partitions(days),
        deps=[dg.AssetDep(dataset.name, partition_mapping=mapping)],
        description=f"{dataset.title}: each year in one file, by ticker. One ticker's decades are read from these in a "
        "fraction of the time; they hold nothing that the days do not.",
        kinds={"parquet", "python"},
        owners=["team:market-data"],
        group_name="roll_ups",
    )
    def by_year(context: dg.AssetExecutionContext, store: ParquetStoreResource) -> dg.MaterializeResult[None]:
        try:
            made = write_year(store.store(), dataset.name, int(context.partition_key))
        except PolygonAssetsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": made.rows,
                "dagster/uri": made.uri,
                "days": made.days,
                "parquet_bytes": made.bytes,
            }
        )

    return by_year


def build_by_year_sensor(dataset: Dataset, asset: dg.AssetsDefinition) -> dg.SensorDefinition:
    """Asks for the years of which a day was stored since their file was made, once no more days are on their way."""

    @dg.sensor(
        name=f"roll_up_{dataset.name}",
        target=asset,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Puts the years of {dataset.name} that have new days into their files again.",
    )
    def roll_up(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        due = due_years(context.instance, dataset)
        if not due:
            return dg.SkipReason("Every year's file is newer than its days.")
        if has_active_run(context.instance, dg.AssetKey(dataset.name)):
            return dg.SkipReason(f"More days of {dataset.name} are on their way; then: {', '.join(due)}.")
        requests = [
            dg.RunRequest(
                run_key=f"{dataset.name} {year} {newest}",
                partition_key=year,
                tags={PRIORITY_TAG: _BEHIND_NEW_DAYS, _ROLL_UP_TAG: dataset.name},
            )
            for year, newest in due.items()
        ]
        return dg.SensorResult(run_requests=requests)

    return roll_up


def due_years(instance: dg.DagsterInstance, dataset: Dataset) -> dict[str, int]:
    """The years of which a day was recorded since their file was, each with the newest such event; oldest first."""
    newest: dict[str, int] = {}
    for day, event in _latest(instance, dg.AssetKey(dataset.name)).items():
        newest[day[:4]] = max(event, newest.get(day[:4], 0))
    made = _latest(instance, by_year_key(dataset))
    return {year: newest[year] for year in sorted(newest) if newest[year] > made.get(year, 0)}


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, int]:
    """The number of the latest materialisation of each partition."""
    return dict(instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION))
