"""The rules for ticks: prices, sizes and stamps of each row, and what only a whole day shows.

Belongs here: their application. Does not: which there are and for whom (``quality``, ``datasets``).
"""

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import Dataset
from polygon_assets.flatfile.findings import Severity, Tally
from polygon_assets.flatfile.rows import Batch, Ints, Mask
from polygon_assets.flatfile.tickers import TickerParts

if TYPE_CHECKING:
    from polygon_assets.flatfile.quality import Examination

HIGHEST_AMOUNT = 1e12
"""Shares, contracts or trades."""
FEWEST_TRADES = 1_000
"""Fewer of a day, or of its most traded ticker, do not tell whether something is wrong."""
LAST_PART = dt.timedelta(minutes=30)
"""Of regular trading: the most traded ticker trades in it."""
NEARLY_ALL = 0.95
"""Share of a day's trades that have one size where the sizes are wrong."""
_SIZES = 10_000
"""Larger ones are not counted one by one: no size that all trades have is that large."""
_DAY = 86_400_000_000_000
"""Nanoseconds."""


def prices(look: "Examination", *names: str, lowest: float | None) -> None:
    """Are the columns ``names`` finite, believable and, where there is a ``lowest``, at least that?"""
    dataset, batch = look.dataset, look.batch
    highest = dataset.highest_price
    floor = -highest if lowest is None else lowest
    columns = [batch.columns[name] for name in names]
    if all(column.min() >= floor and column.max() <= highest for column in columns):
        return
    values = np.stack(columns)
    finite: Mask = np.isfinite(values).all(axis=0)
    look.tally.add("price_not_finite", batch, ~finite)
    look.tally.add("price_beyond_belief", batch, finite & (np.abs(values) > highest).any(axis=0))
    if lowest is not None:
        rule = "price_not_positive" if lowest > 0 else "price_negative"
        look.tally.add(rule, batch, finite & (values < lowest).any(axis=0))


SMALLEST_PRICE = float(np.nextafter(0, 1))


def trade_prices(look: "Examination") -> None:
    """A trade has a price above zero."""
    prices(look, "price", lowest=SMALLEST_PRICE)


def signed_trade_prices(look: "Examination") -> None:
    """A spread's price may be zero or below."""
    prices(look, "price", lowest=None)


def index_values(look: "Examination") -> None:
    """A value is a number; that of a difference between two may be below zero."""
    prices(look, "value", lowest=None)


def quote_prices(look: "Examination") -> None:
    """Bid and ask are zero where there is none."""
    prices(look, "bid_price", "ask_price", lowest=0.0)
    bid, ask = look.batch.columns["bid_price"], look.batch.columns["ask_price"]
    _count_crossed(look, (bid > 0) & (ask > 0))


def signed_quote_prices(look: "Examination") -> None:
    """Bid and ask of a spread may be zero or below; they are null where there is none."""
    prices(look, "bid_price", "ask_price", lowest=None)
    both = np.ones(len(look.batch), dtype=np.bool_)
    for name in ("bid_price", "ask_price"):
        if (empty := look.batch.missing.get(name)) is not None:
            both &= ~empty
    _count_crossed(look, both)


def _count_crossed(look: "Examination", both: Mask) -> None:
    bid, ask = look.batch.columns["bid_price"], look.batch.columns["ask_price"]
    for rule, broken in (("quote_crossed", bid > ask), ("quote_locked", bid == ask)):
        look.tally.add(rule, look.batch, both & broken, Severity.NOTE)


def trade_sizes(look: "Examination") -> None:
    """A size is a number that is not negative."""
    _sizes(look, "size")


def quote_sizes(look: "Examination") -> None:
    """So are those of bid and ask."""
    _sizes(look, "bid_size", "ask_size")


def _sizes(look: "Examination", *names: str) -> None:
    columns = [look.batch.columns[name] for name in names]
    if all(column.min() >= 0 and column.max() <= HIGHEST_AMOUNT for column in columns):
        return
    values = np.stack(columns)
    finite: Mask = np.isfinite(values).all(axis=0)
    look.tally.add("size_not_finite", look.batch, ~finite)
    look.tally.add("size_negative", look.batch, finite & (values < 0).any(axis=0))
    look.tally.add("size_beyond_belief", look.batch, finite & (values > HIGHEST_AMOUNT).any(axis=0))


def further_stamps(look: "Examination") -> None:
    """Is a stamp beside the row's own more than a day away from it? It is in other units, then, or of another day."""
    batch = look.batch
    for column in look.dataset.columns:
        if column.type == "timestamp[ns, UTC]" and column.name != batch.time:
            far: Mask = np.abs(batch.columns[column.name] - batch.columns[batch.time]) > _DAY
            if (empty := batch.missing.get(column.name)) is not None:
                far &= ~empty
            look.tally.add("stamp_far_off", batch, far)


def session_dates(look: "Examination") -> None:
    """Does the row say that its session ends on another day?"""
    dates = look.batch.columns["session_end_date"]
    other: Mask = dates != np.datetime64(look.day)
    if (empty := look.batch.missing.get("session_end_date")) is not None:
        other &= ~empty
    look.tally.add("other_session", look.batch, other)


class WholeDay(Protocol):
    """Follows the admitted rows of a day, and judges them at its end."""

    def follow(self, batch: Batch, parts: TickerParts | None) -> None:
        """Take in the next rows."""

    def conclude(self, tally: Tally) -> None:
        """Say what is wrong with the day."""


class EarlyEnd:
    """Was the file cut in the middle of the session? Whatever trades most, trades until the closing bell.

    Contracts are counted by their underlying: a day of options was cut off at 15:32 for the largest of them.
    """

    def __init__(self, dataset: Dataset, day: dt.date) -> None:
        self._trades: Counter[str | None] = Counter()
        self._last: dict[str | None, int] = {}
        self._granularity = dataset.layout.granularity
        hours = trading_calendar(dataset.calendar).regular_hours.get(day)
        self._closing = hours[1] if hours else None

    def follow(self, batch: Batch, parts: TickerParts | None) -> None:
        """Count trades, and keep the time of the last."""
        if self._closing is None:
            return
        names: Any = batch.names if parts is None else parts.columns["underlying"]
        names = names.cast(pa.string()).to_pylist()
        counts = np.bincount(batch.codes, minlength=len(names))
        last = np.zeros(len(names), dtype=np.int64)
        np.maximum.at(last, batch.codes, batch.times)
        for name, count, time in zip(names, counts.tolist(), last.tolist(), strict=True):
            self._trades[name] += count
            self._last[name] = max(time, self._last.get(name, 0))

    def conclude(self, tally: Tally) -> None:
        """Look at the name with the most trades."""
        self._trades.pop(None, None)
        for name, count in self._trades.most_common(1):
            last = dt.datetime.fromtimestamp(self._last[name] * self._granularity // 1_000_000_000, dt.UTC)
            if self._closing and count >= FEWEST_TRADES and last < self._closing - LAST_PART:
                sample = {"ticker": name, "trades": count, "last": last.isoformat()}
                tally.note("session_ends_early", sample=(sample,))


class OneSize:
    """Have nearly all trades one size? So they had on days whose sizes were plainly wrong."""

    def __init__(self, dataset: Dataset, day: dt.date) -> None:  # noqa: ARG002 (as all of them are made)
        self._counts = np.zeros(_SIZES, dtype=np.int64)
        self._trades = 0

    def follow(self, batch: Batch, parts: TickerParts | None) -> None:  # noqa: ARG002
        """Count the trades of each size."""
        sizes = batch.columns["size"]
        self._trades += len(sizes)
        small = sizes[(sizes >= 0) & (sizes < _SIZES)]
        whole: Ints = small.astype(np.int64)
        self._counts += np.bincount(whole[whole == small], minlength=_SIZES)

    def conclude(self, tally: Tally) -> None:
        """Look at the most frequent size."""
        size = int(np.argmax(self._counts))
        count = int(self._counts[size])
        if self._trades >= FEWEST_TRADES and count > NEARLY_ALL * self._trades:
            tally.note("one_size", count, sample=({"size": size, "trades": count, "of": self._trades},))
