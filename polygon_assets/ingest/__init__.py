"""Verified bytes → published Parquet: streaming, checked, staged, and published whole or not at all.

Where do I go to…
    run many days at once, and what comes of each?   pipeline.py, day_ingest.py, results.py
    find, read or list what is stored?               store.py; where it lies: folders.py, s3_folder.py, staging.py
    see what is stored for a column, and encodings?  schema.py
    decode a csv.gz to the letter?                   archive.py, flat_file.py, option_tickers.py, batch.py
    know how much runs at once, and on what?         machine.py, limits.py, threads.py
    know what is checked, and what is refused?       quality.py, ordering.py, limits.py, findings.py
    see these steps in their order?                  conversion.py
    compare a day with its neighbours?               history.py
    read a ticker's years from few files?            year_files.py
    read everything stored again?                    verification.py
    put a day into the store, or aside?              day_files.py
    know where a day came from, or what is aside?    known_day.py, provenance.py, raw_files.py, quarantine.py

Does not belong here: keys and downloads (``download``), Dagster (``orchestration``), the environment (``settings``).
"""

from polygon_assets.ingest.findings import Finding, Severity
from polygon_assets.ingest.history import RowCountVerdict, row_count_verdict
from polygon_assets.ingest.limits import Limits
from polygon_assets.ingest.pipeline import ingest_days
from polygon_assets.ingest.results import DayResult, DayStatus
from polygon_assets.ingest.store import ParquetStore
from polygon_assets.ingest.verification import (
    RemoteDifference,
    VerifiedDay,
    compare_with_remote,
    verify_day,
    verify_store,
)

__all__ = [
    "DayResult",
    "DayStatus",
    "Finding",
    "Limits",
    "ParquetStore",
    "RemoteDifference",
    "RowCountVerdict",
    "Severity",
    "VerifiedDay",
    "compare_with_remote",
    "ingest_days",
    "row_count_verdict",
    "verify_day",
    "verify_store",
]
