"""Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.

Where do I go to…
    add a data type or look up a fact about one?   datasets.py
    find out which days are trading days?          trading_calendar.py
    see every error and what it means?             errors.py
    change a setting?                              settings.py
    get bytes out of the vendor's bucket?          download/
    turn bytes into published Parquet?             ingest/
    see assets, sensors, checks and resources?     orchestration/
    see what Dagster loads?                        definitions.py
    see the made-up data of the demo?              sample/
    see the commands?                              cli.py

Imports point one way: the modules here ← download ← ingest ← orchestration ← definitions.
"""

from polygon_assets.datasets import DATASETS, Dataset

__all__ = ["DATASETS", "Dataset"]
