"""The store against the bucket, for chosen days: what would have to be fetched, and what the plan hands out.

Belongs here: comparing. Does not: the requests (``download``), or reading stored files whole (``store.verifying``).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from polygon_assets.download import S3Catalog
from polygon_assets.download.listing import RemoteObject
from polygon_assets.errors import AccessDeniedError, LinkInStoreError, StoreError
from polygon_assets.flatfile.provenance import Provenance
from polygon_assets.ingest import ParquetStore

MONTHS_LISTED_SINGLY = 6
"""More months than this are cheaper as one listing of the whole folder, which has a page for every 1,000 days."""


class Standing(StrEnum):
    """How the store stands to the bucket on one day."""

    STORED = "stored"
    """The stored day was made from the object that is listed."""
    REPLACED = "replaced"
    """Another object is listed than the one it was made from."""
    NEW = "new"
    """Listed and not stored."""
    REFUSED = "refused"
    """The listed object was refused before: it is not fetched again by itself. An earlier one may be stored."""
    KEPT = "kept"
    """Stored, and no longer listed."""
    ABSENT = "not published"
    """Neither listed nor stored."""


TO_FETCH = frozenset({Standing.NEW, Standing.REPLACED})


@dataclass(frozen=True)
class ComparedDay:
    """One day in the bucket and in the store."""

    day: str
    """YYYY-MM-DD."""
    standing: Standing
    listed: RemoteObject | None
    stored: Provenance | None
    parquet_bytes: int | None
    """Size of the stored file; None where there is none."""

    @property
    def is_damaged(self) -> bool:
        """Is there a stored file whose footer cannot be read?"""
        return self.parquet_bytes is not None and self.stored is None


def listing_prefixes(catalog: S3Catalog, dataset: str, days: Sequence[str]) -> list[str]:
    """The prefixes to list so that all ``days`` are covered, with few requests."""
    months = sorted({day[:7] for day in days})
    if len(months) > MONTHS_LISTED_SINGLY:
        return [catalog.get_prefix(dataset)]
    return [catalog.get_month_prefix(dataset, f"{month}-01") for month in months]


class _Footer(NamedTuple):
    """What is known of a stored file."""

    version: str
    """By the store's listing: what tells it from one that replaces it."""
    size: int | None
    stored: Provenance | None
    """None: it cannot be read."""


class Footers:
    """What stored days say of themselves, kept by their files' versions for whoever compares again and again.

    A footer in a bucket costs requests, and a listing tells of a thousand days whether their files were replaced. The
    days that were asked for last are kept.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._kept: dict[str, _Footer] = {}

    def read(self, store: ParquetStore, dataset: str, days: Iterable[str]) -> dict[str, _Footer]:
        """What is stored of ``days``; those that are not stored lack."""
        try:
            held = store.versions(dataset)
        except LinkInStoreError:  # one of the strays
            held = {}
        found = {day: self._known(store, dataset, day, held[day]) for day in days if day in held}
        self._kept = {store.path(dataset, day): footer for day, footer in found.items() if footer.stored}
        return found

    def _known(self, store: ParquetStore, dataset: str, day: str, version: str) -> _Footer:
        kept = self._kept.get(store.path(dataset, day))
        return kept if kept and kept.version == version else _read(store, dataset, day, version)


def _read(store: ParquetStore, dataset: str, day: str, version: str) -> _Footer:
    size = None
    try:
        size = store.parquet_bytes(dataset, day)
        return _Footer(version, size, store.provenance(dataset, day))
    except StoreError:
        return _Footer(version, size, None)


def compare_days(
    store: ParquetStore,
    dataset: str,
    days: Iterable[str],
    listed: Mapping[str, RemoteObject],
    footers: Footers | None = None,
) -> list[ComparedDay]:
    """Compare ``days`` with what is ``listed`` of them (``listed_days``), in the order asked.

    A damaged file counts as not stored. ``footers`` keeps what was read for the next comparison.
    """
    asked = list(days)
    held = (footers or Footers()).read(store, dataset, asked)
    return [_compared(store, dataset, day, listed.get(day), held.get(day)) for day in asked]


def _compared(
    store: ParquetStore, dataset: str, day: str, listed: RemoteObject | None, held: _Footer | None
) -> ComparedDay:
    size, stored = (held.size, held.stored) if held else (None, None)
    standing = _standing(stored, listed)
    if standing in TO_FETCH and listed and store.refused_etag(dataset, day) == listed.etag:
        standing = Standing.REFUSED
    return ComparedDay(day, standing, listed, stored, size)


def _standing(stored: Provenance | None, listed: RemoteObject | None) -> Standing:
    if listed is None:
        return Standing.KEPT if stored else Standing.ABSENT
    if stored is None:
        return Standing.NEW
    return Standing.STORED if stored.source_etag == listed.etag else Standing.REPLACED


class HeadClient(Protocol):
    """What is needed of ``SyncS3Downloader``."""

    def head(self, bucket: str, key: str) -> RemoteObject:
        """Size, ETag and last-modified of the object."""


def is_entitled(client: HeadClient, catalog: S3Catalog, dataset: str, day: str) -> bool:
    """Does the plan hand out ``day``, which a listing may show without? One request; any other failure is raised."""
    try:
        client.head(catalog.bucket, catalog.get_key(dataset, day))
    except AccessDeniedError:
        return False
    return True


def oldest_entitled(days: Sequence[str], entitled: Callable[[str], bool]) -> int:
    """Position of the oldest day that is ``entitled``, where all later ones are; their number where none is."""
    if not days or not entitled(days[-1]):
        return len(days)
    return bisect_left(range(len(days) - 1), 1, key=lambda position: entitled(days[position]))
