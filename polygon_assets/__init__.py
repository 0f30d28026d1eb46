"""Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.

Where do I go to…
    add a data type or look up a fact about one?   datasets.py
    find out which days are trading days?          trading_calendar.py
    see every error and what it means?             errors.py
    change a setting?                              settings.py
    get bytes out of the vendor's bucket?          download/
    turn bytes into published Parquet?             ingest/
    read what is published?                        reading/, scan()
    see assets, sensors, checks and resources?     orchestration/
    see what Dagster loads?                        definitions.py
    see the made-up data of the demo?              sample/
    see the commands?                              cli/

Imports point one way: the modules here ← download ← ingest ← reading ← orchestration ← definitions.
"""

from typing import TYPE_CHECKING, Any

from polygon_assets.datasets import DATASETS, Dataset

if TYPE_CHECKING:
    from polygon_assets.reading.scanning import scan

__all__ = ["DATASETS", "Dataset", "scan"]


def __getattr__(name: str) -> Any:
    """Import ``scan`` when it is asked for: importing the package must stay light."""
    if name == "scan":
        from polygon_assets.reading.scanning import scan  # noqa: PLC0415

        return scan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
