"""A stored day against the session before it: splits that nobody knows of, a universe that shrinks, odd row counts.

Belongs here: two days of one dataset. Does not: two datasets of one day (``bars_and_parts``).
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.cross_rules import (
    CHEAPEST,
    FEWEST_TRADES,
    SHRINKS,
    SPLIT,
    CrossFinding,
    Floats,
    Mask,
    worst_of,
)
from polygon_assets.reference.events import SPLITS
from polygon_assets.reference.tables import read_events
from polygon_assets.store.row_counts import RowCounts
from polygon_assets.store.s3_folder import answering
from polygon_assets.wording import counted

_PRICES = ("open", "close", "transactions")
_THREE_FOR_TWO = 1.5


def compare_with_day_before(store: ParquetStore, dataset: Dataset, day: str, before: str) -> Iterator[CrossFinding]:
    """What is odd about ``day``, which is stored, if the session ``before`` is right; it is stored, too.

    Raises:
        StoreError: a day or the table of splits cannot be read.
        StoreUnreachableError: the store's bucket does not answer.
    """
    now, then = store.provenance(dataset.name, day), store.provenance(dataset.name, before)
    is_comparable = now is not None and then is not None and now.filter == then.filter
    if dataset.universe and is_comparable and now and then:
        if dataset.universe == "ticker":
            counts = now.symbols, then.symbols
        else:
            counts = _distinct(store, dataset, day), _distinct(store, dataset, before)
        if counts[0] < (1 - SHRINKS) * counts[1]:
            shown = {"counted": f"{dataset.universe}s", "then": counts[1], "now": counts[0]}
            yield CrossFinding("universe_shrinks", before, counts[1] - counts[0], counts[1], (shown,))
    if knows_of_splits(dataset):
        yield from _splits(store, dataset, day, before)


def knows_of_splits(dataset: Dataset) -> bool:
    """Is a close of ``dataset`` held against the stored splits?"""
    return dataset.adjustable and dataset.session is None


def compare_row_count(row_counts: RowCounts, day: str) -> Iterator[CrossFinding]:
    """Is the number of rows of the stored ``day`` like that of the days before it?"""
    compared = row_counts.compare(day)
    if not compared.passed:
        shown = {"rows": compared.rows, "median": compared.median}
        yield CrossFinding("rows_unusual", f"{counted(compared.neighbours, 'day')} before", 1, 1, (shown,))


def _distinct(store: ParquetStore, dataset: Dataset, day: str) -> int:
    found: set[str | None] = set()
    try:
        with answering(store.path(dataset.name, day)):
            for batch in store.scan_days(dataset.name, [day]).to_batches(columns=[dataset.universe]):
                values: Any = batch.column(0).cast(pa.string())
                found.update(pc.unique(values).to_pylist())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise StoreError(f"{store.path(dataset.name, day)}: not readable: {error}") from error
    return len(found - {None})


def _splits(store: ParquetStore, dataset: Dataset, day: str, before: str) -> Iterator[CrossFinding]:
    now, then = _bars(store, dataset, day), _bars(store, dataset, before)
    tickers = now.column("ticker").combine_chunks()
    places: Any = pc.index_in(tickers, value_set=then.column("ticker").combine_chunks())
    at = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False))
    tickers = tickers.take(at)
    here: dict[str, Floats] = {name: now.column(name).to_numpy()[at] for name in _PRICES}
    there: dict[str, Floats] = {
        name: then.column(name).to_numpy()[places.to_numpy(zero_copy_only=False)[at].astype(np.int64)]
        for name in _PRICES
    }
    known = _known_ratios(store, tickers, before, day)
    with np.errstate(divide="ignore", invalid="ignore"):
        closed, opened = (there["close"] / here[name] / known for name in ("close", "open"))
    nearest = _nearest(closed)
    told = (np.minimum(here["transactions"], there["transactions"]) >= FEWEST_TRADES) & (
        np.maximum(here["close"], there["close"]) >= CHEAPEST
    )
    moved = told & _is_near(closed, nearest) & _is_near(opened, nearest)
    shown = {"close_before": there["close"], "open": here["open"], "close": here["close"], "ratio": nearest}
    shown["known_ratio"] = known
    yield from worst_of("split_unknown", before, tickers, moved, there["transactions"], shown)


def _bars(store: ParquetStore, dataset: Dataset, day: str) -> pa.Table:
    try:
        with answering(store.path(dataset.name, day)):
            return store.scan_days(dataset.name, [day]).to_table(columns=["ticker", *_PRICES])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise StoreError(f"{store.path(dataset.name, day)}: not readable: {error}") from error


def _known_ratios(store: ParquetStore, tickers: Any, before: str, day: str) -> Floats:
    """By what known splits divide the price of each ticker between the two days; 1 where there are none."""
    ratios = np.ones(len(tickers))
    try:
        events = read_events(store, SPLITS, None, ["ticker", SPLITS.date, *SPLITS.amounts, "problem"])
    except FileNotFoundError:
        return ratios
    date, first, last = events.column(SPLITS.date), *(dt.date.fromisoformat(each) for each in (before, day))
    within = pc.and_(pc.greater(date, pa.scalar(first)), pc.less_equal(date, pa.scalar(last)))
    usable = events.filter(pc.and_(within, pc.is_null(events.column("problem"))))
    places = pc.index_in(usable.column("ticker"), value_set=tickers).to_pylist()
    for place, event in zip(places, usable.to_pylist(), strict=True):
        if place is not None:
            ratios[place] *= event["split_to"] / event["split_from"]
    return ratios


def _nearest(ratios: Floats) -> Floats:
    """The ratio of a split that is nearest: 3:2, or a whole number from 2 on; below 1 for reverse splits."""
    size = np.fmax(ratios, 1 / ratios)
    whole = np.where(np.abs(size - _THREE_FOR_TWO) < np.abs(size - 2), _THREE_FOR_TWO, np.fmax(np.rint(size), 2))
    return np.where(ratios < 1, 1 / whole, whole)


def _is_near(ratios: Floats, nearest: Floats) -> Mask:
    near: Mask = np.abs(ratios / nearest - 1) <= SPLIT
    return near
