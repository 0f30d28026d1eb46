"""A process of its own that ingests, for tests that kill it: ``python -m … ENDPOINT BUCKET STORE DATASET DAY…``.

With ``--nursery`` first, it imports once and forks whenever told: a kill costs no second of imports.
"""

import asyncio
import os
import resource
import sys
import warnings
from pathlib import Path

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.ingest import ingest_days
from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.stores import Place


async def run(endpoint_url: str, bucket: str, store: str, dataset: str, *days: str) -> int:
    """Ingest, print one line for each day, and give 1 when one failed."""
    server = S3Server(endpoint_url)
    place = Place(store, Path(), server if store.startswith("s3://") else None)
    async with AsyncS3Downloader(server.credentials, endpoint_url) as downloader:
        print("ready", flush=True)  # noqa: T201 (the parent waits for it)
        results = await ingest_days(
            dataset,
            days,
            catalog=S3Catalog(bucket),
            downloader=downloader,
            store=place.open(),
            overwrite=True,
        )
    for result in results:
        print(result.day, result.status.value, result.error or "")  # noqa: T201
    return int(any(result.error for result in results))


def nursery(*arguments: str) -> None:
    """For each line of input, ingest in a forked child: print its pid, and a line when it has ended."""
    S3Catalog.get_business_days("2024-01-02", "2024-01-03")  # loads the calendar, which takes a second
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # libraries' threads
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os._exit(asyncio.run(run(*arguments)))
        print(child, flush=True)  # noqa: T201
        os.waitpid(child, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1] == "--nursery":
        nursery(*sys.argv[2:])
        sys.exit()
    if sys.argv[1].startswith("--largest-file="):
        size = int(sys.argv.pop(1).partition("=")[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    sys.exit(asyncio.run(run(*sys.argv[1:])))
