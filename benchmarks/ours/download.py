"""``download async|async-unverified|sync CONCURRENCY FOLDER KEY…``: our downloaders, bytes kept as they come."""

import asyncio
import os
import sys
from pathlib import Path

from benchmarks.measuring import Stopwatch, answer
from polygon_assets.download import AsyncS3Downloader, SyncS3Downloader
from polygon_assets.download.transfer_options import Md5Policy

ENDPOINT = os.environ["BENCH_ENDPOINT_URL"]
BUCKET = os.environ["BENCH_BUCKET"]
KEYS = {
    "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
    "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
}


async def asynchronously(concurrency: int, folder: Path, keys: list[str], verify_md5: Md5Policy) -> None:
    """All at once, as far as ``max_concurrent`` lets them."""
    async with (
        AsyncS3Downloader(KEYS, ENDPOINT, max_concurrent=concurrency, verify_md5=verify_md5) as downloader,
        asyncio.TaskGroup() as group,
    ):
        for key in keys:
            group.create_task(downloader.download_to_file(BUCKET, key, folder / Path(key).name, decompress=False))


def one_by_one(folder: Path, keys: list[str]) -> None:
    """One after the other."""
    with SyncS3Downloader(KEYS, ENDPOINT) as downloader:
        for key in keys:
            downloader.download_to_file(BUCKET, key, folder / Path(key).name, decompress=False)


def main(kind: str, concurrency: str, folder: str, *keys: str) -> None:
    """Download."""
    watch = Stopwatch()
    if kind != "sync":
        policy: Md5Policy = "never" if kind == "async-unverified" else "auto"
        asyncio.run(asynchronously(int(concurrency), Path(folder), list(keys), policy))
    else:
        one_by_one(Path(folder), list(keys))
    answer(watch.read())


if __name__ == "__main__":
    main(*sys.argv[1:])
