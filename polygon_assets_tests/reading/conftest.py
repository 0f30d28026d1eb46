"""A store with a few small days of stocks: in summer, in winter, and one half day."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import ParquetStore, ingest_days
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.servers.origin import origin
from polygon_assets_tests.stores import Place

HALF_DAY = "2024-07-03"
DAYS = ["2024-01-03", "2024-07-02", HALF_DAY]
SMALL = Size(symbols=20, rows=2000)
_made: dict[str, dict[str, bytes]] = {}


def fill(store: ParquetStore, dataset: str, days: Sequence[str], size: Size = SMALL) -> None:
    """Ingest made-up ``days`` from a server that lives as long as it takes."""
    catalog = S3Catalog()

    async def main() -> None:
        async with AsyncS3Downloader(server.credentials, server.endpoint_url) as downloader:
            results = await ingest_days(dataset, days, catalog=catalog, downloader=downloader, store=store)
        assert [each.error for each in results] == [None] * len(days)

    with origin() as server:
        for day in days:
            server.store(catalog.get_key(dataset, day), flat_file(DATASETS[dataset], day, size))
        asyncio.run(main())


@pytest.fixture
def store(tmp_path: Path) -> ParquetStore:
    """An empty one on this machine."""
    return ParquetStore(str(tmp_path / "store"))


@pytest.fixture
def filled(place: Place, store_kind: str) -> ParquetStore:
    """The store: made once for each kind, and copied."""
    if store_kind in _made:
        place.fill(_made[store_kind])
        return place.open()
    store = place.open()
    for dataset in ("stocks_daily", "stocks_minute"):
        fill(store, dataset, DAYS)
    _made[store_kind] = place.contents()
    return store
