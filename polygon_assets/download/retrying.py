"""The one retry layer: how often, how long to wait, when to stop.

Belongs here: attempts, backoff, deadline, minimum rate. Does not: what a failure means (``failures``).
"""

import random
import time
from collections.abc import Callable

from polygon_assets.download.failures import Diagnosis, TransferFault, Verdict, diagnose
from polygon_assets.download.options import TransferOptions
from polygon_assets.errors import PolygonAssetsError, TooSlowError

Clock = Callable[[], float]


def backoff(retry: int, options: TransferOptions, retry_after: float = 0.0) -> float:
    """Seconds to wait before retry ``retry``, from 0: full jitter, at least ``retry_after``, never over the cap."""
    # An exponent above 60 is over every cap and would only overflow.
    jitter = random.uniform(0, min(options.backoff_cap, options.backoff_base * 2 ** min(retry, 60)))  # noqa: S311
    return max(jitter, min(retry_after, options.backoff_cap))


class Attempts:
    """The requests made for one object: says how long to wait before the next, or raises what to raise."""

    def __init__(self, bucket: str, key: str, options: TransferOptions, *, clock: Clock = time.monotonic) -> None:
        """Start the deadline's clock for ``key`` of ``bucket``."""
        self._bucket, self._key, self._options = bucket, key, options
        self._clock = clock
        self._end = clock() + options.deadline
        self._restarted = False
        self.retries = 0

    @property
    def seconds_left(self) -> float:
        """Until the deadline; never below 0."""
        return max(0.0, self._end - self._clock())

    def after(self, error: Exception) -> tuple[Verdict, float]:
        """Judge a failed request: whether to resume or restart, and the seconds to wait before.

        Raises the project's own error, from ``error``, when there is no further attempt.
        """
        if isinstance(error, PolygonAssetsError):
            raise error
        diagnosis = diagnose(error)
        if self.seconds_left <= 0:
            raise self._past_deadline(diagnosis) from error
        if self._is_final(diagnosis.verdict):
            raise diagnosis.error(self._bucket, self._key, diagnosis.cause, attempts=self.retries + 1) from error
        delay = backoff(self.retries, self._options, diagnosis.retry_after)
        if delay >= self.seconds_left:
            raise self._past_deadline(diagnosis) from error
        self.retries += 1
        self._restarted = self._restarted or diagnosis.verdict is Verdict.RESTART
        return diagnosis.verdict, delay

    def _is_final(self, verdict: Verdict) -> bool:
        if verdict is Verdict.STOP or self.retries >= self._options.max_retries:
            return True
        return verdict is Verdict.RESTART and self._restarted

    def _past_deadline(self, last: Diagnosis) -> TooSlowError:
        cause = f"not done within the deadline of {self._options.deadline:g} s; last: {last.cause}"
        return TooSlowError(self._bucket, self._key, cause, attempts=self.retries + 1)


class Pace:
    """The minimum rate of one request, measured over the time spent waiting for bytes."""

    def __init__(self, options: TransferOptions) -> None:
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
            raise TransferFault(Verdict.RESUME, TooSlowError, cause)
        self._bytes, self._seconds = 0, 0.0
