"""What is published → answers: for notebooks, commands and pictures. Knows nothing of Dagster.

Where do I go to…
    read rows by day, ticker and session?                scanning.py (``polygon_assets.scan``)
    adjust for splits and dividends?                     adjusting.py; by how much: factors.py
    have bars of another length?                         bars.py (``polygon_assets.bars``)
    ask in SQL?                                          queries.py; adjusted bars: adjusted_views.py
    say that what was asked for is not stored?           absent.py
    know which days are stored, missing or flagged?      inventory.py; drawn: pictures.py, weeks.py
    know on which days one ticker has rows?              ticker_days.py (``reading.ticker_coverage``)
    see a day at a glance?                               previews.py
    compare the store with what the bucket lists?        store_against_bucket.py
    compare stored datasets with each other?             cross/

Does not belong here: making files (``ingest``), or printing answers (``cli``).
"""

from typing import TYPE_CHECKING, Any

from polygon_assets.lazy import imported

if TYPE_CHECKING:
    from polygon_assets.reading.ticker_days import TickerCoverage, ticker_coverage

__all__ = ["TickerCoverage", "ticker_coverage"]

_LATE = dict.fromkeys(__all__, "polygon_assets.reading.ticker_days")


def __getattr__(name: str) -> Any:
    """Import what is asked for: commands that read little load little."""
    return imported(__name__, name, _LATE)
