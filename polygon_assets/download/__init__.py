"""The vendor's bucket → verified bytes.

Where do I go to…
    see which key holds which day?                       s3_catalog.py
    download?                                            async_downloader.py, sync_downloader.py
    follow one object, from request to verified bytes?   transfer.py
    follow a large object, which comes in parts?         parts.py
    know what an answer means, a 403 or a broken line?   service_errors.py
    know what is tried again, when, and for how long?    retry.py; the backoff's cap: transfer_options.py
    change how clients are made?                         clients.py
    change where bytes go?                               sinks.py, threaded_writes.py
    unpack?                                              gunzip.py
    list the bucket?                                     listing.py
    end a request that drips?                            watchdog.py
    add a setting of the downloaders?                    transfer_options.py

Does not belong here: what is inside a file (``flatfile``), or where it is kept (``store``).
"""

from typing import TYPE_CHECKING, Any

from polygon_assets.lazy import imported

if TYPE_CHECKING:
    from polygon_assets.download.async_downloader import AsyncS3Downloader
    from polygon_assets.download.s3_catalog import S3Catalog
    from polygon_assets.download.sync_downloader import SyncS3Downloader

__all__ = ["AsyncS3Downloader", "S3Catalog", "SyncS3Downloader"]
_MODULES = {
    "AsyncS3Downloader": "polygon_assets.download.async_downloader",
    "S3Catalog": "polygon_assets.download.s3_catalog",
    "SyncS3Downloader": "polygon_assets.download.sync_downloader",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: whoever reads the store waits for no client."""
    return imported(__name__, name, _MODULES)
