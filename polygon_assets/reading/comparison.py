"""The store against the bucket's listing, for chosen days: what would have to be fetched.

Belongs here: the comparison. Does not: the requests (``download``), or the whole store (``ingest.verification``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from polygon_assets.download import S3Catalog
from polygon_assets.download.listing import RemoteObject
from polygon_assets.errors import StoreError
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
    """Listed, and refused before: it is not fetched again by itself."""
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


def listing_prefixes(catalog: S3Catalog, dataset: str, days: Sequence[str]) -> list[str]:
    """The prefixes to list so that all ``days`` are covered, with few requests."""
    months = sorted({day[:7] for day in days})
    if len(months) > MONTHS_LISTED_SINGLY:
        return [catalog.get_prefix(dataset)]
    return [catalog.get_month_prefix(dataset, f"{month}-01") for month in months]


def compare_days(
    store: ParquetStore, dataset: str, days: Iterable[str], listed: Iterable[RemoteObject], catalog: S3Catalog
) -> list[ComparedDay]:
    """Compare ``days`` with the entries ``listed``, in the order asked; a damaged file counts as not stored."""
    entries = {entry.key: entry for entry in listed}
    return [_compared(store, dataset, day, entries.get(catalog.get_key(dataset, day))) for day in days]


def _compared(store: ParquetStore, dataset: str, day: str, listed: RemoteObject | None) -> ComparedDay:
    size = store.parquet_bytes(dataset, day)
    try:
        stored = store.provenance(dataset, day) if size is not None else None
    except StoreError:
        stored = None
    standing = _standing(stored, listed)
    if standing is Standing.NEW and listed and store.refused_etag(dataset, day) == listed.etag:
        standing = Standing.REFUSED
    return ComparedDay(day, standing, listed, stored, size)


def _standing(stored: Provenance | None, listed: RemoteObject | None) -> Standing:
    if listed is None:
        return Standing.KEPT if stored else Standing.ABSENT
    if stored is None:
        return Standing.NEW
    return Standing.STORED if stored.source_etag == listed.etag else Standing.REPLACED
