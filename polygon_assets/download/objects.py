"""What the bucket says about an object. Plain values, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)
"""Stands for a Last-Modified that the service did not send."""


@dataclass(frozen=True)
class RemoteObject:
    """One object of the bucket, as a GET, HEAD or LIST described it."""

    key: str
    """Full key inside the bucket."""
    size: int
    """Bytes as stored, before any decompression."""
    etag: str
    """ETag without quotes; empty where the service sent none."""
    last_modified: datetime
    """Aware, in UTC; ``UNKNOWN_TIME`` where the service sent none."""


@dataclass(frozen=True)
class FetchedObject(RemoteObject):
    """The object whose bytes were received: from the answer that carried them, not from a HEAD."""

    retries: int = 0
    """Requests beyond the first that it took."""


def bare_etag(value: str | None) -> str:
    """Strip the quotes of an ETag header; a weak one keeps its ``W/``, so that nobody takes it for an MD5."""
    return (value or "").strip().strip('"')


def utc(value: datetime | None) -> datetime:
    """Give ``value`` in UTC, or ``UNKNOWN_TIME`` for None."""
    return value.astimezone(UTC) if value else UNKNOWN_TIME


def described(key: str, answer: Mapping[str, Any], *, size_field: str = "ContentLength") -> RemoteObject:
    """Read a HEAD answer, or one entry of a LIST with ``size_field='Size'``."""
    return RemoteObject(
        key=key,
        size=int(answer[size_field]),
        etag=bare_etag(answer.get("ETag")),
        last_modified=utc(answer.get("LastModified")),
    )
