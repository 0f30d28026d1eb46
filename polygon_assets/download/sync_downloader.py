"""SyncS3Downloader: one object after the other, on boto3. For scripts, sequential work and debugging.

Belongs here: blocking I/O. Everything else the two downloaders share (``transfer``, ``listing``).
"""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from polygon_assets.download.clients import read_available, sync_client
from polygon_assets.download.listing import FetchedObject, Listing, RemoteObject, described, identified
from polygon_assets.download.retry import RetryState, retried
from polygon_assets.download.sinks import FileSink, MemorySink, Sink
from polygon_assets.download.transfer import Downloader, Transfer, check_name, checked_target
from polygon_assets.download.transfer_options import DEFAULTS, ENDPOINT_URL, Md5Policy, TransferOptions
from polygon_assets.download.watchdog import ending_within
from polygon_assets.errors import ObjectNotFoundError
from polygon_assets.termination import exit_if_terminated

Outcome = TypeVar("Outcome")
CHUNK = 256 * 1024
"""Bytes read at most at once."""


class SyncS3Downloader(Downloader):
    """Downloads flat files, blocking. May be shared between threads; every failure is a TransferError.

    A context manager that holds one client; used without ``with``, it opens the client at the first call and
    ``close()`` closes it. The keyword-only settings are described in ``transfer_options.TransferOptions``.
    """

    def __init__(
        self,
        credentials: Mapping[str, str],
        endpoint_url: str = ENDPOINT_URL,
        max_retries: int = 5,
        timeout: float = 60,
        max_pool_connections: int = 10,
        *,
        backoff_base: float = DEFAULTS.backoff_base,
        backoff_cap: float = DEFAULTS.backoff_cap,
        minimum_rate: float = DEFAULTS.minimum_rate,
        minimum_rate_window: float = DEFAULTS.minimum_rate_window,
        deadline: float = DEFAULTS.deadline,
        large_object_bytes: int = DEFAULTS.large_object_bytes,
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
            backoff_base=backoff_base,
            backoff_cap=backoff_cap,
            minimum_rate=minimum_rate,
            minimum_rate_window=minimum_rate_window,
            deadline=deadline,
            large_object_bytes=large_object_bytes,
            verify_md5=verify_md5,
            max_decompressed_bytes=max_decompressed_bytes,
            max_decompression_ratio=max_decompression_ratio,
        )
        super().__init__(credentials, endpoint_url, options)
        self._lock = threading.Lock()
        self._client: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the client; a later call opens another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def download(self, bucket: str, key: str, decompress: bool = True) -> BytesIO:
        """Give the object's bytes, at position 0; ``decompress`` acts on keys that end in ``.gz``."""
        check_name(bucket, key)
        sink = MemorySink()
        self._run(bucket, key, sink, decompress=decompress)
        return sink.buffer

    def download_to_file(self, bucket: str, key: str, local_path: Path | str, decompress: bool = True) -> Path:
        """Save the object under ``local_path``, whole or not at all, and give that path back.

        Streams in bounded memory, makes parent folders; a failure leaves an earlier file as it was.
        """
        path = checked_target(bucket, key, local_path)
        self._run(bucket, key, FileSink(path), decompress=decompress)
        return path

    def fetch(self, bucket: str, key: str, local_path: Path | str) -> FetchedObject:
        """Save the object as it is stored; give key, size, ETag, last-modified and retries of the bytes received.

        For what is processed next: whole or absent, but not flushed to the disk, which a power cut could tell.
        """
        path = checked_target(bucket, key, local_path)
        return self._run(bucket, key, FileSink(path, durable=False), decompress=False)

    def head(self, bucket: str, key: str) -> RemoteObject:
        """Give the object's size, ETag and last-modified without its bytes."""
        check_name(bucket, key)
        return self._ask(
            bucket, key, lambda client: identified(described(key, client.head_object(Bucket=bucket, Key=key)))
        )

    def check_exists(self, bucket: str, key: str) -> bool:
        """Say whether the object exists: False for 404 only; 403 raises AccessDeniedError."""
        try:
            self.head(bucket, key)
        except ObjectNotFoundError:
            return False
        return True

    def list_objects(self, bucket: str, prefix: str, max_keys: int | None = 1000) -> list[str]:
        """Give the keys that start with ``prefix``, in order, at most ``max_keys`` (None: all)."""
        return [entry.key for entry in self.list_entries(bucket, prefix, max_keys)]

    def list_entries(self, bucket: str, prefix: str, max_keys: int | None = None) -> list[RemoteObject]:
        """Give key, size, ETag and last-modified of the objects that ``list_objects`` names."""
        check_name(bucket, "-")
        listing = Listing(bucket, prefix, max_keys)
        with listing.told_apart():
            while not listing.done:
                self._ask(bucket, prefix, lambda client: listing.accept(client.list_objects_v2(**listing.request())))
        return listing.entries()

    def _ask(self, bucket: str, key: str, ask: Callable[[Any], Outcome]) -> Outcome:
        """Send a request without a body to stream, retried like any other."""
        retry = RetryState(bucket, key, self._options, asks=True)

        def attempt() -> Outcome:
            with ending_within(retry.seconds_for_answer):
                return ask(self._opened())

        return retried(attempt, retry.failed)

    def _run(self, bucket: str, key: str, sink: Sink, *, decompress: bool) -> FetchedObject:
        transfer = self._transfer(bucket, key, sink, decompress=decompress)
        with self._counters.counting(transfer), sink:
            return retried(partial(self._attempt, transfer), transfer.failed)

    def _attempt(self, transfer: Transfer) -> FetchedObject:
        with ending_within(transfer.retry.seconds_left) as extend:
            self._receive(transfer, extend)
        transfer.finish()
        return transfer.fetched

    def _receive(self, transfer: Transfer, extend: Callable[[float], None]) -> None:
        response = self._opened().get_object(**transfer.request())
        body = response["Body"]
        try:
            transfer.begin(response)
            extend(transfer.retry.seconds_left)  # a large object has longer
            before = time.monotonic()
            while chunk := read_available(body, CHUNK):
                transfer.count(len(chunk), time.monotonic() - before)
                transfer.write([chunk])
                exit_if_terminated()
                before = time.monotonic()
        finally:
            body.close()

    def _opened(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = sync_client(self._credentials, self._endpoint_url, self._options)
            return self._client
