"""The recipe of the wide matrix, as reading.md prints it, on as many tickers as it speaks of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets_tests.docs.pages import DOCS, blocks
from polygon_assets_tests.reading.market import SESSIONS, midnight, put_day, put_events
from polygon_assets_tests.servers.rest_api import dividend, split

TICKERS = [f"M{number:03}" for number in range(500)]
DAYS = SESSIONS[:40]
LISTED_LATE = 3
"""Every so many tickers have no row on the first day."""


def close_of(number: int, at: int) -> float:
    """A price that halves on the day of its ticker's split."""
    return round((10 + number) * (1 + at / 100) / (2 if at >= number % len(DAYS) else 1), 4)


@pytest.fixture
def market(tmp_path: Path) -> ParquetStore:
    """A split and a dividend of each of 500 tickers, on days of their own; the last days' dividends are paid alone."""
    store = ParquetStore(str(tmp_path / "store"))
    for at, day in enumerate(DAYS):
        bars = [
            {"ticker": ticker, "window_start": midnight(day), "volume": 100.0, "transactions": 10}
            | dict.fromkeys(("open", "close", "high", "low"), close_of(number, at))
            for number, ticker in enumerate(TICKERS)
            if at or number % LISTED_LATE
        ]
        put_day(store, "stocks_daily", day, bars)
    days = [str(day) for day in DAYS]
    put_events(store, SPLITS, [split(name, days[number % 40], 1, 2) for number, name in enumerate(TICKERS)])
    paid = [dividend(name, days[1 + number % 39], 0.5, id=name) for number, name in enumerate(TICKERS)]
    put_events(store, DIVIDENDS, paid)
    return store


def expected(number: int, at: int) -> float:
    close, paid_at = close_of(number, at), 1 + number % 39
    factor = 0.5 if at < number % 40 else 1.0
    return close * factor * (1 - 0.5 / close_of(number, paid_at - 1) if at < paid_at else 1.0)


def test_one_call_gives_the_adjusted_closes_of_500_tickers(
    market: ParquetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recipe,) = (block for block in blocks(DOCS / "reading.md", "python") if "or 500 of them" in block)
    asked = recipe.replace('["AAPL", "MSFT"]', repr(TICKERS))
    assert asked != recipe
    monkeypatch.setenv("POLYGON_STORE", market.uri)
    names: dict[str, Any] = {}
    exec(compile(asked, "docs/reading.md", "exec"), names)  # noqa: S102 (our own pages)
    closes, matrix = names["closes_adjusted"], names["matrix"]
    assert list(closes.columns) == TICKERS
    assert set(matrix.columns) == {"date", *TICKERS}
    wanted = np.array([[expected(number, at) for number in range(len(TICKERS))] for at in range(len(DAYS))])
    wanted[0, ::LISTED_LATE] = np.nan
    np.testing.assert_allclose(closes.to_numpy(), wanted, rtol=1e-12)
    polars = matrix.select(TICKERS).to_numpy().astype(float)
    np.testing.assert_allclose(polars, wanted, rtol=1e-12)
