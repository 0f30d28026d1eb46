"""Prices that can be compared: adjusting many tickers and one, a ticker's days, datasets against each other.

Days beyond those that were made are hard links to them; splits and dividends are made up, more than any ticker has had.
"""

import datetime as dt
import random
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.files import Extent, day_of, last_days
from benchmarks.large_file import DATASET, large_file
from benchmarks.processes import WORK, ContestantError, Outcome, alternate, ours, run
from benchmarks.reading import stored_days, write_years
from benchmarks.results import Result, Row, Target, compared
from benchmarks.trades import QUICK_SIZE
from polygon_assets.calendars import trading_calendar
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.closes import remember_closes
from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets.sample.generators import Size
from polygon_assets_tests.reading.market import put_events
from polygon_assets_tests.servers.rest_api import dividend, split
from polygon_assets_tests.servers.seaweed import S3Server

TICKER = "MSFT"
TICKERS = 500
SPLITS_OF_EACH, SESSIONS_BETWEEN_DIVIDENDS = 3, 63
RAW, SPLIT_ONLY, BOTH = "as traded", "adjust='splits'", "adjust='splits+dividends'"
MORE, ONE_TICKER, FROM_DAYS, FROM_YEARS = 1.2, 0.3, 10.0, 1.0
"""What is asked: the share of reading, and seconds."""


def measure(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """Four results."""
    count, rounds = (500, 3) if extent.quick else (5040, 7)
    days = last_days("stocks_daily", count)
    own = WORK / "out" / "comparing"  # not the store of ``reading``: it would be missed
    shutil.rmtree(own, ignore_errors=True)
    store = stored_days("stocks_daily", files["stocks_daily"], days, server, into=own)
    from_days = _coverage(store, rounds)
    write_years(store, "stocks_daily", days)
    tickers = _with_events(store, days)
    results = [_adjusting(store, tickers, count, rounds), _of_a_ticker(store, from_days, count, rounds)]
    return [*results, _cross(files, rounds, server), _cross_trades(files, extent, server)]


def _with_events(store: Path, days: list[str]) -> Path:
    """Store events of the tickers with the most volume, and remember the closes; the file that names these."""
    opened, chance = ParquetStore(str(store)), random.Random(1)  # noqa: S311 (made up)
    newest = opened.scan("stocks_daily", days[-1], days[-1]).to_table(columns=["ticker", "volume"])
    names: list[Any] = newest.sort_by([("volume", "descending")])["ticker"].to_pylist()[:TICKERS]
    retrieved = dt.datetime.fromisoformat(days[-1]).replace(tzinfo=dt.UTC) + dt.timedelta(days=7)
    splits = [split(name, chance.choice(days), 1, 2) for name in names for _ in range(SPLITS_OF_EACH)]
    paid = [dividend(name, day, 0.01) for name in names for day in days[30::SESSIONS_BETWEEN_DIVIDENDS]]
    put_events(opened, SPLITS, splits, retrieved)
    put_events(opened, DIVIDENDS, paid, retrieved)
    remember_closes(opened, trading_calendar().sessions)
    path = WORK / "out" / "tickers.txt"
    path.write_text("\n".join(names))
    return path


def _adjusting(store: Path, tickers: Path, count: int, rounds: int) -> Result:
    title = f"Reading {TICKERS} tickers' daily bars over {count / 252:.0f} years, and adjusting them"
    print(title, flush=True)
    kinds = {RAW: "raw", SPLIT_ONLY: "splits", BOTH: "splits+dividends"}
    outcomes = alternate(
        {name: partial(run, ours("adjust", kind, store, tickers)) for name, kind in kinds.items()}, rounds
    )
    if len({each.answer["rows"] for runs in outcomes.values() for each in runs}) != 1:
        raise ContestantError("adjusting lost rows, or made some")
    targets = [
        compared(f"{title}: {name}, {unit}", outcomes, name, RAW, unit, MORE)
        for name in (SPLIT_ONLY, BOTH)
        for unit in ("wall", "cpu")
    ]
    rows = [Row.inside(name, runs) for name, runs in outcomes.items()]
    read = outcomes[RAW][0].answer["rows"]
    events = f"{SPLITS_OF_EACH} splits and {count // SESSIONS_BETWEEN_DIVIDENDS} dividends"
    return Result(title, rows, targets, f"{read:,} rows; each ticker has {events}.")


def _coverage(store: Path, rounds: int) -> list[Outcome]:
    name = f"reading.ticker_coverage({TICKER}), from days"
    return alternate({name: partial(run, ours("adjust", "coverage", store, TICKER))}, min(rounds, 3))[name]


def _of_a_ticker(store: Path, from_days: list[Outcome], count: int, rounds: int) -> Result:
    title = f"{TICKER} over {count / 252:.0f} years: adjusted, and on which days it is there"
    print(title, flush=True)
    adjusted, years, days = f"scan({BOTH})", "ticker_coverage, yearly files", "ticker_coverage, days"
    outcomes = alternate(
        {
            adjusted: partial(run, ours("adjust", "splits+dividends", store, TICKER)),
            years: partial(run, ours("adjust", "coverage", store, TICKER)),
        },
        rounds,
    )
    outcomes[days] = from_days
    rows = [Row.inside(name, runs) for name, runs in outcomes.items()]
    bounds = {adjusted: ONE_TICKER, years: FROM_YEARS, days: FROM_DAYS}
    return Result(title, rows, [_within(title, row, bounds[row.name]) for row in rows])


def _within(title: str, row: Row, bound: float) -> Target:
    reached = f"{row.wall.median:.2f} s ({row.wall.lowest:.2f}–{row.wall.highest:.2f})"
    return Target(f"{title}: {row.name}", reached, f"< {bound:g} s", row.wall.median < bound)


def _cross_trades(files: dict[str, list[Path]], extent: Extent, server: S3Server) -> Result:
    """A day's minutes against a large file of its trades, which are of other tickers: what counts is reading them."""
    title = "A full-size day of minutes against its trades"
    print(title, flush=True)
    store, bars = WORK / "out" / "cross-trades", "stocks_minute"
    shutil.rmtree(store, ignore_errors=True)
    raw = large_file(*QUICK_SIZE) if extent.quick else large_file()
    stored_days(bars, files[bars][-1:], [day_of(raw)], server, into=store)
    target = Path(ParquetStore(str(store)).path(DATASET, day_of(raw)))
    target.parent.mkdir(parents=True)
    run(ours("convert", DATASET, day_of(raw), raw, target, large_file(2, Size(20, 1_000)), "2", "1"))
    row = Row.inside(bars, alternate({bars: partial(run, ours("adjust", "cross", store, bars))}, 2)[bars])
    reached = f"{row.cpu.median:.1f} s CPU, {(row.peak or 0) / 1e6:.0f} MB" if row.cpu else ""
    rows = pq.read_metadata(target).num_rows
    return Result(title, [row], [Target(f"{title}: {rows / 1e6:.0f} million", reached, "reported", None)])


def _cross(files: dict[str, list[Path]], rounds: int, server: S3Server) -> Result:
    """A full-size day of each pair, the newest of which both are there."""
    title = "A full-size day against its minutes, and against the day before"
    print(title, flush=True)
    store = WORK / "out" / "cross"
    shutil.rmtree(store, ignore_errors=True)
    pairs = [(f"{name}_daily", f"{name}_minute") for name in ("stocks", "options") if f"{name}_minute" in files]
    for dataset in (name for pair in pairs for name in pair):
        days = [day_of(path) for path in files[dataset][-2:]]
        stored_days(dataset, files[dataset][-2:], days, server, into=store)
    outcomes = alternate({bars: partial(run, ours("adjust", "cross", store, bars)) for bars, _ in pairs}, rounds)
    rows = [Row.inside(name, runs) for name, runs in outcomes.items()]
    targets = [
        Target(f"{title}: {row.name}", f"{row.cpu.median:.2f} s CPU" if row.cpu else "", "reported", None)
        for row in rows
    ]
    return Result(title, rows, targets)
