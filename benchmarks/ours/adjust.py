"""``adjust raw|splits|splits+dividends|coverage|cross STORE WHAT``: what prices that can be compared cost.

``WHAT`` is a file with one ticker a line, or one ticker; for ``cross``, the dataset whose newest stored day is held
against what is stored beside it.
"""

import sys
from pathlib import Path
from typing import Any

import polygon_assets
from benchmarks.measuring import Stopwatch, answer
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading import ticker_coverage
from polygon_assets.reading.cross.checking import CrossChecks

COLUMNS = ["date", "ticker", "open", "high", "low", "close", "volume"]


def read(kind: str, store: str, tickers: str) -> dict[str, Any]:
    """Their daily bars, adjusted or not."""
    path = Path(tickers)
    names = path.read_text().split() if path.exists() else [tickers]
    adjust: Any = None if kind == "raw" else kind
    table = polygon_assets.scan("stocks_daily", tickers=names, store=store, adjust=adjust).to_table(columns=COLUMNS)
    return {"rows": table.num_rows}


def cover(_kind: str, store: str, ticker: str) -> dict[str, Any]:
    """A ticker's days."""
    return {"rows": len(ticker_coverage("stocks_daily", ticker, store=store).rows)}


def compare(_kind: str, store: str, dataset: str) -> dict[str, Any]:
    """The newest day of a dataset against its parts and the day before."""
    checks = CrossChecks(ParquetStore(store))
    return {"findings": len(checks.check(DATASETS[dataset], checks.days(dataset)[-1]))}


def main(kind: str, store: str, what: str) -> None:
    """Do it twice; the first time warms up."""
    action = {"coverage": cover, "cross": compare}.get(kind, read)
    action(kind, store, what)
    watch = Stopwatch()
    found = action(kind, store, what)
    answer(watch.read(), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
