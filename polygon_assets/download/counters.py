"""The statistics of a downloader: objects, not requests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Counted(Protocol):
    """Whatever knows how many retries it took."""

    @property
    def retries(self) -> int:
        """Requests beyond the first."""


class Counters:
    """Counts finished downloads; safe to share between threads."""

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._successful = self._failed = self._retries = 0

    @contextmanager
    def counting(self, download: Counted) -> Iterator[None]:
        """Count the block as one download: failed if it raises anything, cancellation included."""
        successful = False
        try:
            yield
            successful = True
        finally:
            with self._lock:
                self._successful += successful
                self._failed += not successful
                self._retries += download.retries

    def snapshot(self) -> dict[str, Any]:
        """Give the five specified numbers; ``success_rate`` is a fraction from 0 to 1."""
        with self._lock:
            total = self._successful + self._failed
            return {
                "total_downloads": total,
                "successful_downloads": self._successful,
                "failed_downloads": self._failed,
                "total_retries": self._retries,
                "success_rate": self._successful / total if total else 0.0,
            }

    def reset(self) -> None:
        """Back to zero; downloads under way are counted when they end."""
        with self._lock:
            self._successful = self._failed = self._retries = 0
