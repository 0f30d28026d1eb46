"""One large object by several requests at once: a range each, of one version; one that fails is repeated alone.

The parts go into one file in any order; as far as they are whole from the first on, they are read back, which verifies
them while the others still come. Belongs here: which part is asked for when. Does not: the file (``sinks``).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from http import HTTPStatus
from typing import Any

from polygon_assets.download.retry import MinimumRate, retried_async
from polygon_assets.download.service_errors import ReplacedFault, RetryAction, TransferFault, is_replaced
from polygon_assets.download.sinks import PartsFile
from polygon_assets.download.threaded_writes import in_thread, receive
from polygon_assets.download.transfer import Transfer, check_partial
from polygon_assets.errors import UnavailableError
from polygon_assets.wording import counted

Get = Callable[[Mapping[str, str]], AbstractAsyncContextManager[tuple[Mapping[str, Any], Any]]]
"""Sends a GET; gives the answer and its body."""


async def fetch_parts(
    get: Get, transfer: Transfer, file: PartsFile, pool: Executor, slots: asyncio.Semaphore, at_once: int
) -> None:
    """Receive and verify all parts of what ``transfer`` has begun.

    The first of ``at_once`` requests uses the slot that the object has; each other waits for one of ``slots``, so that
    an object never waits for itself, and no service sees more requests than were allowed.
    """
    download = _Parts(get, transfer, file, pool)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(download.work(nullcontext()))
            others = [group.create_task(download.work(slots)) for _ in range(at_once - 1)]
            await download.verify()
            for other in others:  # they wait for a slot that they have no use for
                other.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


class _Parts:
    """The parts of one object: those to come, and those that are there."""

    def __init__(self, get: Get, transfer: Transfer, file: PartsFile, pool: Executor) -> None:
        self._get, self._transfer, self._file, self._pool = get, transfer, file, pool
        self._arrived = {part: asyncio.Event() for part in range(file.layout.count)}
        self._missing = deque(part for part in self._arrived if part not in file.whole)
        for part in file.whole:
            self._arrived[part].set()

    async def work(self, slot: AbstractAsyncContextManager[None]) -> None:
        """Fetch missing parts, one after the other, until there are none."""
        while self._missing:
            async with slot:
                if self._missing:
                    await self._fetch(self._missing.popleft())

    async def verify(self) -> None:
        """Read the parts back in order, each as soon as it is there."""
        for part, arrived in self._arrived.items():
            await arrived.wait()
            await in_thread(self._pool, self._transfer.write, self._file.read(part))

    async def _fetch(self, number: int) -> None:
        part = PartTransfer(self._transfer, self._file, number)
        await retried_async(partial(self._attempt, part), part.failed)
        self._file.mark_whole(number)
        self._arrived[number].set()

    async def _attempt(self, part: "PartTransfer") -> None:
        if not part.is_whole:
            async with self._get(part.request()) as (response, body):
                part.begin(response)
                rest = await receive(body, part, self._pool)
                await in_thread(self._pool, part.write, rest)
            part.finish()


class PartTransfer:
    """Receives one part, over as many requests as it takes."""

    def __init__(self, whole: Transfer, file: PartsFile, number: int) -> None:
        """Ask for nothing yet."""
        self._whole, self._file = whole, file
        self._next, self._end = file.layout.bounds(number)
        self._retry = whole.retry.of_a_part()
        self._minimum_rate = MinimumRate(whole.options)

    @property
    def is_whole(self) -> bool:
        """Are all its bytes in the file?"""
        return self._next >= self._end

    def request(self) -> dict[str, str]:
        """Give the arguments of the next get_object: the missing bytes of this part, of the same version."""
        return self._whole.ranged_request(self._next, self._end)

    def begin(self, response: Mapping[str, Any]) -> None:
        """Check the answer's headers before any of its bytes."""
        self._minimum_rate = MinimumRate(self._whole.options)
        if response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.PARTIAL_CONTENT:
            self._whole.one_stream()
            raise ReplacedFault("the service gives no parts of an object")
        check_partial(response, self._whole.remote, self._next, self._end)

    def count(self, size: int, seconds: float) -> None:
        """Count ``size`` bytes that took ``seconds`` to arrive; below the minimum rate it is a fault."""
        self._minimum_rate.add(size, seconds)

    def write(self, chunks: Iterable[bytes]) -> None:
        """Take bytes. Blocking: may run in a thread, one call at a time."""
        for chunk in chunks:
            self._file.write(self._next, chunk)
            self._next += len(chunk)

    def finish(self) -> None:
        """Refuse a part that is not whole."""
        if not self.is_whole:
            cause = f"the body of a part ended {counted(self._end - self._next, 'byte')} early"
            raise TransferFault(RetryAction.RESUME, UnavailableError, cause)

    def failed(self, error: Exception) -> float:
        """The seconds to wait before the next request for this part; raises what ends the whole object's attempt."""
        if is_replaced(error):
            raise error
        delay = self._retry.failed(error)
        self._whole.part_retries += 1
        return delay
