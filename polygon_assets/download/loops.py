"""What an asynchronous downloader holds for one event loop: a client, threads, and the places in its queue."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any

MAX_THREADS = 32


class LoopState:
    """Belongs to the event loop that runs when it is made; a client works in no other."""

    def __init__(self, open_client: Callable[[], AbstractAsyncContextManager[Any]], max_concurrent: int) -> None:
        """Open nothing yet."""
        self._open_client = open_client
        self._opening = asyncio.Lock()
        self._holder: AsyncGenerator[Any, None] | None = None
        self._client: Any = None
        self.slots = asyncio.Semaphore(max_concurrent)
        self.pool = ThreadPoolExecutor(min(max_concurrent, MAX_THREADS), thread_name_prefix="polygon-download")

    async def client(self) -> Any:
        """Give the client, opened at the first call."""
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    holder = self._hold()
                    self._client = await anext(holder)
                    self._holder = holder
        return self._client

    async def close(self) -> None:
        """Close the client and end the threads."""
        holder, self._holder, self._client = self._holder, None, None
        if holder is not None:
            await holder.aclose()
        self.pool.shutdown(wait=False)

    async def _hold(self) -> AsyncGenerator[Any, None]:
        """Keep the client open inside a generator: ``asyncio.run`` closes suspended generators at its end.

        So a downloader that is used without ``async with``, as the specification's examples do, leaks nothing.
        """
        async with self._open_client() as client:
            try:
                yield client
            finally:
                self._client = self._holder = None
