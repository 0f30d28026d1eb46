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
from polygon_assets.orchestration.resources import CATALOG, STORE
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching.active_runs import active_runs
from polygon_assets.orchestration.watching.new_day_rules import read_cursor
from polygon_assets.orchestration.watching.new_day_sensors import Clock, utc_now
from polygon_assets.reading.cross.ledger import read_ledger
from polygon_assets.reading.inventory import LACKING, DayState, Inventory, take_inventory
from polygon_assets.reading.pictures import draw_coverage
from polygon_assets.reading.weeks import in_months
from polygon_assets.wording import counted

FOLDER = "_coverage"
_SENSOR = "refresh_coverage"
INTERVAL_SECONDS = 300
_GAPS_SHOWN = 30
_INLINE = 1_000
"""Characters of Markdown from which on the web interface shows a link to it, and not itself."""


def build_coverage(
    datasets: Sequence[Dataset],
    assets: Sequence[dg.AssetsDefinition],
    scope: Scope,
    history_start: dt.date | None,
    clock: Clock = utc_now,
) -> dg.AssetsDefinition:
    """The asset: a picture of each of ``datasets`` in its metadata, and as a PNG file in the store.

    ``assets`` are those of the datasets.
    """
    plain = dg.AssetSpec(
        scope.key("coverage"),
        deps=[asset.key for asset in assets],
        description="Which trading days are stored, missing or flagged, and how many rows they have. "
        f"Refreshed after new days; the pictures lie in the store, too, under {FOLDER}/.",
        kinds={"python"},
        group_name="overview",
    )

    @dg.multi_asset(
        name=scope.named("coverage"),
        specs=[scope.translate("coverage", None, plain)],
        required_resource_keys=scope.resource_keys(CATALOG, STORE),
    )
    def coverage(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        resources = scope.resources(context.resources)
        catalog, parquet = resources.catalog, resources.store.store()
        metadata: dict[str, dg.MetadataValue] = {}
        for dataset in datasets:
            calendar = catalog.get_calendar(dataset.name)
            taken = take_inventory(parquet, dataset, calendar, now=clock(), history_start=history_start)
            compared = read_ledger(parquet, dataset.name)
            findings = {dt.date.fromisoformat(day): len(each.findings) for day, each in compared.items()}
            metadata |= _shown(dataset, taken, _kept(parquet, dataset, draw_coverage(taken, findings)))
            metadata[f"{dataset.name}/findings"] = dg.MetadataValue.int(sum(findings.values()))
            stored = counted(len(taken.stored), "day")
            context.log.info(f"{dataset.name}: {stored} stored, {taken.count(*LACKING)} missing")
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
        f"{name}/months": dg.MetadataValue.md(_at_first_sight(taken)),
        name: dg.MetadataValue.md(text),
        f"{name}/picture": dg.MetadataValue.path(uri),
        **{f"{name}/{figure}": dg.MetadataValue.int(value) for figure, value in figures.items()},
    }


def _at_first_sight(taken: Inventory) -> str:
    """What is short enough for the web interface to show without a click."""
    fence = "```"
    figures = f"{counted(len(taken.stored), 'day')} stored, {taken.count(*LACKING):,} missing"
    room = _INLINE - len(f"{figures}\n\n{fence}\n\n{fence}")
    return f"{figures}\n\n{fence}\n{in_months(taken.states, room)}\n{fence}"


def gap_table(taken: Inventory) -> str:
    """The newest gaps, as Markdown: dates and counts, and nothing that comes from a file."""
    if not taken.gaps:
        return "No trading day that is due is missing."
    shown = taken.gaps[:_GAPS_SHOWN]
    lines = ["| missing from | to | days |", "| --- | --- | --- |"]
    table = "\n".join([*lines, *(f"| {gap.first} | {gap.last} | {gap.days:,} |" for gap in shown)])
    rest = len(taken.gaps) - len(shown)
    return f"{table}\n\nand {counted(rest, 'older gap')}" if rest else table


def build_coverage_sensor(
    coverage: dg.AssetsDefinition, assets: Sequence[dg.AssetsDefinition], scope: Scope
) -> dg.SensorDefinition:
    """Asks for a new picture when any day was stored since the last one; several days make one run."""
    name, days = scope.named(_SENSOR), [asset.key for asset in assets]

    @dg.sensor(
        name=name,
        target=coverage,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=scope.sensor_status,
        description="Draws coverage anew after new days.",
    )
    def refresh_coverage(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        newest = newest_event(context.instance, days)
        if newest in (0, read_cursor(context.cursor, int, 0)):  # one ahead is of a history that was replaced
            return dg.SensorResult(skip_reason="No day was stored since the last picture.")
        if active_runs(context.instance, coverage.key, name):
            return dg.SensorResult(skip_reason="The last picture is still being drawn.")
        return dg.SensorResult(run_requests=[dg.RunRequest(asset_selection=[coverage.key])], cursor=str(newest))

    return refresh_coverage


def newest_event(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> int:
    """Number of the newest materialisation of any of ``keys``; 0 where there is none."""
    records = instance.get_asset_records(keys)
    return max((record.asset_entry.last_materialization_storage_id or 0 for record in records), default=0)
