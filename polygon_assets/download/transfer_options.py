"""What can be set for downloads, and what is counted of them: checked settings, credentials, statistics."""

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from polygon_assets.addresses import require_endpoint
from polygon_assets.download.retry import BACKOFF_BASE, BACKOFF_CAP
from polygon_assets.errors import InvalidInputError

ENDPOINT_URL = "https://files.polygon.io"
Md5Policy = Literal["auto", "always", "never"]
MD5_POLICIES: tuple[Md5Policy, ...] = ("auto", "always", "never")


@dataclass(frozen=True)
class Credentials:
    """A subscription's keys. The secret is in no repr; credentials that are missing or empty are refused."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Credentials":
        """Take the two keys out of ``given``; InvalidInputError names the one that is missing or unusable."""
        if not isinstance(given, Mapping):
            raise InvalidInputError("credentials must be a dict with 'access_key_id' and 'secret_access_key'.")
        return cls(_credential(given, "access_key_id"), _credential(given, "secret_access_key"))


def _credential(given: Mapping[str, str], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(
            f"credentials[{name!r}] is missing or empty: take it from the flat files page of your subscription."
        )
    if not value.isascii() or not value.isprintable() or " " in value:
        raise InvalidInputError(f"credentials[{name!r}] holds a space or a character that no key has: copy it again.")
    return value


def _whole(name: str, value: Any, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInputError(f"{name} must be a whole number of at least {least}; got {value!r}.")


def _number(name: str, value: Any, *, positive: bool) -> None:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or value < 0 or (positive and value == 0):
        raise InvalidInputError(f"{name} must be a number {'above' if positive else 'of at least'} 0; got {value!r}.")


@dataclass(frozen=True)
class TransferOptions:
    """How patient a transfer is and what it verifies; a number out of range is an InvalidInputError."""

    max_retries: int = 5
    """Requests after the first, restarts from zero among them; 0 switches retrying off."""
    timeout: float = 60
    """Seconds to connect, and seconds without a byte, after which a request counts as failed."""
    max_pool_connections: int = 10
    """Connections kept open."""
    max_concurrent: int = 1
    """Objects and requests in flight at once."""
    backoff_base: float = BACKOFF_BASE
    """Seconds: the wait before retry n is uniform in 0 … min(backoff_cap, backoff_base · 2ⁿ), n from 0."""
    backoff_cap: float = BACKOFF_CAP
    """Seconds: no wait is longer, whatever Retry-After asks."""
    minimum_rate: float = 16 * 1024
    """Bytes a second below which a request counts as failed; 0 switches it off."""
    minimum_rate_window: float = 30.0
    """Seconds of waiting for bytes over which the rate is measured."""
    deadline: float = 1800.0
    """Seconds for one object, all its retries included, queueing for a slot not; a large one has as many times more."""
    large_object_bytes: int = 256 * 1024**2
    """Bytes above which an object counts as large: saved to a file as it is, it comes in parts at once."""
    part_bytes: int = 64 * 1024**2
    """Bytes of one part."""
    parts_at_once: int = 4
    """Requests for one large object, at most; ``max_concurrent`` counts each."""
    verify_md5: Md5Policy = "auto"
    """``auto``: where the ETag is an MD5; a ``.gz`` object without one is verified by gzip's own CRC instead.
    ``always``: an ETag that is no MD5 is an error. ``never``: neither, only length and, decompressing, the CRC."""
    max_decompressed_bytes: int = 4 * 1024**3
    """Bytes that one object may decompress to."""
    max_decompression_ratio: float = 200.0
    """Decompressed bytes for each compressed one, beyond the first 64 MiB; flat files have 3 to 8."""

    def __post_init__(self) -> None:
        _whole("max_retries", self.max_retries, least=0)
        _whole("max_pool_connections", self.max_pool_connections, least=1)
        _whole("max_concurrent", self.max_concurrent, least=1)
        for name in ("max_decompressed_bytes", "large_object_bytes", "part_bytes", "parts_at_once"):
            _whole(name, getattr(self, name), least=1)
        for name in ("timeout", "minimum_rate_window", "deadline", "max_decompression_ratio"):
            _number(name, getattr(self, name), positive=True)
        for name in ("backoff_base", "backoff_cap", "minimum_rate"):
            _number(name, getattr(self, name), positive=False)
        if self.verify_md5 not in MD5_POLICIES:
            raise InvalidInputError(f"verify_md5 must be one of {', '.join(MD5_POLICIES)}; got {self.verify_md5!r}.")


DEFAULTS = TransferOptions()


def checked_endpoint(url: str) -> str:
    """Give ``url`` back if keys may be sent there; InvalidInputError names the parameter, and no user info."""
    try:
        return require_endpoint(str(url))
    except InvalidInputError as error:
        raise InvalidInputError(f"endpoint_url {error}") from None


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
