"""From settings to live objects: the store, the catalog, downloaders and limits that the environment describes."""

from pathlib import Path
from typing import TYPE_CHECKING

from polygon_assets import download
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import InvalidInputError
from polygon_assets.flatfile.limits import Limits
from polygon_assets.settings import Settings, variable
from polygon_assets.store.parquet_store import ParquetStore

if TYPE_CHECKING:
    from polygon_assets.download import AsyncS3Downloader, SyncS3Downloader


def open_store(settings: Settings, uri: str | None = None) -> ParquetStore:
    """The user's store; ``uri`` replaces its place."""
    secret = settings.store_secret_access_key
    return ParquetStore(
        uri or settings.store_uri,
        endpoint_url=settings.store_endpoint_url,
        region=settings.store_region,
        access_key_id=settings.store_access_key_id,
        secret_access_key=secret.get_secret_value() if secret else None,
    )


def existing_store(settings: Settings, uri: str | None = None) -> ParquetStore:
    """The same, for reading: a place where nothing is would read like a market without trades.

    Raises:
        InvalidInputError: the folder is not there; on S3, where no folders are, nothing lies below the prefix.
        StoreAbsentError: there was a store in the folder, and is none now.
    """
    store = open_store(settings, uri)
    store.require_present()
    if not (store.names("") if "://" in store.uri else Path(store.uri).is_dir()):
        raise InvalidInputError(f"There is no store at {store.uri}: set {variable('store')}, or ingest something first")
    return store


def open_catalog(settings: Settings) -> S3Catalog:
    """The vendor's keys."""
    closures = [day.isoformat() for day in settings.extra_closures]
    return S3Catalog(settings.bucket, options_prefix=settings.options_prefix, extra_closures=closures)


def open_limits(settings: Settings) -> Limits:
    """How large a file may be."""
    return Limits(
        max_raw_bytes=settings.max_raw_bytes, max_ratio=settings.max_ratio, max_memory_bytes=settings.max_memory_bytes
    )


def open_downloader(settings: Settings) -> "AsyncS3Downloader":
    """A downloader of the vendor's bucket; use it as ``async with``."""
    return download.AsyncS3Downloader(
        settings.credentials,
        settings.endpoint_url,
        max_retries=settings.max_retries,
        timeout=settings.timeout,
        max_pool_connections=settings.max_concurrent,
        max_concurrent=settings.max_concurrent,
    )


def open_sync_downloader(settings: Settings) -> "SyncS3Downloader":
    """The synchronous client; use it as ``with``."""
    return download.SyncS3Downloader(
        settings.credentials, settings.endpoint_url, max_retries=settings.max_retries, timeout=settings.timeout
    )
