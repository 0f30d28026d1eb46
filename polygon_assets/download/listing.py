"""What the bucket says about its objects: descriptions of one, and listings of many, page by page. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.download.service_errors import integrity_fault
from polygon_assets.errors import AccessDeniedError, InvalidInputError, InvalidKeysError, ListingDeniedError

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
    """ETag without quotes; where the service sent none, what else tells one version from another."""
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


def identified(found: RemoteObject) -> RemoteObject:
    """``found`` with something that tells it from another version, whatever the service sent."""
    return replace(found, etag=identity(found.etag, found.size, found.last_modified))


def listed_days(entries: Iterable[RemoteObject], catalog: S3Catalog, dataset: str) -> dict[str, RemoteObject]:
    """The day files of ``dataset`` among ``entries``, by their day (YYYY-MM-DD), oldest first; others are left out."""
    days = {}
    for entry in entries:
        if catalog.validate_key(entry.key):
            named = catalog.parse_key_metadata(entry.key)
            if named["data_type"] == dataset:
                days[named["date"]] = entry
    return dict(sorted(days.items()))


def identity(etag: str, size: int, last_modified: datetime) -> str:
    """``etag``, or what stands for it: a replaced object must be noticed also where the service sends none."""
    return etag or f"no-etag-{last_modified:%Y%m%dT%H%M%SZ}-{size}"


PAGE_SIZE = 1000
"""Keys that S3 gives at most in one page."""


class Listing:
    """Collects the entries under ``prefix``, each key once, until ``max_keys`` (None: all)."""

    def __init__(self, bucket: str, prefix: str, max_keys: int | None) -> None:
        """Raise InvalidInputError for a ``max_keys`` below 1."""
        if max_keys is not None and (isinstance(max_keys, bool) or not isinstance(max_keys, int) or max_keys < 1):
            raise InvalidInputError(f"max_keys must be None or a whole number of at least 1; got {max_keys!r}.")
        self._bucket, self._prefix, self._max_keys = bucket, prefix, max_keys
        self._token: str | None = None
        self._found: dict[str, RemoteObject] = {}
        self.done = False

    def request(self) -> dict[str, Any]:
        """Give the arguments of the next list_objects_v2."""
        missing = PAGE_SIZE if self._max_keys is None else min(PAGE_SIZE, self._max_keys - len(self._found))
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix, "MaxKeys": missing}
        if self._token is not None:
            request["ContinuationToken"] = self._token
        return request

    def accept(self, page: Mapping[str, Any]) -> None:
        """Take one page; a page that is no listing, or leads nowhere, is a fault."""
        if "IsTruncated" not in page:
            raise integrity_fault("the answer is no listing")
        entries = (identified(described(entry["Key"], entry, size_field="Size")) for entry in page.get("Contents", ()))
        new = {entry.key: entry for entry in entries if entry.key not in self._found}
        full = self._max_keys is not None and len(self._found) + len(new) >= self._max_keys
        done = full or not page["IsTruncated"]
        token = page.get("NextContinuationToken")
        if not done and (not token or token == self._token or not new):
            raise integrity_fault("the listing goes on, but its next page cannot be told")
        self._found |= new
        self._token, self.done = token, done

    @contextmanager
    def told_apart(self) -> Iterator[None]:
        """Tell a listing that is refused from a file that is: no plan explains it."""
        try:
            yield
        except InvalidKeysError:
            raise
        except AccessDeniedError as error:
            raise ListingDeniedError(error.bucket, error.key, error.cause, attempts=error.attempts) from error

    def entries(self) -> list[RemoteObject]:
        """Give what was found, in key order."""
        found = list(self._found.values())[: self._max_keys]
        return sorted(found, key=lambda entry: entry.key)
