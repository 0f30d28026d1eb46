"""Both downloaders behind one asynchronous face, so that one contract suite runs both."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.listing import FetchedObject, RemoteObject
from polygon_assets.download.sync_downloader import SyncS3Downloader

Result = TypeVar("Result")
CLIENT_KINDS: tuple[type[AsyncS3Downloader] | type[SyncS3Downloader], ...] = (AsyncS3Downloader, SyncS3Downloader)
QUICK: Mapping[str, Any] = {"max_retries": 3, "timeout": 5, "backoff_base": 0.001, "backoff_cap": 0.05, "deadline": 30}
"""Settings that make failing fast."""


@dataclass
class Client:
    """One of the two, awaited; the blocking one runs in a thread."""

    downloader: AsyncS3Downloader | SyncS3Downloader

    @classmethod
    def of(cls, kind: type[AsyncS3Downloader] | type[SyncS3Downloader], *arguments: Any, **settings: Any) -> "Client":
        """Make a downloader of ``kind``, quick to fail unless told otherwise."""
        return cls(kind(*arguments, **{**QUICK, **settings}))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self.downloader, AsyncS3Downloader):
            await self.downloader.aclose()
        else:
            self.downloader.close()

    async def get(self, bucket: str, key: str, decompress: bool = True) -> BytesIO:
        name = "download_one" if isinstance(self.downloader, AsyncS3Downloader) else "download"
        found: BytesIO = await self._call(name, bucket, key, decompress)
        return found

    async def save(self, bucket: str, key: str, path: Path, decompress: bool = True) -> Path:
        saved: Path = await self._call("download_to_file", bucket, key, path, decompress)
        return saved

    async def fetch(self, bucket: str, key: str, path: Path) -> FetchedObject:
        fetched: FetchedObject = await self._call("fetch", bucket, key, path)
        return fetched

    async def head(self, bucket: str, key: str) -> RemoteObject:
        found: RemoteObject = await self._call("head", bucket, key)
        return found

    async def check_exists(self, bucket: str, key: str) -> bool:
        exists: bool = await self._call("check_exists", bucket, key)
        return exists

    async def list_objects(self, bucket: str, prefix: str, *max_keys: int | None) -> list[str]:
        keys: list[str] = await self._call("list_objects", bucket, prefix, *max_keys)
        return keys

    async def list_entries(self, bucket: str, prefix: str, *max_keys: int | None) -> list[RemoteObject]:
        entries: list[RemoteObject] = await self._call("list_entries", bucket, prefix, *max_keys)
        return entries

    def statistics(self) -> dict[str, Any]:
        return self.downloader.get_statistics()

    async def _call(self, name: str, *arguments: Any) -> Any:
        method: Callable[..., Any] = getattr(self.downloader, name)
        if isinstance(self.downloader, AsyncS3Downloader):
            return await method(*arguments)
        return await asyncio.to_thread(method, *arguments)
