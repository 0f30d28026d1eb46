"""When the next attempt is due: backoff, deadlines and the minimum rate; how long each may be: ``transfer_options``.

Does not belong here: what a failure means (``service_errors``).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from polygon_assets.download.service_errors import Diagnosis, RetryAction, TransferFault, diagnose
from polygon_assets.errors import PolygonAssetsError, TooSlowError
from polygon_assets.termination import exit_if_terminated

if TYPE_CHECKING:
    from polygon_assets.download.transfer_options import TransferOptions

BACKOFF_BASE, BACKOFF_CAP = 0.5, 30.0
"""Seconds, by default: the wait before retry n is uniform in 0 … min(cap, base · 2ⁿ), n from 0."""
Result = TypeVar("Result")
Clock = Callable[[], float]
ASKING_SECONDS = 300.0
"""For a HEAD, or a page of a listing, all its retries included."""


def backoff(retry: int, options: "TransferOptions", retry_after: float = 0.0) -> float:
    """Seconds to wait before retry ``retry``, from 0: full jitter, at least ``retry_after``, never over the cap."""
    # An exponent above 60 is over every cap and would only overflow.
    jitter = random.uniform(0, min(options.backoff_cap, options.backoff_base * 2 ** min(retry, 60)))  # noqa: S311
    return max(jitter, min(retry_after, options.backoff_cap))


def retried(call: Callable[[], Result], failed: Callable[[Exception], float]) -> Result:
    """What ``call`` gives, tried until it succeeds; ``failed`` gives the seconds to wait, or raises the final error."""
    while True:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 (foreign errors are translated in one place)
            exit_if_terminated()
            delay = failed(error)
        time.sleep(delay)


async def retried_async(call: Callable[[], Awaitable[Result]], failed: Callable[[Exception], float]) -> Result:
    """``retried`` for a call that is awaited."""
    while True:
        try:
            return await call()
        except Exception as error:  # noqa: BLE001 (foreign errors are translated in one place)
            exit_if_terminated()
            delay = failed(error)
        await asyncio.sleep(delay)


class RetryState:
    """The requests made for one object: says how long to wait before the next, or raises what to raise."""

    def __init__(
        self, bucket: str, key: str, options: "TransferOptions", *, asks: bool = False, clock: Clock = time.monotonic
    ) -> None:
        """Start the deadline's clock for ``key`` of ``bucket``; a request that ``asks`` has no object to bring."""
        self._bucket, self._key, self._options = bucket, key, options
        self._clock = clock
        self._deadline = min(options.deadline, ASKING_SECONDS) if asks else options.deadline
        self._end = clock() + self._deadline
        self._restarted = False
        self.retries = 0

    def allow_for(self, size: int) -> None:
        """Give an object of ``size`` bytes as many deadlines as it is times larger than one that is not large."""
        self._end += self._options.deadline * max(1.0, size / self._options.large_object_bytes) - self._deadline
        self._deadline = self._options.deadline * max(1.0, size / self._options.large_object_bytes)

    def of_a_part(self) -> "RetryState":
        """The requests of one part of the same object: tries of its own, the same deadline."""
        part = RetryState(self._bucket, self._key, self._options, clock=self._clock)
        part._end, part._deadline = self._end, self._deadline
        return part

    @property
    def seconds_left(self) -> float:
        """Until the deadline; never below 0."""
        return max(0.0, self._end - self._clock())

    @property
    def seconds_for_answer(self) -> float:
        """For one request that asks: twice the timeout, which alone would start anew with every byte."""
        return min(self.seconds_left, 2 * self._options.timeout)

    def failed(self, error: Exception) -> float:
        """The seconds to wait before the next request; raises what ``after`` raises."""
        return self.after(error)[1]

    def after(self, error: Exception) -> tuple[RetryAction, float]:
        """Judge a failed request: whether to resume or restart, and the seconds to wait before.

        Raises the project's own error, from ``error``, when there is no further attempt.
        """
        if isinstance(error, PolygonAssetsError):
            raise error
        diagnosis = diagnose(error)
        if self.seconds_left <= 0:
            raise self._past_deadline(diagnosis) from error
        if self._is_final(diagnosis.action):
            raise diagnosis.error(self._bucket, self._key, diagnosis.cause, attempts=self.retries + 1) from error
        delay = backoff(self.retries, self._options, diagnosis.retry_after)
        if delay >= self.seconds_left:
            raise self._past_deadline(diagnosis) from error
        self.retries += 1
        self._restarted = self._restarted or diagnosis.action is RetryAction.RESTART
        return diagnosis.action, delay

    def _is_final(self, action: RetryAction) -> bool:
        if action is RetryAction.STOP or self.retries >= self._options.max_retries:
            return True
        return action is RetryAction.RESTART and self._restarted

    def _past_deadline(self, last: Diagnosis) -> TooSlowError:
        cause = f"not done within the deadline of {self._deadline:g} s; last: {last.cause}"
        return TooSlowError(self._bucket, self._key, cause, attempts=self.retries + 1)


class MinimumRate:
    """The minimum rate of one request, measured over the time spent waiting for bytes."""

    def __init__(self, options: "TransferOptions") -> None:
        """Start a first window."""
        self._rate, self._window = options.minimum_rate, options.minimum_rate_window
        self._bytes, self._seconds = 0, 0.0

    def add(self, size: int, seconds: float) -> None:
        """Count ``size`` bytes after ``seconds`` of waiting; a whole window below the rate is a fault."""
        self._bytes += size
        self._seconds += seconds
        if self._seconds < self._window:
            return
        rate = self._bytes / self._seconds
        if rate < self._rate:
            cause = (
                f"{rate:,.0f} bytes/s over {self._seconds:.1f} s, below the minimum rate of {self._rate:,.0f} bytes/s"
            )
            raise TransferFault(RetryAction.RESUME, TooSlowError, cause)
        self._bytes, self._seconds = 0, 0.0
