"""Programs that tests start, to measure, to kill or to starve: ``python -m … COMMAND KIND ENDPOINT FOLDER``."""

import asyncio
import itertools
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import PolygonAssetsError
from polygon_assets_tests.servers.origin import BUCKET

CREDENTIALS = {"access_key_id": "origin-key", "secret_access_key": "canary-4f1c2b7e-never-to-be-seen"}
LIMIT = 100_000
"""Bytes that a file may have under the command ``starve``."""


def save(kind: str, endpoint: str, keys: list[str], folder: Path) -> None:
    """Download ``keys`` into ``folder`` as they are."""
    if kind == "async":

        async def main() -> None:
            async with AsyncS3Downloader(CREDENTIALS, endpoint) as downloader:
                for key in keys:
                    await downloader.download_to_file(BUCKET, key, folder / key, decompress=False)

        asyncio.run(main())
    else:
        with SyncS3Downloader(CREDENTIALS, endpoint) as downloader:
            for key in keys:
                downloader.download_to_file(BUCKET, key, folder / key, decompress=False)


def memory(name: str) -> int:
    """Give a line of /proc/self/status in bytes: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def measure(kind: str, endpoint: str, folder: Path) -> None:
    """Print by how many bytes downloading ``large`` raises memory, once ``small`` has loaded everything."""
    save(kind, endpoint, ["small"], folder)
    Path("/proc/self/clear_refs").write_text("5")  # the highest starts anew
    before = memory("VmRSS")
    save(kind, endpoint, ["large"], folder)
    print(json.dumps({"grown": memory("VmHWM") - before}))  # noqa: T201 (the answer)


def starve(kind: str, endpoint: str, folder: Path) -> None:
    """Download ``large`` where no file may grow; print the error."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    try:
        save(kind, endpoint, ["large"], folder)
    except PolygonAssetsError as error:
        print(json.dumps({"kind": type(error).__name__, "message": str(error)}))  # noqa: T201 (the answer)


def save_terminated(kind: str, endpoint: str, folder: Path) -> None:
    """Download ``large``, with SIGTERM coming just while aiohttp takes bytes in, where it keeps every exception."""
    feed, calls = aiohttp.StreamReader.feed_data, itertools.count()

    def interrupted(*arguments: Any) -> bool:
        if next(calls) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return feed(*arguments)

    aiohttp.StreamReader.feed_data = interrupted  # type: ignore[method-assign, assignment]
    save(kind, endpoint, ["large"], folder)


def save_terminated_between(kind: str, endpoint: str, folder: Path) -> None:
    """Download ``large``, with SIGTERM coming when the loop has taken a step from its list, and not yet begun it."""
    run, calls = asyncio.Handle._run, itertools.count()

    def interrupted(handle: asyncio.Handle) -> None:
        if "wakeup" in repr(handle) and any(folder.glob(".*.part")) and next(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)  # here Python runs the handler
        run(handle)

    asyncio.Handle._run = interrupted  # type: ignore[method-assign, assignment]
    save(kind, endpoint, ["large"], folder)


def main() -> None:
    # A job in the background of a shell inherits that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command, kind, endpoint, folder = sys.argv[1:]
    if command == "measure":
        measure(kind, endpoint, Path(folder))
    elif command == "starve":
        starve(kind, endpoint, Path(folder))
    elif command == "save-terminated":
        save_terminated(kind, endpoint, Path(folder))
    elif command == "save-terminated-between":
        save_terminated_between(kind, endpoint, Path(folder))
    else:
        save(kind, endpoint, ["large"], Path(folder))


if __name__ == "__main__":
    main()
