"""A store and a downloader for the tests of this room, against the real S3 server of the session."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import DayResult, ParquetStore, ingest_days
from polygon_assets.store.verifying import VerifiedDay, verify_day
from polygon_assets_tests.factories import compressed
from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.stores import KINDS, Place


@dataclass
class Vendor:
    """A made-up vendor's bucket, and a store to ingest into."""

    server: S3Server
    bucket: str
    store: ParquetStore
    downloader: AsyncS3Downloader
    place: Place
    """Where the store lies."""

    @property
    def catalog(self) -> S3Catalog:
        return S3Catalog(self.bucket)

    def put(self, dataset: str, day: str, raw: bytes) -> str:
        """Publish a day; its ETag."""
        return self.put_bytes(dataset, day, compressed(raw))

    def put_bytes(self, dataset: str, day: str, body: bytes) -> str:
        """Publish a day's object as it is; its ETag."""
        return self.server.put(self.bucket, self.catalog.get_key(dataset, day), body)

    def withdraw(self, dataset: str, day: str) -> None:
        """Take a day back."""
        self.server.client().delete_object(Bucket=self.bucket, Key=self.catalog.get_key(dataset, day))

    async def ingest(self, dataset: str, *days: str, **options: Any) -> list[DayResult]:
        """Ingest ``days``."""
        return await ingest_days(
            dataset, days, catalog=self.catalog, downloader=self.downloader, store=self.store, **options
        )

    def stored_bytes(self, dataset: str, day: str) -> bytes:
        """The stored file."""
        return self.place.read(self.place.file(dataset, day))

    def lose(self, dataset: str, day: str) -> None:
        """Delete the stored file."""
        self.place.delete(self.place.file(dataset, day))

    def files(self, folder: str) -> list[str]:
        """Names in a folder of the store, given by its URI."""
        return self.place.files(folder.removeprefix(f"{self.place.uri}/"))

    def left_over(self) -> list[str]:
        """Whatever is in the making."""
        return self.place.left_over()


@pytest.fixture
async def vendor(s3_server: S3Server, bucket: str, place: Place) -> AsyncIterator[Vendor]:
    """An empty bucket and an empty store."""
    async with AsyncS3Downloader(
        s3_server.credentials, s3_server.endpoint_url, max_retries=1, timeout=10
    ) as downloader:
        yield Vendor(s3_server, bucket, place.open(), downloader, place)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``both`` stands for the mark ``stores("disk", "s3")``."""
    if "both" in metafunc.fixturenames:
        metafunc.parametrize("store_kind", KINDS, indirect=True)


@pytest.fixture
def both(vendor: Vendor) -> Vendor:
    """The same, once with a store in a folder and once with one on S3."""
    return vendor


def verified(store: ParquetStore, dataset: str) -> list[VerifiedDay]:
    """Every stored day of ``dataset``, read again, oldest first."""
    return [verify_day(store, dataset, day) for day in store.days(dataset)]
