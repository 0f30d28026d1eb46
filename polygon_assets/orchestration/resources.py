"""Resources: configuration only. What they open is opened, and closed, by whoever runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import dagster as dg
from pydantic import Field

from polygon_assets.download import AsyncS3Downloader, S3Catalog, SyncS3Downloader
from polygon_assets.flatfile.limits import DEFAULT_LIMITS
from polygon_assets.ingest import Limits, ParquetStore
from polygon_assets.orchestration.watching.webhook import WebhookResource
from polygon_assets.settings import Settings, missing_credentials, variable

_SENSOR_RETRIES = 1
_SENSOR_TIMEOUT = 10


class S3CatalogResource(dg.ConfigurableResource[S3Catalog]):
    """Which key holds which day."""

    bucket: str = "flatfiles"
    options_prefix: str = "us_options_opra"
    extra_closures: list[str] = Field(default_factory=list)

    def catalog(self) -> S3Catalog:
        """The catalog of this configuration."""
        return S3Catalog(self.bucket, options_prefix=self.options_prefix, extra_closures=self.extra_closures)


class AsyncS3DownloaderResource(dg.ConfigurableResource[AsyncS3Downloader]):
    """How to reach the vendor's bucket; opens one client for each run."""

    access_key_id: str = Field(default="", repr=False)
    secret_access_key: str = Field(default="", repr=False)
    endpoint_url: str = "https://files.massive.com"
    max_retries: int = 5
    timeout: int = 60
    max_concurrent: int = 8

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncS3Downloader]:
        """A downloader with one client, closed at the end.

        Raises:
            MissingCredentialsError: the subscription's keys are not set.
        """
        async with AsyncS3Downloader(
            self._credentials(),
            self.endpoint_url,
            max_retries=self.max_retries,
            timeout=self.timeout,
            max_pool_connections=self.max_concurrent,
            max_concurrent=self.max_concurrent,
        ) as downloader:
            yield downloader

    @contextmanager
    def open_for_sensor(self) -> Iterator[SyncS3Downloader]:
        """A synchronous twin that gives up early, since a tick may take 60 seconds at most."""
        with SyncS3Downloader(
            self._credentials(), self.endpoint_url, max_retries=_SENSOR_RETRIES, timeout=_SENSOR_TIMEOUT
        ) as downloader:
            yield downloader

    def _credentials(self) -> dict[str, str]:
        if not self.access_key_id or not self.secret_access_key:
            raise missing_credentials()
        return {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key}


class ParquetStoreResource(dg.ConfigurableResource[ParquetStore]):
    """Where Parquet is published, what is kept beside it, and how large a file it takes."""

    uri: str = "data"
    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key_id: str = Field(default="", repr=False)
    secret_access_key: str = Field(default="", repr=False)
    keep_raw: bool = False
    max_raw_bytes: int = DEFAULT_LIMITS.max_raw_bytes
    max_ratio: float = DEFAULT_LIMITS.max_ratio
    max_memory_bytes: int | None = None

    def limits(self) -> Limits:
        """How large a file may be."""
        return Limits(
            max_raw_bytes=self.max_raw_bytes, max_ratio=self.max_ratio, max_memory_bytes=self.max_memory_bytes
        )

    def store(self) -> ParquetStore:
        """The store of this configuration."""
        return ParquetStore(
            self.uri,
            endpoint_url=self.endpoint_url,
            region=self.region,
            access_key_id=self.access_key_id or None,
            secret_access_key=self.secret_access_key or None,
        )


def build_resources(settings: Settings) -> dict[str, object]:
    """The resources by the names under which assets and sensors ask for them; secrets stay in the environment."""
    return {
        "catalog": S3CatalogResource(
            bucket=settings.bucket,
            options_prefix=settings.options_prefix,
            extra_closures=[day.isoformat() for day in settings.extra_closures],
        ),
        "downloader": AsyncS3DownloaderResource(
            access_key_id=_from_environment(settings, "access_key_id"),
            secret_access_key=_from_environment(settings, "secret_access_key"),
            endpoint_url=settings.endpoint_url,
            max_retries=settings.max_retries,
            timeout=settings.timeout,
            max_concurrent=settings.max_concurrent,
        ),
        "store": ParquetStoreResource(
            uri=settings.store_uri,
            endpoint_url=settings.store_endpoint_url,
            region=settings.store_region,
            access_key_id=_from_environment(settings, "store_access_key_id"),
            secret_access_key=_from_environment(settings, "store_secret_access_key"),
            keep_raw=settings.keep_raw,
            max_raw_bytes=settings.max_raw_bytes,
            max_ratio=settings.max_ratio,
            max_memory_bytes=settings.max_memory_bytes,
        ),
        "webhook": WebhookResource(url=_from_environment(settings, "webhook_url")),
    }


def _from_environment(settings: Settings, field: str) -> str:
    return dg.EnvVar(variable(field)) if getattr(settings, field) else ""
