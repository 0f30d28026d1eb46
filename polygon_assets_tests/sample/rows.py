"""A slow, obvious reader of made-up files, for tests."""

import csv
import datetime as dt
import gzip
import io
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from polygon_assets.datasets import DATASETS, NEW_YORK
from polygon_assets.datasets.layouts import BARS_OF_INDICES
from polygon_assets_tests.factories import FOUR

INDICES = tuple(
    replace(
        DATASETS[f"stocks_{name}"],
        name=f"indices_{name}",
        prefix="us_indices",
        live_prefix="us_indices",
        layout=BARS_OF_INDICES,
        checks=tuple(
            each for each in DATASETS[f"stocks_{name}"].checks if each not in ("stock_tickers", "positive_amounts")
        ),
    )
    for name in ("daily", "minute")
)
"""A fifth and a sixth row of the table."""
ALL = (*FOUR.values(), *INDICES)
PRICES = ("open", "close", "high", "low")


def read(body: bytes) -> list[dict[str, str]]:
    """Every row of a csv.gz, as text."""
    return list(csv.DictReader(io.StringIO(gzip.decompress(body).decode("ascii"), newline="")))


def new_york(row: dict[str, str]) -> dt.datetime:
    """A row's window_start as New York's clock showed it."""
    seconds, rest = divmod(int(row["window_start"]), 1_000_000_000)
    assert rest == 0
    return dt.datetime.fromtimestamp(seconds, ZoneInfo(NEW_YORK)).replace(tzinfo=None)


def total(rows: list[dict[str, str]], name: str) -> Decimal:
    """The sum of a column."""
    return sum((Decimal(row[name]) for row in rows), Decimal(0))
