"""Blocking writes beside an event loop: blocks of bytes go to a thread, in order, while the next ones arrive."""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, Protocol

from polygon_assets.download.transfer import Transfer

BLOCK = 1024 * 1024
"""Bytes collected before a thread is asked: fewer are not worth the switch."""


class Pipeline:
    """Hands chunks to ``write`` in ``pool``: one call at a time, at most two blocks in memory."""

    def __init__(self, pool: Executor, write: Callable[[list[bytes]], None]) -> None:
        """Start empty, for the running event loop."""
        self._pool, self._write = pool, write
        self._loop = asyncio.get_running_loop()
        self._chunks: list[bytes] = []
        self._size = 0
        self._pending: asyncio.Future[None] | None = None

    async def put(self, chunk: bytes) -> None:
        """Take ``chunk``; raises what writing an earlier one raised."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size >= BLOCK:
            await self._flush()

    async def drain(self) -> None:
        """Write all that is left; raises what that raised."""
        if self._chunks:
            await self._flush()
        await self._join()

    async def rest(self) -> list[bytes]:
        """Wait for what is being written, and give what is not yet; raises what writing raised."""
        await self._join()
        rest, self._chunks, self._size = self._chunks, [], 0
        return rest

    async def settle(self) -> None:
        """Wait until no thread is at work, and raise nothing of its own: for leaving under cancellation."""
        self._chunks = []
        if self._pending is not None:
            await finished(self._pending)
            if not self._pending.cancelled():
                self._pending.exception()  # looked at, so that asyncio does not complain
            self._pending = None

    async def _flush(self) -> None:
        await self._join()
        chunks, self._chunks, self._size = self._chunks, [], 0
        self._pending = self._loop.run_in_executor(self._pool, self._write, chunks)

    async def _join(self) -> None:
        if self._pending is not None:
            await finished(self._pending)
            pending, self._pending = self._pending, None
            pending.result()


async def finished(future: "asyncio.Future[None]") -> None:
    """Wait for ``future`` even while being cancelled: nobody may touch the file that its thread writes."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # looked at, so that asyncio does not complain
        raise cancelled


CHUNK = 256 * 1024
"""Bytes read at most at once."""


class Receiving(Protocol):
    """What takes the bytes of an answer."""

    def count(self, size: int, seconds: float) -> None:
        """Count ``size`` bytes that took ``seconds`` to arrive; may raise."""

    def write(self, chunks: Iterable[bytes]) -> None:
        """Take bytes, in a thread."""


async def receive(body: Any, transfer: Receiving, pool: Executor) -> list[bytes]:
    """Read the body to its end, and give the last bytes, less than a block, for the caller to write.

    Thus a small object needs a thread once, to be written and published. After a failure all bytes that came are
    written: they count for the next request.
    """
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
    return await pipeline.rest()


async def publish(pool: Executor, transfer: Transfer, rest: list[bytes]) -> None:
    """Write the ``rest``, verify and publish in a thread.

    Outside the deadline, which must not hit a file that is just being published.
    """

    def finish() -> None:
        if rest:
            transfer.write(rest)
        transfer.finish()

    await in_thread(pool, finish)


async def in_thread(pool: Executor, call: Callable[..., None], *arguments: Any) -> None:
    """Await ``call`` in ``pool`` to its end, even while being cancelled."""
    running = asyncio.get_running_loop().run_in_executor(pool, call, *arguments)
    await finished(running)
    running.result()
