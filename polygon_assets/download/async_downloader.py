"""AsyncS3Downloader: many objects at once, on aioboto3.

Belongs here: asynchronous I/O. Everything else the two downloaders share (``transfer``, ``listing``).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from polygon_assets.download.clients import LoopState, async_client
from polygon_assets.download.listing import FetchedObject, Listing, RemoteObject, described, identified
from polygon_assets.download.parts import fetch_parts
from polygon_assets.download.retry import RetryState, retried_async
from polygon_assets.download.sinks import FileSink, MemorySink, Sink
from polygon_assets.download.threaded_writes import publish, receive
from polygon_assets.download.transfer import Downloader, Transfer, check_name, checked_target, logger
from polygon_assets.download.transfer_options import DEFAULTS, ENDPOINT_URL, Md5Policy, TransferOptions
from polygon_assets.errors import InvalidInputError, ObjectNotFoundError, PolygonAssetsError

Outcome = TypeVar("Outcome")


class AsyncS3Downloader(Downloader):
    """Downloads flat files, up to ``max_concurrent`` at once; every failure is a TransferError.

    An asynchronous context manager that holds one client; used without ``async with``, it opens the client at the
    first call and ``aclose()`` closes it. Another event loop gets a client of its own. The keyword-only settings
    are described in ``transfer_options.TransferOptions``.
    """

    def __init__(
        self,
        credentials: Mapping[str, str],
        endpoint_url: str = ENDPOINT_URL,
        max_retries: int = 5,
        timeout: float = 60,
        max_pool_connections: int = 50,
        max_concurrent: int = 8,
        *,
        backoff_base: float = DEFAULTS.backoff_base,
        backoff_cap: float = DEFAULTS.backoff_cap,
        minimum_rate: float = DEFAULTS.minimum_rate,
        minimum_rate_window: float = DEFAULTS.minimum_rate_window,
        deadline: float = DEFAULTS.deadline,
        large_object_bytes: int = DEFAULTS.large_object_bytes,
        part_bytes: int = DEFAULTS.part_bytes,
        parts_at_once: int = DEFAULTS.parts_at_once,
        verify_md5: Md5Policy = DEFAULTS.verify_md5,
        max_decompressed_bytes: int = DEFAULTS.max_decompressed_bytes,
        max_decompression_ratio: float = DEFAULTS.max_decompression_ratio,
    ) -> None:
        """Take ``credentials`` with 'access_key_id' and 'secret_access_key'; ``timeout`` is in seconds.

        Raises InvalidInputError, a ValueError, that names the parameter at fault.
        """
        options = TransferOptions(
            max_retries=max_retries,
            timeout=timeout,
            max_pool_connections=max_pool_connections,
            max_concurrent=max_concurrent,
            backoff_base=backoff_base,
            backoff_cap=backoff_cap,
            minimum_rate=minimum_rate,
            minimum_rate_window=minimum_rate_window,
            deadline=deadline,
            large_object_bytes=large_object_bytes,
            part_bytes=part_bytes,
            parts_at_once=parts_at_once,
            verify_md5=verify_md5,
            max_decompressed_bytes=max_decompressed_bytes,
            max_decompression_ratio=max_decompression_ratio,
        )
        super().__init__(credentials, endpoint_url, options)
        self._loops: dict[asyncio.AbstractEventLoop, LoopState] = {}

    @property
    def max_concurrent(self) -> int:
        """How many requests it has under way at once, at most."""
        return self._options.max_concurrent

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the running event loop's client; a later call opens another."""
        state = self._loops.pop(asyncio.get_running_loop(), None)
        if state is not None:
            await state.close()

    async def download_one(self, bucket: str, key: str, decompress: bool = True) -> BytesIO:
        """Give the object's bytes, at position 0; ``decompress`` acts on keys that end in ``.gz``."""
        check_name(bucket, key)
        sink = MemorySink()
        await self._run(bucket, key, sink, decompress=decompress)
        return sink.buffer

    @overload
    async def download_batch(
        self, bucket: str, keys: Sequence[str], decompress: bool = True, *, return_exceptions: Literal[False] = False
    ) -> list[BytesIO | None]: ...

    @overload
    async def download_batch(
        self, bucket: str, keys: Sequence[str], decompress: bool = True, *, return_exceptions: Literal[True]
    ) -> list[BytesIO | PolygonAssetsError]: ...

    async def download_batch(
        self, bucket: str, keys: Sequence[str], decompress: bool = True, *, return_exceptions: bool = False
    ) -> list[BytesIO | None] | list[BytesIO | PolygonAssetsError]:
        """Download all ``keys``; the results stand in their order.

        A key that failed gives None and a logged error, or with ``return_exceptions`` the error itself. Cancelling
        cancels all.
        """
        if isinstance(keys, str):
            raise InvalidInputError(f"keys must be a list of keys; got the text {keys!r}.")
        wanted = list(keys)
        for key in wanted:
            check_name(bucket, key)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._outcome(bucket, key, decompress=decompress)) for key in wanted]
        outcomes = [task.result() for task in tasks]
        if return_exceptions:
            return outcomes
        return [None if isinstance(outcome, PolygonAssetsError) else outcome for outcome in outcomes]

    async def download_to_file(self, bucket: str, key: str, local_path: Path | str, decompress: bool = True) -> Path:
        """Save the object under ``local_path``, whole or not at all, and give that path back.

        Streams in bounded memory, makes parent folders; a failure leaves an earlier file as it was.
        """
        path = checked_target(bucket, key, local_path)
        await self._run(bucket, key, FileSink(path), decompress=decompress)
        return path

    async def fetch(
        self,
        bucket: str,
        key: str,
        local_path: Path | str,
        *,
        resume_in: Path | None = None,
        admit: Callable[[int], None] | None = None,
    ) -> FetchedObject:
        """Save the object as it is stored; give key, size, ETag, last-modified and retries of the bytes received.

        For what is processed next: whole or absent, but not flushed to the disk, which a power cut could tell. The
        parts of a large object are collected in ``resume_in``, a folder on the disk of ``local_path``; a later call
        goes on from those that are whole. ``admit`` is told the object's bytes before they come; it may raise.
        """
        path = checked_target(bucket, key, local_path)
        sink = FileSink(path, durable=False, resume_in=resume_in)
        return await self._run(bucket, key, sink, decompress=False, admit=admit)

    async def head(self, bucket: str, key: str) -> RemoteObject:
        """Give the object's size, ETag and last-modified without its bytes."""
        check_name(bucket, key)
        request = {"Bucket": bucket, "Key": key}
        return await self._ask("head_object", bucket, key, request, lambda answer: identified(described(key, answer)))

    async def check_exists(self, bucket: str, key: str) -> bool:
        """Say whether the object exists: False for 404 only; 403 raises AccessDeniedError."""
        try:
            await self.head(bucket, key)
        except ObjectNotFoundError:
            return False
        return True

    async def list_objects(self, bucket: str, prefix: str, max_keys: int | None = 1000) -> list[str]:
        """Give the keys that start with ``prefix``, in order, at most ``max_keys`` (None: all)."""
        return [entry.key for entry in await self.list_entries(bucket, prefix, max_keys)]

    async def list_entries(self, bucket: str, prefix: str, max_keys: int | None = None) -> list[RemoteObject]:
        """Give key, size, ETag and last-modified of the objects that ``list_objects`` names."""
        check_name(bucket, "-")
        listing = Listing(bucket, prefix, max_keys)
        with listing.told_apart():
            while not listing.done:
                await self._ask("list_objects_v2", bucket, prefix, listing.request(), listing.accept)
        return listing.entries()

    async def _outcome(self, bucket: str, key: str, *, decompress: bool) -> BytesIO | PolygonAssetsError:
        try:
            return await self.download_one(bucket, key, decompress)
        except PolygonAssetsError as error:
            logger.error("Download failed: %s", error)
            return error

    async def _ask(
        self,
        operation: str,
        bucket: str,
        key: str,
        request: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], Outcome],
    ) -> Outcome:
        """Send a request without a body to stream, retried like any other."""
        state = self._state()
        async with state.slots:
            retry = RetryState(bucket, key, self._options, asks=True)

            async def attempt() -> Outcome:
                async with asyncio.timeout(retry.seconds_for_answer):
                    client = await state.client()
                    return read(await getattr(client, operation)(**request))

            return await retried_async(attempt, retry.failed)

    async def _run(
        self, bucket: str, key: str, sink: Sink, *, decompress: bool, admit: Callable[[int], None] | None = None
    ) -> FetchedObject:
        state = self._state()
        async with state.slots:  # held while waiting, too: a service that asks for patience gets fewer requests
            transfer = self._transfer(bucket, key, sink, decompress=decompress, admit=admit)
            with self._counters.counting(transfer), sink:
                return await retried_async(partial(self._attempt, state, transfer), transfer.failed)

    async def _attempt(self, state: LoopState, transfer: Transfer) -> FetchedObject:
        async with asyncio.timeout(transfer.retry.seconds_left) as limit:
            rest = await self._receive(state, transfer, limit)
        await publish(state.pool, transfer, rest)
        return transfer.fetched

    async def _receive(self, state: LoopState, transfer: Transfer, limit: asyncio.Timeout) -> list[bytes]:
        """All of the object but its last bytes, which it gives."""
        async with _answer(state, transfer.request()) as (response, body):
            transfer.begin(response)
            limit.reschedule(asyncio.get_running_loop().time() + transfer.retry.seconds_left)  # a large one has longer
            file = transfer.parts()
            if file is None:
                return await receive(body, transfer, state.pool)
        get = partial(_answer, state)
        await fetch_parts(get, transfer, file, state.pool, state.slots, self._options.parts_at_once)
        return []

    def _state(self) -> LoopState:
        loop = asyncio.get_running_loop()
        state = self._loops.get(loop)
        if state is None:
            for closed in [other for other in list(self._loops) if other.is_closed()]:
                self._loops.pop(closed, None)
            state = self._loops[loop] = LoopState(
                lambda: async_client(self._credentials, self._endpoint_url, self._options),
                self._options.max_concurrent,
            )
        return state


@asynccontextmanager
async def _answer(state: LoopState, request: Mapping[str, str]) -> AsyncIterator[tuple[Mapping[str, Any], Any]]:
    """A GET's answer and its body, which is closed with the block: aiohttp waits for ever where none are closed."""
    client = await state.client()
    response = await client.get_object(**request)
    body = response["Body"]
    try:
        yield response, body
    finally:
        body.close()
