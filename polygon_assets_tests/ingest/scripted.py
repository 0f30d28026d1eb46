"""Four days with rows of their own, and a downloader that fails as it is told."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

from polygon_assets.download.listing import FetchedObject, RemoteObject
from polygon_assets.errors import AccessDeniedError
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]


def day_text(day: str, *tickers: str, **values: object) -> bytes:
    start = stamp(day=dt.date.fromisoformat(day))
    return text([row(ticker, start, **values) for ticker in tickers or ("A", "B")])


class Scripted:
    """A downloader that fails as told; what it is not told about is passed to the vendor, or is a 403 without one."""

    def __init__(self, errors: dict[str, Exception], vendor: Vendor | None = None, *, hang: bool = False) -> None:
        self.asked: list[str] = []
        self.all_asked = asyncio.Event()
        self.most = 0
        self._open = 0
        self._errors = errors
        self._vendor = vendor
        self._hang = hang

    def done(self) -> None:
        self._open -= 1

    async def _answer(self, bucket: str, key: str) -> Vendor:
        self.asked.append(key)
        if len(self.asked) == len(DAYS):
            self.all_asked.set()
        self._open += 1
        self.most = max(self.most, self._open)
        if self._hang:
            await asyncio.sleep(60)
        if key in self._errors:
            raise self._errors[key]
        if self._vendor is None:
            raise AccessDeniedError(bucket, key, "403 Forbidden")
        return self._vendor

    async def head(self, bucket: str, key: str) -> RemoteObject:
        vendor = await self._answer(bucket, key)
        return await vendor.downloader.head(bucket, key)

    async def fetch(self, bucket: str, key: str, local_path: Path, **settings: Any) -> FetchedObject:
        vendor = await self._answer(bucket, key) if key not in self.asked else self._vendor
        assert vendor is not None
        return await vendor.downloader.fetch(bucket, key, local_path, **settings)
