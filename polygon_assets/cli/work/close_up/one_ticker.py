"""``polygon-assets status --ticker``: on which stored days a ticker has rows, as a table, as gaps, and as a heatmap.

Belongs here: showing it. Does not: looking (``reading.ticker_days``).
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.progress import TaskID
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.work.status import draw
from polygon_assets.datasets import Dataset
from polygon_assets.ingest.connections import open_store
from polygon_assets.reading.inventory import DayState
from polygon_assets.reading.ticker_days import Rename, TickerCoverage, ticker_coverage
from polygon_assets.settings import load_settings

_GAPS_SHOWN = 5
_LEGEND = (
    ("■", "green", "rows on all stored days"),
    ("◧", "yellow", "on some"),
    ("·", "red", "on none, between the first and the last"),
)


def run_one(datasets: Sequence[Dataset], ticker: str, *, as_json: bool, heatmap: bool) -> None:
    """Show on which stored days of ``datasets`` the ``ticker`` has rows."""
    store = open_store(load_settings())
    taken = []
    with console.progress() as shown:
        for row in datasets:
            task = shown.add_task(row.name, total=None, note=f"looking for {ticker}")

            def on_files(read: int, of: int, task: TaskID = task) -> None:
                shown.update(task, total=of, completed=read)

            taken.append(ticker_coverage(row.name, ticker, store=store, on_files=on_files))
    if as_json:
        console.print_json({"store": store.uri, "ticker": ticker, "datasets": [_plain(each) for each in taken]})
        return
    console.out.print(f"Store: {store.uri}", soft_wrap=True)
    held = [each for each in taken if each.rows]
    if held:
        console.show(_table(ticker, held))
    for each in held:
        for line in _lines(each):
            console.out.print(f"{each.dataset}: {line}", soft_wrap=True)
    _name_absent(ticker, taken)
    if heatmap and held:
        for each in held:
            console.out.print(draw(f"{ticker}, {each.dataset}", _states(each)))
        console.out.print(_legend())


def _table(ticker: str, held: Sequence[TickerCoverage]) -> Any:
    figures = ("days with rows", "days without", "runs", "rows")
    shown = console.table(None, "ticker", "dataset", "first", "last", *figures, right=figures)
    for each in held:
        numbers = (len(each.rows), len(each.without), len(each.gaps), sum(each.rows.values()))
        shown.add_row(ticker, each.dataset, str(each.first), str(each.last), *(f"{number:,}" for number in numbers))
    return shown


def _lines(each: TickerCoverage) -> Iterator[str]:
    """What is said below the table: the longest gaps, and names that it may have had."""
    longest = sorted(each.gaps, key=lambda gap: (-gap.days, gap.first))
    for gap in longest[:_GAPS_SHOWN]:
        days = (
            f"{gap.first}" if gap.days == 1 else f"{gap.first} to {gap.last}, {console.counted(gap.days, 'stored day')}"
        )
        yield f"no row on {days}"
    if len(longest) > _GAPS_SHOWN:
        yield f"{console.counted(len(longest) - _GAPS_SHOWN, 'more run')} of days without rows; all of them: --json"
    if each.unknown:
        count = console.counted(len(each.unknown), "day")
        yield f"{count}, {each.unknown[0]} to {each.unknown[-1]}, hold some tickers only, by a filter: not counted"
    for rename in each.was_before:
        yield f"may have been {rename.ticker} until {rename.day}: {_prices(rename)}"
    for rename in each.became:
        yield f"may be {rename.ticker} since {rename.day}: {_prices(rename)}"


def _prices(rename: Rename) -> str:
    return f"one closed at {rename.close:g}, the other opened at {rename.open:g}"


def _name_absent(ticker: str, taken: Sequence[TickerCoverage]) -> None:
    without = [each.dataset for each in taken if each.stored and not each.rows]
    if without:
        console.out.print(f"No row of {ticker}: {', '.join(without)}", soft_wrap=True)
    if not any(each.rows for each in taken) and ticker != ticker.upper():
        console.warn(f"Tickers are case-sensitive: {ticker.upper()} may be meant.")
    if not any(each.stored for each in taken):
        console.messages.print("Nothing is stored yet. For a start: polygon-assets ingest stocks_daily --last 5")


def _states(each: TickerCoverage) -> Mapping[dt.date, DayState]:
    """The stored days from the first to the last with rows, as the heatmap draws them."""
    without = set(each.without)

    def state(day: dt.date) -> DayState:
        if day in each.rows:
            return DayState.PUBLISHED
        return DayState.MISSING if day in without else DayState.OUTSIDE

    first, last = min(each.rows), max(each.rows)
    return {day: state(day) for day in each.stored if first <= day <= last}


def _legend() -> Text:
    line = Text("\n  a cell is a week: ")
    for character, style, meaning in _LEGEND:
        line.append(character, style).append(f" {meaning}   ")
    return line


def _plain(each: TickerCoverage) -> dict[str, Any]:
    """The coverage as plain values."""
    return {
        "dataset": each.dataset,
        "first": each.first,
        "last": each.last,
        "days_with_rows": len(each.rows),
        "days_without_rows": len(each.without),
        "rows": sum(each.rows.values()),
        "gaps": [{"first": str(gap.first), "last": str(gap.last), "days": gap.days} for gap in each.gaps],
        "unknown": [str(day) for day in each.unknown],
        "may_have_been": [_renamed(rename) for rename in each.was_before],
        "may_be": [_renamed(rename) for rename in each.became],
    }


def _renamed(rename: Rename) -> dict[str, Any]:
    return {"ticker": rename.ticker, "day": str(rename.day), "close": rename.close, "open": rename.open}
