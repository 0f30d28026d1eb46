"""The vendor's bucket → verified bytes.

Belongs here: which key holds which day, and how an object's bytes arrive whole.
Does not: what is inside a file (``ingest``), where data is published (``ingest``), Dagster (``orchestration``).
"""

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.download.sync_downloader import SyncS3Downloader

__all__ = ["AsyncS3Downloader", "S3Catalog", "SyncS3Downloader"]
