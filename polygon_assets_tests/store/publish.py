"""A stored day without a bucket: converted from a file, and published."""

from pathlib import Path

from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets_tests.factories import DAY, SOURCE


def published(folder: Path, dataset: str, raw: Path, source: Source = SOURCE) -> ParquetStore:
    """The store in ``folder``, with the day of the csv.gz ``raw``."""
    store = ParquetStore(str(folder))
    with store.staging() as staging:
        staged = staging / "day.parquet"
        convert(raw, staged, get_dataset(dataset), DAY, source)
        store.publish(staged, dataset, DAY.isoformat())
    return store
