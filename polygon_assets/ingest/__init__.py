"""Days, many at once: downloaded, converted, published, with one result each. Knows nothing of Dagster.

Where do I go to…
    run many days at once?                               pipeline.py, ``ingest_days``
    see when a day is fetched, converted or left alone?  decisions.py
    know when a run pauses, slows down or gives up?      breaker.py
    tell a plan's refusal from a file not there yet?     listings.py
    see a day's steps and every end it can come to?      one_day.py, results.py
    know how much runs at once, and on which threads?    workers.py
    open the store and the bucket that settings name?    connections.py
"""

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
