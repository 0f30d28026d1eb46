"""Metadata: what the UI shows of an asset, of a partition, of its content and of a run.

Belongs here: when a day is read again to be shown, and as what. Does not: choosing rows (``reading.previews``).
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg

from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.ingest import DayResult, ParquetStore
from polygon_assets.ingest.workers import cores
from polygon_assets.reading.previews import Row, movers, movers_rows, preview


def table_schema(dataset: Dataset) -> dg.TableSchema:
    """The stored columns with types and meanings."""
    return dg.TableSchema(
        columns=[dg.TableColumn(each.name, each.type, each.description) for each in dataset.stored_columns]
    )


def source_metadata(dataset: Dataset) -> dict[str, Any]:
    """What is true of the vendor's files."""
    columns = [dg.TableColumn(each.name, "string", each.description) for each in dataset.columns]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "source": f"{dataset.live_prefix}/{dataset.kind}",
    }


def asset_tags(dataset: Dataset) -> dict[str, str]:
    """By what assets are found in the web interface: ``tag:"polygon/asset_class"=options`` and the like."""
    asset_class, _, content = dataset.name.rpartition("_")
    return {"polygon/asset_class": asset_class, "polygon/content": content}


def asset_metadata(dataset: Dataset) -> dict[str, Any]:
    """What is true of every partition of an asset."""
    return {
        "dagster/column_schema": table_schema(dataset),
        "dagster/table_name": dataset.name,
        "source": f"{dataset.live_prefix}/{dataset.kind}",
        "first_day": dataset.first_day.isoformat(),
        "prices": "not adjusted for splits or dividends",
    }


def day_metadata(result: DayResult) -> dict[str, Any]:
    """What is true of one partition: sizes, where it came from, how long it took in seconds."""
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(result.rows),
        "dagster/uri": dg.MetadataValue.text(result.uri),
        "status": result.status.value,
        "symbols": result.symbols,
        "source_key": result.source_key,
        "source_etag": result.source_etag,
        "source_bytes": result.source_bytes,
        "schema_version": result.schema_version,
        "parquet_bytes": result.parquet_bytes,
        "retries": result.retries,
        "download_seconds": round(result.download_seconds, 3),
        "convert_seconds": round(result.convert_seconds, 3),
        **({"filter": result.filter, "dropped_rows": result.dropped_rows} if result.filter else {}),
    }


def derived_lineage(dataset: Dataset, source: dg.AssetKey) -> dict[str, Any]:
    """Of which of the vendor's columns the derived ones are made; empty where there are none."""
    if dataset.derived is None:
        return {}
    made_of = [dg.TableColumnDep(source, "ticker")]
    lineage = dg.TableColumnLineage({column.name: made_of for column in dataset.derived.columns})
    return {"dagster/column_lineage": lineage}


def run_metadata(run_id: str, statistics: Mapping[str, Any]) -> dict[str, Any]:
    """The downloader's statistics, said to be those of the whole run and not of the partition they stand on."""
    return {**statistics, "download_statistics_of": f"the whole run {run_id}, all its partitions together"}


logger = logging.getLogger(__name__)

Extract = dict[str, dg.MetadataValue]


def day_extract(store: ParquetStore, dataset: str, day: str) -> Extract:
    """First rows and largest movers of a stored day; empty where it cannot be read, since it is stored all the same."""
    try:
        gainers, losers = movers(store, dataset, day)
        shown: Extract = {"preview": _table(preview(store, dataset, day), table_schema(get_dataset(dataset)))}
    except Exception:  # decoration only: the day is stored, and no fault in its preview may fail the run
        logger.exception("%s %s: no preview", dataset, day)
        return {}
    if gainers or losers:
        shown["largest_movers"] = _table(movers_rows(gainers, losers))
    return shown


def _table(rows: Sequence[Row], schema: dg.TableSchema | None = None) -> dg.MetadataValue:
    """``rows`` as values that the web interface shows as they are; in Markdown a ticker could load a page."""
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema)


def day_extracts(store: ParquetStore, dataset: str, days: Sequence[str]) -> dict[str, Extract]:
    """The extract of each of ``days``, with one thread for each core."""
    with ThreadPoolExecutor(cores()) as readers:
        return dict(zip(days, readers.map(lambda day: day_extract(store, dataset, day), days), strict=True))
