"""A body's way from the event loop into a transfer, and the transfer's end in a thread.

Belongs here: reading an asynchronous body. Does not: what its bytes mean (``transfer``), or retrying.
"""

import asyncio
import time
from concurrent.futures import Executor
from typing import Any

from polygon_assets.download.pipeline import Pipeline, finished
from polygon_assets.download.transfer import Transfer

CHUNK = 256 * 1024
"""Bytes read at most at once."""


async def receive(body: Any, transfer: Transfer, pool: Executor) -> None:
    """Read the body to its end; also after a failure, all bytes that came count for the next request."""
    pipeline = Pipeline(pool, transfer.write)
    try:
        before = time.monotonic()
        while chunk := await body.read(CHUNK):
            transfer.count(len(chunk), time.monotonic() - before)
            await pipeline.put(chunk)
            before = time.monotonic()
    except asyncio.CancelledError:
        await pipeline.settle()
        raise
    except Exception:  # whatever ended the body, what came before is kept; translated where it is retried
        await pipeline.drain()
        raise
    await pipeline.drain()


async def publish(pool: Executor, transfer: Transfer) -> None:
    """Verify and publish in a thread; outside the deadline, which must not hit a file that is just being published."""
    publishing = asyncio.get_running_loop().run_in_executor(pool, transfer.finish)
    await finished(publishing)
    publishing.result()
