"""Extracts: what a partition shows of its content, as Markdown that the UI renders.

Belongs here: when a day is read again to be shown, and as what. Does not: choosing rows (``reading.extracts``).
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.machine import cores
from polygon_assets.reading.extracts import movers, movers_table, preview

logger = logging.getLogger(__name__)

Extract = dict[str, dg.MetadataValue]


def day_extract(store: ParquetStore, dataset: str, day: str) -> Extract:
    """First rows and largest movers of a stored day; empty where it cannot be read, since it is stored all the same."""
    try:
        gainers, losers = movers(store, dataset, day)
        shown: Extract = {"preview": dg.MetadataValue.md(preview(store, dataset, day))}
    except Exception:  # decoration only: the day is stored, and no fault in its preview may fail the run
        logger.exception("%s %s: no preview", dataset, day)
        return {}
    if gainers or losers:
        shown["largest_movers"] = dg.MetadataValue.md(movers_table(gainers, losers))
    return shown


def day_extracts(store: ParquetStore, dataset: str, days: Sequence[str]) -> dict[str, Extract]:
    """The extract of each of ``days``, with one thread for each core."""
    with ThreadPoolExecutor(cores()) as readers:
        return dict(zip(days, readers.map(lambda day: day_extract(store, dataset, day), days), strict=True))
