"""Coverage: one asset that shows, for every dataset, which days are stored and how large they are.

Belongs here: the asset and the sensor that refreshes it. Does not: looking (``reading.inventory``), or drawing
(``reading.pictures``).
"""

import base64
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.ingest import ParquetStore
from polygon_assets.orchestration.resources import CatalogParam, StoreParam
from polygon_assets.orchestration.watching.active_runs import active_runs
from polygon_assets.orchestration.watching.new_days import Clock, utc_now
from polygon_assets.orchestration.watching.plans import read_cursor
from polygon_assets.reading.inventory import LACKING, DayState, Inventory, take_inventory
from polygon_assets.reading.pictures import draw_coverage

KEY = dg.AssetKey("coverage")
FOLDER = "_coverage"
_SENSOR = "refresh_coverage"
INTERVAL_SECONDS = 300
_GAPS_SHOWN = 30


def build_coverage(
    datasets: Sequence[Dataset], history_start: dt.date | None, clock: Clock = utc_now
) -> dg.AssetsDefinition:
    """The asset: a picture of each of ``datasets`` in its metadata, and as a PNG file in the store."""

    @dg.asset(
        key=KEY,
        deps=[dg.AssetKey(dataset.name) for dataset in datasets],
        description="Which trading days are stored, missing or flagged, and how many rows they have. "
        f"Refreshed after new days; the pictures lie in the store, too, under {FOLDER}/.",
        kinds={"python"},
        group_name="overview",
        owners=["team:market-data"],
    )
    def coverage(
        context: dg.AssetExecutionContext, catalog: CatalogParam, store: StoreParam
    ) -> dg.MaterializeResult[None]:
        parquet = store.store()
        metadata: dict[str, dg.MetadataValue] = {}
        for dataset in datasets:
            calendar = catalog.get_calendar(dataset.name)
            taken = take_inventory(parquet, dataset, calendar, now=clock(), history_start=history_start)
            metadata |= _shown(dataset, taken, _kept(parquet, dataset, draw_coverage(taken)))
            context.log.info(f"{dataset.name}: {len(taken.stored)} days stored, {taken.count(*LACKING)} missing")
        return dg.MaterializeResult(metadata=metadata)

    return coverage


def _kept(store: ParquetStore, dataset: Dataset, picture: bytes) -> tuple[str, bytes]:
    """Put the picture into the store; where it is, and itself."""
    with store.staging() as staging:
        staged = Path(staging) / f"{dataset.name}.png"
        staged.write_bytes(picture)
        return store.publish_beside(staged, f"{FOLDER}/{dataset.name}.png"), picture


def _shown(dataset: Dataset, taken: Inventory, kept: tuple[str, bytes]) -> dict[str, dg.MetadataValue]:
    """What the UI shows of a dataset: the picture with its gaps, and figures that it can plot."""
    uri, picture = kept
    encoded = base64.b64encode(picture).decode()
    text = f"![Coverage of {dataset.name}](data:image/png;base64,{encoded})\n\n{gap_table(taken)}"
    name = dataset.name
    figures: dict[str, Any] = {
        "published": len(taken.stored) - taken.count(DayState.DAMAGED),
        "missing": taken.count(*LACKING),
        "flagged": taken.count(DayState.FLAGGED),
        "quarantined": len(taken.quarantined),
        "parquet_bytes": taken.parquet_bytes,
    }
    return {
        name: dg.MetadataValue.md(text),
        f"{name}/picture": dg.MetadataValue.path(uri),
        **{f"{name}/{figure}": dg.MetadataValue.int(value) for figure, value in figures.items()},
    }


def gap_table(taken: Inventory) -> str:
    """The newest gaps, as Markdown: dates and counts, and nothing that comes from a file."""
    if not taken.gaps:
        return "No trading day that is due is missing."
    shown = taken.gaps[:_GAPS_SHOWN]
    lines = ["| missing from | to | days |", "| --- | --- | --- |"]
    table = "\n".join([*lines, *(f"| {gap.first} | {gap.last} | {gap.days:,} |" for gap in shown)])
    rest = len(taken.gaps) - len(shown)
    return f"{table}\n\nand {rest:,} older gaps" if rest else table


def build_coverage_sensor(coverage: dg.AssetsDefinition, datasets: Sequence[Dataset]) -> dg.SensorDefinition:
    """Asks for a new picture when any day was stored since the last one; several days make one run."""

    @dg.sensor(
        name=_SENSOR,
        target=coverage,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Draws coverage anew after new days.",
    )
    def refresh_coverage(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        newest = _newest_event(context.instance, datasets)
        if newest in (0, read_cursor(context.cursor, int, 0)):  # one ahead is of a history that was replaced
            return dg.SensorResult(skip_reason="No day was stored since the last picture.")
        if active_runs(context.instance, KEY, _SENSOR):
            return dg.SensorResult(skip_reason="The last picture is still being drawn.")
        return dg.SensorResult(run_requests=[dg.RunRequest(asset_selection=[KEY])], cursor=str(newest))

    return refresh_coverage


def _newest_event(instance: dg.DagsterInstance, datasets: Sequence[Dataset]) -> int:
    """Number of the newest materialisation of any of ``datasets``; 0 where there is none."""
    records = instance.get_asset_records([dg.AssetKey(dataset.name) for dataset in datasets])
    return max((record.asset_entry.last_materialization_storage_id or 0 for record in records), default=0)
