"""From settings to live objects, for commands; assets get theirs from Dagster's resources."""

from polygon_assets.download import AsyncS3Downloader, S3Catalog, SyncS3Downloader
from polygon_assets.ingest import Limits
from polygon_assets.reading.stores import open_store
from polygon_assets.settings import Settings

__all__ = ["open_catalog", "open_downloader", "open_limits", "open_store", "open_sync_downloader"]


def open_catalog(settings: Settings) -> S3Catalog:
    """The vendor's keys."""
    closures = [day.isoformat() for day in settings.extra_closures]
    return S3Catalog(settings.bucket, options_prefix=settings.options_prefix, extra_closures=closures)


def open_limits(settings: Settings) -> Limits:
    """How large a file may be."""
    return Limits(
        max_raw_bytes=settings.max_raw_bytes, max_ratio=settings.max_ratio, max_memory_bytes=settings.max_memory_bytes
    )


def open_downloader(settings: Settings) -> AsyncS3Downloader:
    """A downloader of the vendor's bucket; use it as ``async with``."""
    return AsyncS3Downloader(
        settings.credentials,
        settings.endpoint_url,
        max_retries=settings.max_retries,
        timeout=settings.timeout,
        max_pool_connections=settings.max_concurrent,
        max_concurrent=settings.max_concurrent,
    )


def open_sync_downloader(settings: Settings) -> SyncS3Downloader:
    """The synchronous twin; use it as ``with``."""
    return SyncS3Downloader(
        settings.credentials, settings.endpoint_url, max_retries=settings.max_retries, timeout=settings.timeout
    )
