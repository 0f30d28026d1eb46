"""A stored day at a glance: its first rows and its largest movers, as Markdown.

Belongs here: choosing and laying out a few rows. Does not: where they are shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from polygon_assets.datasets import get_dataset
from polygon_assets.ingest import ParquetStore

PREVIEW_ROWS = 10
MOVERS = 5
"""Gainers, and losers."""
MOST_TRADED = 1_000
"""Movers are looked for among so many tickers with the largest turnover: the others move by a cent and by half."""


@dataclass(frozen=True)
class Mover:
    """A ticker and what its price did on the day."""

    ticker: str
    open: float
    """First price of the day, US dollars."""
    close: float
    """Last price, US dollars."""
    volume: float

    @property
    def change(self) -> float:
        """As a fraction of the first price."""
        return self.close / self.open - 1


def preview(store: ParquetStore, dataset: str, day: str) -> str:
    """The first rows of the stored day."""
    with store.open_input_file(dataset, day) as file:
        batch = next(pq.ParquetFile(file).iter_batches(PREVIEW_ROWS), None)
    names = [column.name for column in get_dataset(dataset).stored_columns]
    rows = batch.to_pylist() if batch is not None else []
    return markdown(names, ([_cell(row[name]) for name in names] for row in rows))


def movers(store: ParquetStore, dataset: str, day: str) -> tuple[list[Mover], list[Mover]]:
    """The most traded tickers that rose, and that fell, the most from their first price to their last.

    Rows are sorted by ticker and time, so each ticker is one run of rows.
    """
    columns = ["ticker", "open", "close", "volume"]
    held = {column.name for column in get_dataset(dataset).stored_columns}
    if not held.issuperset(("open", "close")):
        return [], []
    if "volume" not in held:
        columns.remove("volume")
    with store.open_input_file(dataset, day) as file:
        table = pq.read_table(file, columns=columns, read_dictionary=["ticker"])
    tickers = table.column("ticker").combine_chunks().dictionary_encode()
    if not len(tickers):
        return [], []
    codes = tickers.indices.to_numpy()
    first = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    last = np.r_[first[1:], len(codes)] - 1
    opens, closes = table.column("open").to_numpy()[first], table.column("close").to_numpy()
    volumes = table.column("volume").to_numpy() if "volume" in columns else np.ones(len(codes))
    turnover, volume = np.add.reduceat(volumes * closes, first), np.add.reduceat(volumes, first)
    busiest = np.argsort(-turnover, kind="stable")[:MOST_TRADED]
    busiest = busiest[opens[busiest] > 0]
    ranked = busiest[np.argsort(closes[last][busiest] / opens[busiest], kind="stable")]

    def mover(number: int) -> Mover:
        name = tickers.dictionary[int(codes[first[number]])].as_py()
        return Mover(name, float(opens[number]), float(closes[last[number]]), float(volume[number]))

    gainers, losers = [mover(each) for each in ranked[::-1][:MOVERS]], [mover(each) for each in ranked[:MOVERS]]
    return [each for each in gainers if each.change > 0], [each for each in losers if each.change < 0]


def movers_table(gainers: Iterable[Mover], losers: Iterable[Mover]) -> str:
    """Both as one table, from the largest gain to the largest loss."""
    found = [*gainers, *reversed(list(losers))]
    rows = ([_text(each.ticker), *_figures(each)] for each in found)
    return markdown(["ticker", "change", "first", "last", "volume"], rows)


def markdown(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; the cells are as they should be shown."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figures(each: Mover) -> tuple[str, ...]:
    return (f"{each.change:+.1%}", f"{each.open:,.2f}", f"{each.close:,.2f}", f"{each.volume:,.0f}")


def _cell(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, float) else _text("" if value is None else str(value))


def _text(value: str) -> str:
    """``value`` without what Markdown or a terminal would take for more than text."""
    return "".join(
        "\\|" if each == "|" else each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in value
    )
