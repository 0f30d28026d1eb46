"""The circuit breaker of one run: how many days are under way, when all of them pause, and when the run gives up.

Belongs here: what the ends of days say about the vendor, the keys and this machine as a whole. Does not: the retries of
one request (``download.service_errors``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from polygon_assets.errors import (
    CorruptFileError,
    LinkInStoreError,
    NotReplacedError,
    NotTriedError,
    PolygonAssetsError,
    TooSlowError,
    UnavailableError,
)
from polygon_assets.ingest.results import DayResult, DayStatus

OUTAGE = (UnavailableError, TooSlowError)
"""What passes by itself: the day is tried again once the vendor answers."""
OF_ONE_DAY = (CorruptFileError, LinkInStoreError, NotReplacedError)
"""What says nothing about the days that are left."""


@dataclass(frozen=True)
class Patience:
    """How long a run bears failures."""

    first_pause: float = 1.0
    """Seconds for which the whole run pauses after a day that the vendor did not hand out; each further one doubles."""
    longest_pause: float = 30.0
    """Seconds; the bound of the doubling."""
    outages: int = 8
    """Days in a row, inclusive, that an outage may fail before the run ends; by default after some two minutes."""
    failures: int = 5
    """Days in a row, inclusive, that may fail for one reason that does not pass: wrong keys, a full disk."""


DEFAULT_PATIENCE = Patience()


class CircuitBreaker:
    """Lets days begin, hears how they ended, and opens for good where one more day would only fail as well."""

    def __init__(
        self,
        at_once: int,
        patience: Patience,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Let at most ``at_once`` days be under way."""
        self._at_once, self._patience, self._sleep = at_once, patience, sleep
        self._limit = at_once
        self._under_way = 0
        self._round = 0
        """Counts the pauses: what began before one says nothing about what came after."""
        self._pause = 0.0
        self._in_a_row: list[PolygonAssetsError] = []
        self._changed = asyncio.Condition()
        self._pausing = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Is no further day to be tried?"""
        if not self._in_a_row:
            return False
        is_outage = isinstance(self._in_a_row[-1], OUTAGE)
        return len(self._in_a_row) >= (self._patience.outages if is_outage else self._patience.failures)

    @property
    def is_closed(self) -> bool:
        """Did the last day that was heard of end well?"""
        return not self._in_a_row

    def not_tried(self) -> NotTriedError:
        """Why the days that are left fail at once."""
        return NotTriedError(len(self._in_a_row), self._in_a_row[-1])

    @asynccontextmanager
    async def admission(self) -> AsyncIterator[int]:
        """Wait for the run's pause and for a place among those under way; gives what ``heard`` is to be told."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < self._limit or self.is_open)
            self._under_way += 1
        try:
            await self._pass_the_pause()
            yield self._round
        finally:
            self._under_way -= 1
            async with self._changed:
                self._changed.notify_all()

    async def _pass_the_pause(self) -> None:
        async with self._pausing:
            pause, self._pause = self._pause, 0.0
            if pause and not self.is_open:
                await self._sleep(pause)

    def heard(self, admitted: int, result: DayResult) -> None:
        """Learn from how a day ended that was ``admitted`` in the round that its admission gave."""
        if result.status is not DayStatus.FAILED or result.error is None:
            self._succeeded(admitted, result)
        elif isinstance(result.error, OUTAGE):
            self._refused_service(admitted, result.error)
        elif not isinstance(result.error, OF_ONE_DAY):
            self._count(result.error)

    def _succeeded(self, admitted: int, result: DayResult) -> None:
        """A day that came only after retries says that there were too many at once."""
        self._limit = max(1, self._limit // 2) if result.retries else min(self._at_once, self._limit * 2)
        if admitted == self._round:
            self._in_a_row.clear()

    def _refused_service(self, admitted: int, error: PolygonAssetsError) -> None:
        """One outage fails all that is under way, and counts once."""
        if admitted != self._round:
            return
        self._count(error)
        self._round += 1
        self._limit = 1
        longer = self._patience.first_pause * 2 ** (len(self._in_a_row) - 1)
        self._pause = min(longer, self._patience.longest_pause)

    def _count(self, error: PolygonAssetsError) -> None:
        """Count ``error``; another reason than the one before begins anew."""
        if self._in_a_row and not _is_alike(error, self._in_a_row[-1]):
            self._in_a_row.clear()
        self._in_a_row.append(error)


def _is_alike(error: PolygonAssetsError, other: PolygonAssetsError) -> bool:
    return type(error) is type(other) or (isinstance(error, OUTAGE) and isinstance(other, OUTAGE))
