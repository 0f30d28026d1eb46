"""A store and a downloader for the tests of this room, against the real S3 server of the session."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
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
    staging: Path
    """Where a store on S3 makes its files."""

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
        with self.store.open_input_file(dataset, day) as file:
            return bytes(file.read())

    def lose(self, dataset: str, day: str) -> None:
        """Delete the stored file."""
        path = self.store.path(dataset, day)
        if self._remote:
            self.server.client().delete_object(Bucket=self.bucket, Key=self._key(path))
        else:
            Path(path).unlink()

    def files(self, folder: str) -> list[str]:
        """Names in a folder of the store."""
        if self._remote:
            return sorted(key.rsplit("/", 1)[-1] for key in self._keys(self._key(folder) + "/"))
        return sorted(path.name for path in Path(folder).iterdir())

    def left_over(self) -> list[str]:
        """Everything in the store's staging; on S3 that is a folder of this machine, and uploads begun."""
        if self._remote:
            begun = self.server.client().list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
            return [each["Key"] for each in begun] + [
                str(path) for path in self.staging.rglob("*") if path.name != "guard.lock" and path.is_file()
            ]
        return [str(path) for path in Path(self.store.uri, "_staging").rglob("*") if path.name != "guard.lock"]

    @property
    def _remote(self) -> bool:
        return self.store.uri.startswith("s3://")

    def _key(self, uri: str) -> str:
        return uri.removeprefix(f"s3://{self.bucket}/")

    def _keys(self, prefix: str) -> list[str]:
        listed = self.server.client().list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]


def s3_store(server: S3Server, bucket: str) -> ParquetStore:
    """A store below a prefix of ``bucket``."""
    return ParquetStore(
        f"s3://{bucket}/my/store/",
        endpoint_url=server.endpoint_url,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )


@pytest.fixture
async def vendor(s3_server: S3Server, bucket: str, tmp_path: Path) -> AsyncIterator[Vendor]:
    """An empty bucket and an empty store."""
    async with AsyncS3Downloader(
        s3_server.credentials, s3_server.endpoint_url, max_retries=1, timeout=10
    ) as downloader:
        yield Vendor(s3_server, bucket, ParquetStore(str(tmp_path / "store")), downloader, tmp_path / "staging")


@pytest.fixture(params=["disk", "s3"])
def both(request: pytest.FixtureRequest, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    """The same, once with a store in a folder and once with one on S3."""
    if request.param == "disk":
        return vendor
    vendor.staging.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(vendor.staging))
    return replace(vendor, store=s3_store(vendor.server, vendor.bucket))
