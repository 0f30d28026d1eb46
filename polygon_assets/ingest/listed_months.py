"""What the vendor lists of a month: asked once for a run, when a day's file is refused.

A 403 does not tell whether a file lies outside the plan or is not there yet, and listing works for every plan.
"""

import asyncio
from collections.abc import Awaitable, Callable

from polygon_assets.download.listing import RemoteObject, listed_days
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import AccessDeniedError, InvalidKeysError

ListEntries = Callable[[str, str], Awaitable[list[RemoteObject]]]


class MonthListings:
    """The listed days of one dataset, a month at a time."""

    def __init__(self, downloader: object, catalog: S3Catalog, dataset: str) -> None:
        """Ask nothing yet. Where the ``downloader`` has no ``list_entries``, every day counts as listed."""
        self._list_entries: ListEntries | None = getattr(downloader, "list_entries", None)
        self._catalog, self._dataset = catalog, dataset
        self._months: dict[str, frozenset[str]] = {}
        self._asking = asyncio.Lock()

    async def has(self, day: str) -> bool:
        """Is the file of ``day`` listed?

        Raises:
            InvalidKeysError: listing is refused, too, which works for everyone whose keys are right.
            TransferError: the listing could not be had.
        """
        if self._list_entries is None:
            return True
        month = self._catalog.get_month_prefix(self._dataset, day)
        async with self._asking:
            if month not in self._months:
                self._months[month] = await self._list(self._list_entries, month)
        return day in self._months[month]

    async def _list(self, list_entries: ListEntries, prefix: str) -> frozenset[str]:
        try:
            entries = await list_entries(self._catalog.bucket, prefix)
        except InvalidKeysError:
            raise
        except AccessDeniedError as error:
            cause = f"files are refused, and so is listing them: {error.cause}"
            raise InvalidKeysError(error.bucket, prefix, cause) from error
        return frozenset(listed_days(entries, self._catalog, self._dataset))
