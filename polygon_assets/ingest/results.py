"""One day's outcome, as plain values. Belongs here: what an outcome is. Does not: how it comes about (``pipeline``)."""

from dataclasses import dataclass
from enum import StrEnum

from polygon_assets.errors import PolygonAssetsError
from polygon_assets.flatfile.findings import Finding
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets.wording import counted


class DayStatus(StrEnum):
    """How a day ended."""

    PUBLISHED = "published"
    """New or replaced, now in the store."""
    UNCHANGED = "unchanged"
    """Stored already from the same source under the same schema version, or no longer reachable (``warning``)."""
    NOT_PUBLISHED_YET = "not_published_yet"
    """404 on a trading day."""
    NOT_ENTITLED = "not_entitled"
    """403, and not stored."""
    REFUSED = "refused"
    """The content is wrong; quarantined; the same ETag is not tried again unless ``overwrite``."""
    FAILED = "failed"
    """The transfer or the machine failed; trying again can help."""


STORED = frozenset({DayStatus.PUBLISHED, DayStatus.UNCHANGED})


@dataclass(frozen=True, kw_only=True)
class DayResult:
    """One day's outcome."""

    day: str
    """YYYY-MM-DD."""
    status: DayStatus
    rows: int = 0
    """Rows in the store; 0 where the day is not stored."""
    symbols: int = 0
    """Distinct tickers in the store."""
    source_key: str
    """Key of the source file in the vendor's bucket."""
    source_etag: str = ""
    """Its ETag without quotes; empty where it was never seen."""
    source_bytes: int = 0
    """Its compressed bytes."""
    parquet_bytes: int = 0
    """Size of the stored file in bytes."""
    retries: int = 0
    """Requests of the download beyond the first."""
    download_seconds: float = 0.0
    """Seconds of fetching, waiting for a slot included; 0 where nothing was fetched."""
    convert_seconds: float = 0.0
    """Seconds of converting, checking and publishing; 0 where nothing was converted."""
    uri: str
    """Where the day is, or would be, stored."""
    findings: tuple[Finding, ...] = ()
    """What was found wrong with it."""
    error: PolygonAssetsError | None = None
    """Why it is not stored; None for ``published`` and ``unchanged``."""
    warning: str | None = None
    """What to know about a stored day, for people; None: nothing."""
    schema_version: str = ""
    """The rules that the stored day was made under; empty where it is not stored."""
    filter: str = ""
    """Which rows of the file are stored; empty: all of them."""
    dropped_rows: int = 0
    """Rows of the file that the filter left out."""


def describe(result: DayResult) -> str:
    """One line about one day, for logs."""
    line = f"{result.day}: {result.status.value.replace('_', ' ')}"
    if result.warning is not None:
        return f"{line}: {result.warning}"
    if result.error is not None:
        return f"{line}: {result.error}"
    if result.status not in STORED:
        return line
    kept = f" ({result.filter}; {counted(result.dropped_rows, 'row')} left out)" if result.filter else ""
    return f"{line}, {counted(result.rows, 'row')}, {counted(result.symbols, 'symbol')}{kept}"


def stored_result(store: ParquetStore, dataset: str, day: str) -> DayResult | None:
    """The stored ``day`` as an outcome, from its footer alone; None where it is not stored.

    Raises:
        StoreError: the file is there and its footer is not readable.
    """
    stored = store.provenance(dataset, day)
    if stored is None:
        return None
    return DayResult(
        day=day,
        status=DayStatus.UNCHANGED,
        rows=stored.rows,
        symbols=stored.symbols,
        source_key=stored.source_key,
        source_etag=stored.source_etag,
        source_bytes=stored.source_bytes,
        parquet_bytes=store.parquet_bytes(dataset, day) or 0,
        schema_version=stored.schema_version,
        uri=store.path(dataset, day),
        findings=stored.findings,
        filter=stored.filter,
        dropped_rows=stored.dropped_rows,
    )
