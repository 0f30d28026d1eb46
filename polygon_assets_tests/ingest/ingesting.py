"""A process of its own that ingests, for tests that kill it: ``python -m … ENDPOINT BUCKET STORE DATASET DAY…``."""

import asyncio
import resource
import sys

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import ParquetStore, ingest_days
from polygon_assets_tests.servers.seaweed import ACCESS_KEY_ID, SECRET_ACCESS_KEY


async def run(endpoint_url: str, bucket: str, store: str, dataset: str, *days: str) -> int:
    """Ingest, print one line for each day, and give 1 when one failed."""
    credentials = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET_ACCESS_KEY}
    async with AsyncS3Downloader(credentials, endpoint_url) as downloader:
        print("ready", flush=True)  # noqa: T201 (the parent waits for it)
        results = await ingest_days(
            dataset,
            days,
            catalog=S3Catalog(bucket),
            downloader=downloader,
            store=ParquetStore(store),
            overwrite=True,
        )
    for result in results:
        print(result.day, result.status.value, result.error or "")  # noqa: T201
    return int(any(result.error for result in results))


if __name__ == "__main__":
    if sys.argv[1].startswith("--largest-file="):
        size = int(sys.argv.pop(1).partition("=")[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    sys.exit(asyncio.run(run(*sys.argv[1:])))
