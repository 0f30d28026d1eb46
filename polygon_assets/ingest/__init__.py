"""Days, many at once: downloaded, converted, published, with one result each. Knows nothing of Dagster.

Where do I go to…
    run many days at once?                               pipeline.py, ``ingest_days``
    see when a day is fetched, converted or left alone?  decisions.py
    know when a run pauses, slows down or gives up?      breaker.py
    tell a plan's refusal from a file not there yet?     listed_months.py
    see a day's steps and every end it can come to?      one_day.py, results.py
    know how much runs at once, and on which threads?    workers.py
    know what is asked of the disk?                      room.py
    open the store and the bucket that settings name?    connections.py
"""

from typing import TYPE_CHECKING, Any

from polygon_assets.lazy import imported

if TYPE_CHECKING:
    from polygon_assets.flatfile.findings import Finding, Severity
    from polygon_assets.flatfile.limits import Limits
    from polygon_assets.ingest.breaker import Patience
    from polygon_assets.ingest.pipeline import ingest_days
    from polygon_assets.ingest.results import DayResult, DayStatus
    from polygon_assets.store.parquet_store import ParquetStore
    from polygon_assets.store.row_counts import RowCountComparison, RowCounts
    from polygon_assets.store.verifying import VerifiedDay, verify_day

__all__ = [
    "DayResult",
    "DayStatus",
    "Finding",
    "Limits",
    "ParquetStore",
    "Patience",
    "RowCountComparison",
    "RowCounts",
    "Severity",
    "VerifiedDay",
    "ingest_days",
    "verify_day",
]
_MODULES = {
    "Finding": "polygon_assets.flatfile.findings",
    "Severity": "polygon_assets.flatfile.findings",
    "Limits": "polygon_assets.flatfile.limits",
    "Patience": "polygon_assets.ingest.breaker",
    "ingest_days": "polygon_assets.ingest.pipeline",
    "DayResult": "polygon_assets.ingest.results",
    "DayStatus": "polygon_assets.ingest.results",
    "ParquetStore": "polygon_assets.store.parquet_store",
    "RowCountComparison": "polygon_assets.store.row_counts",
    "RowCounts": "polygon_assets.store.row_counts",
    "VerifiedDay": "polygon_assets.store.verifying",
    "verify_day": "polygon_assets.store.verifying",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: whoever reads the store waits for no client and no parser."""
    return imported(__name__, name, _MODULES)
