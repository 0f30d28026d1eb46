"""A store and a downloader for the tests of this room, against the real S3 server of the session."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import DayResult, ParquetStore, ingest_days
from polygon_assets_tests.ingest.made import compressed
from polygon_assets_tests.servers.seaweed import S3Server


@dataclass
class Vendor:
    """A made-up vendor's bucket, and a store to ingest into."""

    server: S3Server
    bucket: str
    store: ParquetStore
    downloader: AsyncS3Downloader

    @property
    def catalog(self) -> S3Catalog:
        return S3Catalog(self.bucket)

    def put(self, dataset: str, day: str, raw: bytes) -> str:
        """Publish a day; its ETag."""
        return self.put_bytes(dataset, day, compressed(raw))

    def put_bytes(self, dataset: str, day: str, body: bytes) -> str:
        """Publish a day's object as it is; its ETag."""
        return self.server.put(self.bucket, self.catalog.get_key(dataset, day), body)

    async def ingest(self, dataset: str, *days: str, **options: Any) -> list[DayResult]:
        """Ingest ``days``."""
        return await ingest_days(
            dataset, days, catalog=self.catalog, downloader=self.downloader, store=self.store, **options
        )

    def stored_bytes(self, dataset: str, day: str) -> bytes:
        """The stored file."""
        return Path(self.store.path(dataset, day)).read_bytes()

    def lose(self, dataset: str, day: str) -> None:
        """Delete the stored file."""
        Path(self.store.path(dataset, day)).unlink()

    def files(self, folder: str) -> list[str]:
        """Names in a folder of the store."""
        return sorted(path.name for path in Path(folder).iterdir())

    def left_over(self) -> list[Path]:
        """Everything in the store's staging."""
        return [path for path in Path(self.store.uri, "_staging").rglob("*") if path.name != "guard.lock"]


@pytest.fixture
async def vendor(s3_server: S3Server, bucket: str, tmp_path: Path) -> AsyncIterator[Vendor]:
    """An empty bucket and an empty store."""
    async with AsyncS3Downloader(
        s3_server.credentials, s3_server.endpoint_url, max_retries=1, timeout=10
    ) as downloader:
        yield Vendor(s3_server, bucket, ParquetStore(str(tmp_path / "store")), downloader)
