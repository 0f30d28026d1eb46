"""A made-up market: 30 tickers over three years, with 20 splits and dividends, and its adjusted prices in plain Python.

Belongs here: stored days without their way through the vendor's bucket, and an independent reckoning, row by row and
event by event. Does not: anything of the code under test but the layout of the store.
"""

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.flatfile.parquet_format import stored_schema
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import DIVIDENDS, SPLITS, EventKind, as_table, read_event, settle
from polygon_assets.reference.tables import Record, write_events
from polygon_assets_tests.servers.rest_api import dividend, split

TICKERS = [f"T{number:02}" for number in range(30)]
SESSIONS = trading_calendar().between(dt.date(2021, 1, 4), dt.date(2023, 12, 29))
RETRIEVED = dt.datetime(2024, 1, 2, 17, tzinfo=dt.UTC)
SPLIT_EVENTS = [
    ("T00", 100, 1, 4), ("T00", 400, 1, 3), ("T01", 250, 10, 1), ("T02", 300, 2, 3), ("T03", 1, 1, 2),
    ("T04", 752, 1, 20), ("T05", 200, 1, 7), ("T06", 350, 100, 101),
]  # fmt: skip
"""Ticker, number of the session, shares before and after."""
DIVIDEND_EVENTS = [
    ("T00", 50, 0.3), ("T00", 250, 0.1), ("T00", 401, 0.05), ("T07", 60, 0.25), ("T07", 120, 0.26), ("T07", 180, 0.27),
    ("T08", 300, 5.0), ("T08", 300, 1.5), ("T09", 752, 0.01), ("T01", 251, 2.0), ("T10", 500, 0.0), ("T05", 199, 0.4),
]  # fmt: skip
"""Ticker, number of the session, US dollars; two of one ticker and day are paid from the same close."""

Rows = dict[tuple[str, dt.date], dict[str, float]]


def make_rows() -> Rows:
    """Daily bars whose prices fall by the splits on their dates, as raw ones do."""
    chance, rows = random.Random(7), Rows()
    ratios = {(ticker, SESSIONS[at]): after / before for ticker, at, before, after in SPLIT_EVENTS}
    for ticker in TICKERS:
        price, volume = chance.uniform(50, 400), chance.uniform(1e5, 1e7)
        for day in SESSIONS:
            ratio = ratios.get((ticker, day), 1.0)
            price, volume = price / ratio * chance.uniform(0.98, 1.02), volume * ratio
            opened, spread = price * chance.uniform(0.99, 1.01), price * 0.02
            rows[ticker, day] = {
                "volume": round(volume * chance.uniform(0.5, 1.5)),
                "open": round(opened, 4),
                "close": round(price, 4),
                "high": round(max(opened, price) + spread, 4),
                "low": round(min(opened, price) - spread, 4),
            }
    return rows


def adjusted(rows: Rows, ticker: str, day: dt.date, *, dividends: bool) -> dict[str, float]:
    """One bar, adjusted by every event after it, one after the other."""
    split_factor = dividend_factor = 1.0
    for name, at, before, after in SPLIT_EVENTS:
        if name == ticker and day < SESSIONS[at]:
            split_factor *= before / after
    for at in sorted({at for name, at, _ in DIVIDEND_EVENTS if name == ticker}) if dividends else ():
        if day < SESSIONS[at]:
            amount = sum(paid for name, other, paid in DIVIDEND_EVENTS if (name, other) == (ticker, at))
            dividend_factor *= 1 - amount / rows[ticker, SESSIONS[at - 1]]["close"]
    bar = rows[ticker, day]
    prices = {name: bar[name] * split_factor * dividend_factor for name in ("open", "close", "high", "low")}
    return {
        **prices,
        "volume": bar["volume"] / split_factor,
        "split_factor": split_factor,
        "dividend_factor": dividend_factor,
    }


def put_events(
    store: ParquetStore, kind: EventKind, answers: Iterable[dict[str, Any]], retrieved: dt.datetime = RETRIEVED
) -> None:
    """Store events that the vendor would have given."""
    events, counts = settle(kind, [event for each in answers if (event := read_event(kind, each))])
    record = Record("https://example.com", retrieved, retrieved, len(events), dict(counts))
    write_events(store, kind, as_table(kind, events), record)


def put_day(store: ParquetStore, dataset: str, day: dt.date, rows: Sequence[dict[str, Any]]) -> None:
    """Store rows as a day's file, without provenance."""
    path = Path(store.path(dataset, day.isoformat()))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=stored_schema(DATASETS[dataset])), path)


def midnight(day: dt.date, time: dt.time = dt.time(0)) -> dt.datetime:
    """A moment of a day in New York."""
    return dt.datetime.combine(day, time, ZoneInfo("America/New_York"))


@dataclass(frozen=True)
class Market:
    """The stored market."""

    store: ParquetStore
    rows: Rows


def make_market(folder: Path) -> Market:
    """Store all of it, daily bars and minutes of a few days."""
    store, rows = ParquetStore(str(folder)), make_rows()
    for day in SESSIONS:
        bars = [
            {"ticker": ticker, **rows[ticker, day], "window_start": midnight(day), "transactions": 10}
            for ticker in TICKERS
        ]
        put_day(store, "stocks_daily", day, bars)
    for at in (99, 100, 399, 400):
        times = [dt.time(9, 30), dt.time(9, 31), dt.time(4, 0)]
        minutes = [{**bar, "window_start": midnight(SESSIONS[at], time)} for bar in bars for time in sorted(times)]
        put_day(store, "stocks_minute", SESSIONS[at], minutes)
    put_events(store, SPLITS, [split(name, str(SESSIONS[at]), *ratio) for name, at, *ratio in SPLIT_EVENTS])
    paid = [
        dividend(name, str(SESSIONS[at]), amount, id=f"{number}")
        for number, (name, at, amount) in enumerate(DIVIDEND_EVENTS)
    ]
    put_events(store, DIVIDENDS, paid)
    return Market(store, rows)
