"""Metadata: what the UI shows of an asset, of a partition and of a run."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.ingest import DayResult


def table_schema(dataset: Dataset) -> dg.TableSchema:
    """The stored columns with types and meanings."""
    return dg.TableSchema(
        columns=[dg.TableColumn(each.name, each.type, each.description) for each in dataset.stored_columns]
    )


def asset_metadata(dataset: Dataset) -> dict[str, Any]:
    """What is true of every partition of an asset."""
    return {
        "dagster/column_schema": table_schema(dataset),
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
    }


def run_metadata(run_id: str, statistics: Mapping[str, Any]) -> dict[str, Any]:
    """The downloader's statistics, said to be those of the whole run and not of the partition they stand on."""
    return {**statistics, "download_statistics_of": f"the whole run {run_id}, all its partitions together"}
